import type { ChannelAttentionArguments } from './channel-attention.js';

/** The arguments of a ResNet, named as in timm `models/resnet.py`. */
export interface ResNetArguments {
  /** Two 3x3 convolutions, or 1x1, 3x3 and 1x1 with a quarter of the channels inside; one for each stage or for all. */
  readonly block: Block | readonly Block[];
  /** Blocks of each stage. */
  readonly layers: readonly number[];
  /** Channels of each stage, before the expansion by 4 of a bottleneck. */
  readonly channels: readonly number[];
  /** Groups of the 3x3 convolution of a bottleneck, and channels of a group in a stage of 64 channels. */
  readonly cardinality: number;
  readonly base_width: number;
  /** One 7x7 convolution, three of 3x3 (`deep`), or three of 3x3 that widen in three steps. */
  readonly stem_type: '' | 'deep' | 'deep_tiered';
  readonly stem_width: number;
  /** A convolution with stride 2 instead of the max pooling. */
  readonly replace_stem_pool: boolean;
  /** Divides the channels of a block's first convolution. */
  readonly block_reduce_first: number;
  readonly down_kernel_size: number;
  /** Average pooling and a 1x1 convolution in a downsampling shortcut, instead of a convolution with stride. */
  readonly avg_down: boolean;
  /** Anti-aliasing: average pooling or a blur instead of strides. */
  readonly aa_layer: 'avg' | 'blur' | null;
  readonly block_args: ChannelAttentionArguments;
  readonly global_pool: string;
  /** Dropout rate of the head. */
  readonly drop_rate: number;
  readonly drop_path_rate: number;
  /** Whether training from scratch starts with blocks that pass on their input. */
  readonly zero_init_last: boolean;
}

export type Block = 'basic' | 'bottleneck';

const DEFAULTS: Omit<ResNetArguments, 'block' | 'layers'> = {
  channels: [64, 128, 256, 512],
  cardinality: 1,
  base_width: 64,
  stem_type: '',
  stem_width: 64,
  replace_stem_pool: false,
  block_reduce_first: 1,
  down_kernel_size: 1,
  avg_down: false,
  aa_layer: null,
  block_args: {},
  global_pool: 'avg',
  drop_rate: 0,
  drop_path_rate: 0,
  zero_init_last: true,
};

type Changes = Partial<ResNetArguments>;

function basic(layers: readonly number[], ...changes: Changes[]): ResNetArguments {
  return Object.assign({ ...DEFAULTS, block: 'basic' as const, layers }, ...changes) as ResNetArguments;
}

function bottleneck(layers: readonly number[], ...changes: Changes[]): ResNetArguments {
  return Object.assign({ ...DEFAULTS, block: 'bottleneck' as const, layers }, ...changes) as ResNetArguments;
}

const [L14, L18, L50, L101, L152] = [
  [1, 1, 1, 1],
  [2, 2, 2, 2],
  [3, 4, 6, 3],
  [3, 4, 23, 3],
  [3, 8, 36, 3],
] as const;
const [L200, L269] = [[3, 24, 36, 3] as const, [3, 30, 48, 8] as const];

// The letters after a ResNet's depth (He et al., arXiv 1812.01187, figure 2, and timm).
const C: Changes = { stem_type: 'deep', stem_width: 32 };
const D: Changes = { ...C, avg_down: true };
const S: Changes = { stem_type: 'deep', stem_width: 64 };
const T: Changes = { ...D, stem_type: 'deep_tiered' };
const BLUR: Changes = { aa_layer: 'blur' };
const AA: Changes = { aa_layer: 'avg' };
const SE: Changes = { block_args: { attn_layer: 'se' } };
const ECA: Changes = { block_args: { attn_layer: 'eca' } };
const RS: Changes = { ...D, replace_stem_pool: true, block_args: { attn_layer: 'se', rd_ratio: 0.25 } };

const groups = (cardinality: number, base_width: number): Changes => ({ cardinality, base_width });

/** Every ResNet of timm with BatchNorm, except those that were pruned. */
export const RESNETS: Readonly<Record<string, ResNetArguments>> = {
  resnet10t: basic(L14, T),
  resnet14t: bottleneck(L14, T),
  resnet18: basic(L18),
  resnet18d: basic(L18, D),
  resnet34: basic(L50),
  resnet34d: basic(L50, D),
  resnet26: bottleneck(L18),
  resnet26t: bottleneck(L18, T),
  resnet26d: bottleneck(L18, D),
  resnet50: bottleneck(L50),
  resnet50c: bottleneck(L50, C),
  resnet50d: bottleneck(L50, D),
  resnet50s: bottleneck(L50, S),
  resnet50t: bottleneck(L50, T),
  resnet101: bottleneck(L101),
  resnet101c: bottleneck(L101, C),
  resnet101d: bottleneck(L101, D),
  resnet101s: bottleneck(L101, S),
  resnet152: bottleneck(L152),
  resnet152c: bottleneck(L152, C),
  resnet152d: bottleneck(L152, D),
  resnet152s: bottleneck(L152, S),
  resnet200: bottleneck(L200),
  resnet200d: bottleneck(L200, D),
  wide_resnet50_2: bottleneck(L50, { base_width: 128 }),
  wide_resnet101_2: bottleneck(L101, { base_width: 128 }),
  resnext50_32x4d: bottleneck(L50, groups(32, 4)),
  resnext50d_32x4d: bottleneck(L50, groups(32, 4), D),
  resnext101_32x4d: bottleneck(L101, groups(32, 4)),
  resnext101_32x8d: bottleneck(L101, groups(32, 8)),
  resnext101_32x16d: bottleneck(L101, groups(32, 16)),
  resnext101_32x32d: bottleneck(L101, groups(32, 32)),
  resnext101_64x4d: bottleneck(L101, groups(64, 4)),
  ecaresnet26t: bottleneck(L18, T, ECA),
  ecaresnet50d: bottleneck(L50, D, ECA),
  ecaresnet50t: bottleneck(L50, T, ECA),
  ecaresnetlight: bottleneck([1, 1, 11, 3], { stem_width: 32, avg_down: true }, ECA),
  ecaresnet101d: bottleneck(L101, D, ECA),
  ecaresnet200d: bottleneck(L200, D, ECA),
  ecaresnet269d: bottleneck(L269, D, ECA),
  ecaresnext26t_32x4d: bottleneck(L18, groups(32, 4), T, ECA),
  ecaresnext50t_32x4d: bottleneck(L18, groups(32, 4), T, ECA), // of 26 layers, in timm as here
  seresnet18: basic(L18, SE),
  seresnet34: basic(L50, SE),
  seresnet50: bottleneck(L50, SE),
  seresnet50t: bottleneck(L50, T, SE),
  seresnet101: bottleneck(L101, SE),
  seresnet152: bottleneck(L152, SE),
  seresnet152d: bottleneck(L152, D, SE),
  seresnet200d: bottleneck(L200, D, SE),
  seresnet269d: bottleneck(L269, D, SE),
  seresnext26d_32x4d: bottleneck(L18, groups(32, 4), D, SE),
  seresnext26t_32x4d: bottleneck(L18, groups(32, 4), T, SE),
  seresnext50_32x4d: bottleneck(L50, groups(32, 4), SE),
  seresnext101_32x4d: bottleneck(L101, groups(32, 4), SE),
  seresnext101_32x8d: bottleneck(L101, groups(32, 8), SE),
  seresnext101d_32x8d: bottleneck(L101, groups(32, 8), D, SE),
  seresnext101_64x4d: bottleneck(L101, groups(64, 4), SE),
  senet154: bottleneck(L152, groups(64, 4), S, SE, { down_kernel_size: 3, block_reduce_first: 2 }),
  resnetblur18: basic(L18, BLUR),
  resnetblur50: bottleneck(L50, BLUR),
  resnetblur50d: bottleneck(L50, D, BLUR),
  resnetblur101d: bottleneck(L101, D, BLUR),
  resnetaa34d: basic(L50, D, AA),
  resnetaa50: bottleneck(L50, AA),
  resnetaa50d: bottleneck(L50, D, AA),
  resnetaa101d: bottleneck(L101, D, AA),
  seresnetaa50d: bottleneck(L50, D, AA, SE),
  seresnextaa101d_32x8d: bottleneck(L101, groups(32, 8), D, AA, SE),
  seresnextaa201d_32x8d: bottleneck([3, 24, 36, 4], groups(32, 8), D, AA, SE, { stem_width: 64 }),
  resnetrs50: bottleneck(L50, RS),
  resnetrs101: bottleneck(L101, RS),
  resnetrs152: bottleneck(L152, RS),
  resnetrs200: bottleneck(L200, RS),
  resnetrs270: bottleneck([4, 29, 53, 4], RS),
  resnetrs350: bottleneck([4, 36, 72, 4], RS),
  resnetrs420: bottleneck([4, 44, 87, 4], RS),
  test_resnet: basic(L14, D, {
    block: ['basic', 'basic', 'bottleneck', 'basic'],
    stem_width: 16,
    channels: [32, 48, 48, 96],
  }),
};
