import type { ImageModel, Part } from './model.js';

/**
 * The model's parts in groups from input to output: stem, one group per block, last convolution, classifier with what is before it. Together
 * they hold each parameter once. A group's index is its depth, which layer-wise learning-rate decay uses (Bao et al.,
 * arXiv 2106.08254).
 */
export function layerGroups(model: ImageModel): Part[][] {
  return [...model.backbone(), [...model.neck(), model.classifier]];
}
