import { loadStateDict, openWeights } from '@evenhand/torch';
import type { ImageModel } from '../model.js';
import { type FetchOptions, fetchWeights, type WeightsSource } from './fetch-weights.js';

/**
 * Loads a backbone's weights into `model` and leaves its head as it is: ImageNet's classes are not the user's.
 *
 * @param weights a file's path (safetensors or `.pth`), or where to download one: `modelInfo(name).weights`
 * @returns the path of the file that was loaded
 * @throws WeightsError where the file cannot be had (see `fetchWeights`), WeightsFileError where it cannot be read, and
 * TorchError, naming the keys, where it is of another model; the model is unchanged then
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
