import type { Random } from '../../random.js';

/** The operations of RandAugment and TrivialAugment, with torchvision's names. */
export type PolicyOpName =
  | 'Identity'
  | 'ShearX'
  | 'ShearY'
  | 'TranslateX'
  | 'TranslateY'
  | 'Rotate'
  | 'Brightness'
  | 'Color'
  | 'Contrast'
  | 'Sharpness'
  | 'Posterize'
  | 'Solarize'
  | 'AutoContrast'
  | 'Equalize';

export type PolicyOp = readonly [name: PolicyOpName, magnitude: number];

/** Name, magnitude at a level in [0, 1], and whether the sign is random. */
type Row = readonly [name: PolicyOpName, magnitude: (level: number) => number, signed: boolean];

const BINS = 31;

/** Source: torchvision `RandAugment._augmentation_space`; Cubuk et al., arXiv 1909.13719. */
function randAugmentTable(size: number): readonly Row[] {
  return [
    ['Identity', () => 0, false],
    ['ShearX', (level) => 0.3 * level, true],
    ['ShearY', (level) => 0.3 * level, true],
    ['TranslateX', (level) => Math.fround((150 / 331) * size * level), true],
    ['TranslateY', (level) => Math.fround((150 / 331) * size * level), true],
    ['Rotate', (level) => 30 * level, true],
    ['Brightness', (level) => 0.9 * level, true],
    ['Color', (level) => 0.9 * level, true],
    ['Contrast', (level) => 0.9 * level, true],
    ['Sharpness', (level) => 0.9 * level, true],
    ['Posterize', (level) => 8 - Math.round(4 * level), false],
    ['Solarize', (level) => 255 * (1 - level), false],
    ['AutoContrast', () => 0, false],
    ['Equalize', () => 0, false],
  ];
}

/** Source: torchvision `TrivialAugmentWide._augmentation_space`; Müller and Hutter, arXiv 2103.10158. */
const TRIVIAL_AUGMENT_WIDE: readonly Row[] = [
  ['Identity', () => 0, false],
  ['ShearX', (level) => 0.99 * level, true],
  ['ShearY', (level) => 0.99 * level, true],
  ['TranslateX', (level) => Math.fround(32 * level), true],
  ['TranslateY', (level) => Math.fround(32 * level), true],
  ['Rotate', (level) => 135 * level, true],
  ['Brightness', (level) => 0.99 * level, true],
  ['Color', (level) => 0.99 * level, true],
  ['Contrast', (level) => 0.99 * level, true],
  ['Sharpness', (level) => 0.99 * level, true],
  ['Posterize', (level) => 8 - Math.round(6 * level), false],
  ['Solarize', (level) => 255 * (1 - level), false],
  ['AutoContrast', () => 0, false],
  ['Equalize', () => 0, false],
];

/**
 * Draws `numOps` of RandAugment's 14 operations, all at the same magnitude, for an image of size x size pixels.
 * @param magnitude a whole number from 0 to 30
 */
export function sampleRandAugment(random: Random, size: number, numOps = 2, magnitude = 9): PolicyOp[] {
  const table = randAugmentTable(size);
  return Array.from({ length: numOps }, () => {
    const [name, magnitudeAt, signed] = table[random.int(table.length)]!;
    return [name, signedBy(random, magnitudeAt(magnitude / (BINS - 1)), signed)] as const;
  });
}

/** Draws TrivialAugmentWide's single operation and its magnitude. */
export function sampleTrivialAugment(random: Random): PolicyOp {
  const [name, magnitudeAt, signed] = TRIVIAL_AUGMENT_WIDE[random.int(TRIVIAL_AUGMENT_WIDE.length)]!;
  return [name, signedBy(random, magnitudeAt(random.int(BINS) / (BINS - 1)), signed)];
}

function signedBy(random: Random, magnitude: number, signed: boolean): number {
  return signed && random.int(2) === 1 ? -magnitude : magnitude;
}
