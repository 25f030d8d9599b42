import { ops, type Tensor, tensor } from '@evenhand/torch';
import type { Random } from '../../random.js';
import type { Config } from '../config/fields.js';
import type { Targets } from './targets.js';

/** How the images of one batch are mixed. */
export interface MixPlan {
  readonly kind: 'mixup' | 'cutmix';
  /** The share of an image that remains; for CutMix the share of its area, after clipping the box at the border. */
  readonly lambda: number;
  /** The partner of each image: indices [N]. */
  readonly partners: Int32Array;
  /** CutMix: the pasted box in pixels. */
  readonly box: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number };
}

/**
 * Draws how a batch is mixed; undefined if it is not. MixUp: Zhang et al., arXiv 1710.09412; CutMix:
 * Yun et al., arXiv 1905.04899, its box centred anywhere and clipped at the border, lambda corrected to the area pasted.
 */
export function drawMix(
  { mixProbability, cutMixShare, mixAlpha }: Pick<Config, 'mixProbability' | 'cutMixShare' | 'mixAlpha'>,
  random: Random,
  count: number,
  size: number,
): MixPlan | undefined {
  if (random.uniform() >= mixProbability) return undefined;
  const kind = random.uniform() < cutMixShare ? 'cutmix' : 'mixup';
  const lambda = random.beta(mixAlpha, mixAlpha);
  const partners = random.permutation(count);
  if (kind === 'mixup') return { kind, lambda, partners, box: { top: 0, left: 0, bottom: 0, right: 0 } };
  const half = (size * Math.sqrt(1 - lambda)) / 2;
  const [y, x] = [random.int(size), random.int(size)];
  const clip = (coordinate: number) => Math.min(size, Math.max(0, Math.trunc(coordinate)));
  const box = { top: clip(y - half), left: clip(x - half), bottom: clip(y + half), right: clip(x + half) };
  const area = (box.bottom - box.top) * (box.right - box.left);
  return { kind, lambda: 1 - area / size ** 2, partners, box };
}

/**
 * Mixes images [N,3,H,W], which may be overwritten, and their labels (int64 [N], or probabilities [N,K]) by the plan.
 *
 * @returns the images to train on, and their targets
 */
export function applyMix(images: Tensor, labels: Tensor, plan: MixPlan): { images: Tensor; targets: Targets } {
  const { kind, lambda, partners, box } = plan;
  const order = tensor(partners, [partners.length], { dtype: 'int64', device: images.device });
  const targets = { a: labels, b: ops.indexSelect(labels, 0, order), lambda };
  if (kind === 'mixup') {
    const others = ops.indexSelect(images, 0, order);
    return { images: ops.add_(ops.mulScalar_(images, lambda), ops.mulScalar_(others, 1 - lambda)), targets };
  }
  const cut = (x: Tensor) => ops.slice(ops.slice(x, 2, box.top, box.bottom), 3, box.left, box.right);
  // All patches are copied before any is pasted, since an image may give one and receive one.
  ops.copy_(cut(images), ops.indexSelect(cut(images), 0, order));
  return { images, targets };
}
