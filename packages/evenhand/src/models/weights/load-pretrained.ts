import { loadStateDict, openWeights } from '@evenhand/torch';
import type { ImageModel } from '../model.js';
import { type FetchOptions, fetchWeights } from './fetch-weights.js';
import type { WeightsSource } from './file-hash.js';

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
  weights: WeightsSource | string,
  options: FetchOptions = {},
): Promise<string> {
  const path = typeof weights === 'string' ? weights : await fetchWeights(weights, options);
  const file = openWeights(path);
  try {
    loadStateDict(model, file, { without: 'classifier' });
  } finally {
    file.close();
  }
  return path;
}
