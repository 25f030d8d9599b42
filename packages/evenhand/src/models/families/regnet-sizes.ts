import { makeDivisible } from './rows.js';

/** The arguments of a RegNet, named as in timm `models/regnet.py`. */
export interface RegNetArguments {
  /** Number of blocks, and the line w0 + wa * block that their widths follow in powers of wm. */
  readonly depth: number;
  readonly w0: number;
  readonly wa: number;
  readonly wm: number;
  /** Channels of a group of the 3x3 convolutions. */
  readonly group_size: number;
  /** Channels inside a block as a share of its width. */
  readonly bottle_ratio: number;
  /** Channels of the squeeze-and-excitation as a share of the block's inputs; 0 for none. */
  readonly se_ratio: number;
  /** Whether widths are rounded to whole groups as in torchvision, at most 10 % down; 0 for no. */
  readonly group_min_ratio: number;
  readonly stem_width: number;
  /** The shortcut of a block that changes the shape; null for none. */
  readonly downsample: 'conv1x1' | 'avg' | null;
  /** No activation after the addition. */
  readonly linear_out: boolean;
  /** Norm and activation before each convolution instead of after it. */
  readonly preact: boolean;
  /** Channels of a last 1x1 convolution; 0 for none. */
  readonly num_features: number;
  readonly act_layer: 'relu' | 'silu';
  readonly global_pool: string;
  /** Dropout rate of the head. */
  readonly drop_rate: number;
  readonly drop_path_rate: number;
  /** Whether training from scratch starts with blocks that pass on their input. */
  readonly zero_init_last: boolean;
}

const DEFAULTS: RegNetArguments = {
  depth: 21,
  w0: 80,
  wa: 42.63,
  wm: 2.66,
  group_size: 24,
  bottle_ratio: 1,
  se_ratio: 0,
  group_min_ratio: 0,
  stem_width: 32,
  downsample: 'conv1x1',
  linear_out: false,
  preact: false,
  num_features: 0,
  act_layer: 'relu',
  global_pool: 'avg',
  drop_rate: 0,
  drop_path_rate: 0,
  zero_init_last: true,
};

type Changes = Partial<RegNetArguments>;

function size(w0: number, wa: number, wm: number, group_size: number, depth: number, ...changes: Changes[]) {
  return Object.assign({ ...DEFAULTS, w0, wa, wm, group_size, depth }, ...changes) as RegNetArguments;
}

const Y: Changes = { se_ratio: 0.25 };
const TV: Changes = { group_min_ratio: 0.9 };
const V: Changes = { ...Y, preact: true, act_layer: 'silu' };
const Z: Changes = {
  ...Y,
  bottle_ratio: 4,
  downsample: null,
  linear_out: true,
  act_layer: 'silu',
  zero_init_last: false,
};

/** Every RegNet of timm with BatchNorm; the number is that of multiply-accumulates at 224 pixels, in 10^8. */
export const REGNETS: Readonly<Record<string, RegNetArguments>> = {
  regnetx_002: size(24, 36.44, 2.49, 8, 13),
  regnetx_004: size(24, 24.48, 2.54, 16, 22),
  regnetx_004_tv: size(24, 24.48, 2.54, 16, 22, TV),
  regnetx_006: size(48, 36.97, 2.24, 24, 16),
  regnetx_008: size(56, 35.73, 2.28, 16, 16),
  regnetx_016: size(80, 34.01, 2.25, 24, 18),
  regnetx_032: size(88, 26.31, 2.25, 48, 25),
  regnetx_040: size(96, 38.65, 2.43, 40, 23),
  regnetx_064: size(184, 60.83, 2.07, 56, 17),
  regnetx_080: size(80, 49.56, 2.88, 120, 23),
  regnetx_120: size(168, 73.36, 2.37, 112, 19),
  regnetx_160: size(216, 55.59, 2.1, 128, 22),
  regnetx_320: size(320, 69.86, 2.0, 168, 23),
  regnety_002: size(24, 36.44, 2.49, 8, 13, Y),
  regnety_004: size(48, 27.89, 2.09, 8, 16, Y),
  regnety_006: size(48, 32.54, 2.32, 16, 15, Y),
  regnety_008: size(56, 38.84, 2.4, 16, 14, Y),
  regnety_008_tv: size(56, 38.84, 2.4, 16, 14, Y, TV),
  regnety_016: size(48, 20.71, 2.65, 24, 27, Y),
  regnety_032: size(80, 42.63, 2.66, 24, 21, Y),
  regnety_040: size(96, 31.41, 2.24, 64, 22, Y),
  regnety_064: size(112, 33.22, 2.27, 72, 25, Y),
  regnety_080: size(192, 76.82, 2.19, 56, 17, Y),
  regnety_080_tv: size(192, 76.82, 2.19, 56, 17, Y, TV),
  regnety_120: size(168, 73.36, 2.37, 112, 19, Y),
  regnety_160: size(200, 106.23, 2.48, 112, 18, Y),
  regnety_320: size(232, 115.89, 2.53, 232, 20, Y),
  regnety_640: size(352, 147.48, 2.4, 328, 20, Y),
  regnety_1280: size(456, 160.83, 2.52, 264, 27, Y),
  regnety_2560: size(640, 230.83, 2.53, 373, 27, Y),
  regnetv_040: size(96, 31.41, 2.24, 64, 22, V),
  regnetv_064: size(112, 33.22, 2.27, 72, 25, V, { downsample: 'avg' }),
  regnetz_005: size(16, 10.7, 2.51, 4, 21, Z, { num_features: 1024 }),
  regnetz_040: size(48, 14.5, 2.226, 8, 28, Z),
  regnetz_040_h: size(48, 14.5, 2.226, 8, 28, Z, { num_features: 1536 }),
};

/** A stage of a RegNet: its blocks have one width. */
export interface RegNetStage {
  readonly width: number;
  readonly depth: number;
  /** Channels of a group. */
  readonly group: number;
}

/** The stages of a RegNet (Radosavovic et al., arXiv 2003.13678, section 3.3), whose widths are rounded to whole groups. */
export function regnetStages(args: RegNetArguments): RegNetStage[] {
  const { depth, w0, wa, wm, group_size, bottle_ratio, group_min_ratio } = args;
  const depths = new Map<number, number>();
  for (let block = 0; block < depth; block++) {
    const power = roundHalfEven(Math.log((wa * block + w0) / w0) / Math.log(wm));
    const width = 8 * roundHalfEven((w0 * wm ** power) / 8);
    depths.set(width, (depths.get(width) ?? 0) + 1);
  }
  return [...depths].map(([width, blocks]) => {
    const inside = Math.trunc(width * bottle_ratio);
    const group = Math.min(group_size, inside);
    const rounded = group_min_ratio > 0 ? makeDivisible(inside, group) : group * roundHalfEven(inside / group);
    return { width: Math.trunc(rounded / bottle_ratio), depth: blocks, group };
  });
}

/** The nearest whole number, and of two the even one, as Python rounds. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
