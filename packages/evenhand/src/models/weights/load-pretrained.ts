import { loadStateDict, openWeights } from '@evenhand/torch';
import type { ImageModel } from '../model.js';
import type { ModelSpec } from '../spec.js';
import { type FetchOptions, fetchWeights } from './fetch-weights.js';
import { WeightsError } from './weights-error.js';

/**
 * Loads pretrained weights into the backbone of `model`. The head stays as it is, because its classes are not ImageNet's.
 *
 * @param weights the path of a file (safetensors or `.pth`), or where to download one: `modelInfo(name).weights`
 * @returns the path of the file that was loaded
 * @throws WeightsError if the file cannot be downloaded (see `fetchWeights`), WeightsFileError if it cannot be read, and
 * TorchError, with the names of the keys, if it belongs to another model; the model is then unchanged
 */
export async function loadPretrained(
  model: ImageModel,
  weights: ModelSpec['weights'],
  options: FetchOptions = {},
): Promise<string> {
  if (typeof weights !== 'string' && 'repository' in weights) {
    throw new WeightsError('not-found', `${weights.repository}: weights of the hub cannot be downloaded yet.`);
  }
  const path = typeof weights === 'string' ? weights : await fetchWeights(weights, options);
  const file = openWeights(path);
  try {
    loadStateDict(model, file, { without: model.classifierKey });
  } finally {
    file.close();
  }
  return path;
}
