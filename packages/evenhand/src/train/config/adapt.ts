import { familyOf } from '../../models/index.js';
import type { Config } from './fields.js';

/** Settings of fine-tuning that suit a family better than those of the recipes, which are for convolutional networks. */
type FineTuning = Partial<
  Pick<Config, 'backboneRate' | 'layerDecay' | 'weightDecay' | 'clipNorm' | 'dropPath' | 'ema'>
>;

// Vision transformers: MAE (arXiv 2111.06377, table 9) and BEiT (arXiv 2106.08254) fine-tune with AdamW, layer-wise decay
// and stochastic depth 0.1, at 5e-4 to 1e-3 for a batch of 1024, which is 1.6e-5 to 3e-5 at 32; CLIP (arXiv 2212.06138)
// and EVA02 (arXiv 2303.11331) stay at the lower end.
const TRANSFORMER: FineTuning = {
  backboneRate: 5e-5,
  layerDecay: 0.75,
  weightDecay: 0.05,
  clipNorm: 1,
  dropPath: 0.1,
};

/** By `Family.name`; docs/recipe.md has the sources. */
export const FINE_TUNING: Readonly<Record<string, FineTuning>> = {
  ViT: TRANSFORMER,
  'Rotary ViT': TRANSFORMER,
  // arXiv 2103.14030, section 4.1: ImageNet-22k to 1k at 2e-5 for a batch of 512 and stochastic depth 0.1 to 0.2.
  Swin: { backboneRate: 5e-5, layerDecay: 0.9, weightDecay: 0.05, clipNorm: 1, dropPath: 0.1 },
  // arXiv 2201.03545, table 6: ImageNet-22k to 1k at 5e-5 for a batch of 512, layer-wise decay 0.8, stochastic depth 0.1.
  ConvNeXt: { backboneRate: 1e-4, layerDecay: 0.8, weightDecay: 0.05, clipNorm: 1, dropPath: 0.1 },
};

/** What a recipe changes for an architecture: rates of its family, and no growing images if it has one image size. */
export function adaptTo(architecture: string): Partial<Config> {
  const { name, fixedSize = false } = familyOf(architecture);
  return { ...FINE_TUNING[name], ...(fixedSize ? { startSize: 0 } : {}) };
}
