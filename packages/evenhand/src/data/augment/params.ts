import type { Box } from '@evenhand/predict';
import type { Random } from '../../random.js';
import { type PolicyOp, sampleRandAugment, sampleTrivialAugment } from './policy.js';

/** Random transforms of training images. Omitted ones are off; defaults are torchvision's. */
export interface AugmentOptions {
  /** RandomResizedCrop: range of the crop's area relative to the image's, default [0.08, 1]. */
  readonly scale?: readonly [min: number, max: number];
  /** RandomResizedCrop: range of the crop's aspect ratio (width / height), default [3/4, 4/3]. */
  readonly ratio?: readonly [min: number, max: number];
  /** Probability of a horizontal flip. */
  readonly horizontalFlip?: number;
  /** Probability of a vertical flip. */
  readonly verticalFlip?: number;
  /** ColorJitter: factors are drawn from [max(0, 1 - x), 1 + x], the hue shift from [-x, x] turns. */
  readonly colorJitter?: {
    readonly brightness?: number;
    readonly contrast?: number;
    readonly saturation?: number;
    readonly hue?: number;
  };
  /** RandomRotation: the angle is drawn from [-x, x] degrees. */
  readonly rotation?: number;
  /** RandAugment (numOps 2 and magnitude 9 of 30 are torchvision's) or TrivialAugmentWide. */
  readonly policy?:
    | { readonly kind: 'randAugment'; readonly numOps?: number; readonly magnitude?: number }
    | { readonly kind: 'trivialAugment' };
  /** RandomErasing: probability of erasing a rectangle of 2 to 33 % of the area. */
  readonly erasing?: number;
}

export type JitterOp = 'brightness' | 'contrast' | 'saturation' | 'hue';

/** The random parameters of one sample, as plain data for `applyAugment`. */
export interface AugmentParams {
  /** In pixels of the source image. */
  readonly crop: Box;
  readonly horizontalFlip: boolean;
  readonly verticalFlip: boolean;
  /** In the order in which they are applied. */
  readonly jitter: readonly (readonly [op: JitterOp, factor: number])[];
  /** Degrees counter-clockwise; 0 if off. */
  readonly angle: number;
  readonly policy: readonly PolicyOp[];
  /** In pixels of the result. */
  readonly erase: Box | undefined;
}

const JITTER_OPS: readonly JitterOp[] = ['brightness', 'contrast', 'saturation', 'hue'];

/**
 * Draws one sample's parameters for an image of width x height pixels that becomes size x size pixels, each with the
 * distribution of torchvision's transform of that name.
 */
export function sampleAugment(
  random: Random,
  width: number,
  height: number,
  size: number,
  options: AugmentOptions,
): AugmentParams {
  return {
    crop: randomResizedCrop(random, width, height, options.scale, options.ratio),
    horizontalFlip: random.uniform() < (options.horizontalFlip ?? 0),
    verticalFlip: random.uniform() < (options.verticalFlip ?? 0),
    jitter: colorJitter(random, options.colorJitter ?? {}),
    angle: options.rotation === undefined ? 0 : between(random, -options.rotation, options.rotation),
    policy: policyOps(random, size, options.policy),
    erase: random.uniform() < (options.erasing ?? 0) ? randomErasing(random, size) : undefined,
  };
}

/** Source: torchvision `RandomResizedCrop.get_params` (Szegedy et al., arXiv 1409.4842). */
export function randomResizedCrop(
  random: Random,
  width: number,
  height: number,
  scale: readonly [number, number] = [0.08, 1],
  ratio: readonly [number, number] = [3 / 4, 4 / 3],
): Box {
  for (let attempt = 0; attempt < 10; attempt++) {
    const box = sizeOf(random, width * height, scale, ratio);
    if (box.width > 0 && box.width <= width && box.height > 0 && box.height <= height) {
      return { ...box, top: random.int(height - box.height + 1), left: random.int(width - box.width + 1) };
    }
  }
  const inRatio = width / height;
  let [w, h] = [width, height];
  if (inRatio < ratio[0]) h = Math.round(width / ratio[0]);
  else if (inRatio > ratio[1]) w = Math.round(height * ratio[1]);
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** Source: torchvision `RandomErasing.get_params` (Zhong et al., arXiv 1708.04896); its ratio is height over width. */
export function randomErasing(random: Random, size: number): Box | undefined {
  for (let attempt = 0; attempt < 10; attempt++) {
    const { width: height, height: width } = sizeOf(random, size * size, [0.02, 0.33], [0.3, 3.3]);
    if (height < size && width < size) {
      return { width, height, top: random.int(size - height + 1), left: random.int(size - width + 1) };
    }
  }
  return undefined;
}

/** Source: torchvision `ColorJitter.get_params`: the order is random, each factor uniform in its range. */
export function colorJitter(
  random: Random,
  options: NonNullable<AugmentOptions['colorJitter']>,
): [op: JitterOp, factor: number][] {
  const order = random.permutation(JITTER_OPS.length);
  const factors = JITTER_OPS.map((op) => {
    const range = options[op] ?? 0;
    return op === 'hue' ? between(random, -range, range) : between(random, Math.max(0, 1 - range), 1 + range);
  });
  return [...order].map((i) => [JITTER_OPS[i]!, factors[i]!] as [JitterOp, number]).filter(([op]) => options[op]);
}

function policyOps(random: Random, size: number, policy: AugmentOptions['policy']): PolicyOp[] {
  switch (policy?.kind) {
    case 'randAugment':
      return sampleRandAugment(random, size, policy.numOps, policy.magnitude);
    case 'trivialAugment':
      return [sampleTrivialAugment(random)];
    default:
      return [];
  }
}

/** A rectangle of random area and log-uniform aspect ratio, in whole pixels. */
function sizeOf(
  random: Random,
  area: number,
  scale: readonly [number, number],
  ratio: readonly [number, number],
): { width: number; height: number } {
  const target = area * between(random, scale[0], scale[1]);
  const aspect = Math.exp(between(random, Math.log(ratio[0]), Math.log(ratio[1])));
  return { width: Math.round(Math.sqrt(target * aspect)), height: Math.round(Math.sqrt(target / aspect)) };
}

function between(random: Random, min: number, max: number): number {
  return min + (max - min) * random.uniform();
}
