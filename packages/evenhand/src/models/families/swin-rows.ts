/** The arguments of a Swin transformer, named as in timm `models/swin_transformer.py`, class `SwinTransformer`. */
export interface SwinArguments {
  /** Default size of the images in pixels. */
  readonly img_size: number | readonly [height: number, width: number];
  readonly patch_size: number;
  /** Features of a token in the first stage; each later stage has twice as many. */
  readonly embed_dim: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  readonly num_heads: readonly number[];
  /** Features of each head; null for those of a token divided by the heads. */
  readonly head_dim: number | null;
  /** Side of a window in tokens: of all stages, height and width of all, or of each stage. */
  readonly window_size: number | readonly number[];
  /** Whether windows keep their size and shift in maps that are no larger than a window. */
  readonly always_partition: boolean;
  /** Hidden features of an MLP per feature of a token. */
  readonly mlp_ratio: number;
  readonly qkv_bias: boolean;
  /** Dropout rate of the head. */
  readonly drop_rate: number;
  /** Stochastic depth rate of the last block. */
  readonly drop_path_rate: number;
  readonly global_pool: string;
  /** Has no effect: a model has one image size. */
  readonly strict_img_size: boolean;
  /** Only 3. */
  readonly in_chans: number;
  /** Has no effect: `BuildOptions` say it. */
  readonly num_classes: number;
}

const DEFAULTS = {
  img_size: 224,
  patch_size: 4,
  head_dim: null,
  window_size: 7,
  always_partition: false,
  mlp_ratio: 4,
  qkv_bias: true,
  drop_rate: 0,
  drop_path_rate: 0.1,
  global_pool: 'avg',
  strict_img_size: true,
  in_chans: 3,
  num_classes: 1000,
} as const;

const TINY = { ...DEFAULTS, embed_dim: 96, depths: [2, 2, 6, 2], num_heads: [3, 6, 12, 24] } as const;
const SMALL = { ...TINY, depths: [2, 2, 18, 2] } as const;
const BASE = { ...SMALL, embed_dim: 128, num_heads: [4, 8, 16, 32] } as const;
const LARGE = { ...SMALL, embed_dim: 192, num_heads: [6, 12, 24, 48] } as const;
const AT_384 = { img_size: 384, window_size: 12 } as const;

/** Every Swin (V1) of timm, and S3 (Chen et al., arXiv 2111.14725), whose stages have windows of different sizes. */
export const SWINS: Readonly<Record<string, SwinArguments>> = {
  swin_tiny_patch4_window7_224: TINY,
  swin_small_patch4_window7_224: SMALL,
  swin_base_patch4_window7_224: BASE,
  swin_base_patch4_window12_384: { ...BASE, ...AT_384 },
  swin_large_patch4_window7_224: LARGE,
  swin_large_patch4_window12_384: { ...LARGE, ...AT_384 },
  swin_s3_tiny_224: { ...TINY, window_size: [7, 7, 14, 7] },
  swin_s3_small_224: { ...SMALL, window_size: [14, 14, 14, 7] },
  swin_s3_base_224: { ...SMALL, depths: [2, 2, 30, 2], window_size: [7, 7, 14, 7] },
};
