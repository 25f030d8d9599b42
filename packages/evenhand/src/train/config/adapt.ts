import { familyOf } from '../../models/index.js';
import type { Config } from './fields.js';

/** Settings of fine-tuning that suit a family better than those of the recipes, which are for convolutional networks. */
type FineTuning = Partial<
  Pick<Config, 'backboneRate' | 'layerDecay' | 'weightDecay' | 'clipNorm' | 'dropPath' | 'ema'>
>;

// The sources fine-tune with AdamW on ImageNet-1k; rates are theirs in proportion to the batch, for one of 32.
// Vision transformers: MAE (arXiv 2111.06377, FINETUNE.md) ViT-B 6.3e-5 with layer-wise decay 0.65, ViT-L 1.3e-4 with 0.75;
// CLIP (arXiv 2212.06138) 9.4e-6 with 0.6; EVA-02 (arXiv 2303.11331) 3e-6 to 6e-6 with 0.7 to 0.9. On 4,000 images,
// transformers' guide fine-tunes ViT-B at 5e-5 for a batch of 64. Weight decay and stochastic depth are those of MAE and
// EVA-02, clipping that of ViT (arXiv 2010.11929).
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
  // SimMIM (arXiv 2111.09886) 7.8e-5 with decay 0.8 after self-supervision; Swin (arXiv 2103.14030) 1.3e-6 without decay from
  // ImageNet-22k: 0.9 is between them. Both have stochastic depth 0.1 to 0.2.
  Swin: { backboneRate: 5e-5, layerDecay: 0.9, weightDecay: 0.05, clipNorm: 1, dropPath: 0.1 },
  // ConvNeXt V2 (arXiv 2301.00808, TRAINING.md) V2-T 1e-4 with decay 0.9 per block, weight decay 0.05. ConvNeXt (arXiv
  // 2201.03545) 3e-6 from ImageNet-22k with 0.8, but for 12 groups of blocks; its stochastic depth is 0 to 0.2.
  ConvNeXt: { backboneRate: 1e-4, layerDecay: 0.9, weightDecay: 0.05, clipNorm: 1, dropPath: 0.1 },
};

/** What a recipe changes for an architecture: rates of its family, and no growing images if it has one image size. */
export function adaptTo(architecture: string): Partial<Config> {
  const { name, fixedSize = false } = familyOf(architecture);
  return { ...FINE_TUNING[name], ...(fixedSize ? { startSize: 0 } : {}) };
}
