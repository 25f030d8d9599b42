/** The arguments of a ConvNeXt, named as in timm `models/convnext.py`, class `ConvNeXt`. */
export interface ConvNeXtArguments {
  /** Blocks of each of the four stages. */
  readonly depths: readonly number[];
  /** Channels of each stage. */
  readonly dims: readonly number[];
  /** Size of the depthwise kernels in pixels, of all stages or of each. */
  readonly kernel_sizes: number | readonly number[];
  /** First value of LayerScale; null for a network without it, such as V2. */
  readonly ls_init_value: number | null;
  /** One convolution over patches, or two overlapping ones: of full width, the first of half the width, or activated. */
  readonly stem_type: 'patch' | 'overlap' | 'overlap_tiered' | 'overlap_act';
  /** Side of a patch of the patch stem in pixels. */
  readonly patch_size: number;
  /** Whether the norm comes before the pool. */
  readonly head_norm_first: boolean;
  /** Width of a pretrained layer between pool and classifier; null for none. */
  readonly head_hidden_size: number | null;
  /** Factor of the initial weights of the classifier. */
  readonly head_init_scale: number;
  /** Whether files store the weights of the MLPs as those of 1 x 1 convolutions. */
  readonly conv_mlp: boolean;
  /** Whether the convolutions have biases. */
  readonly conv_bias: boolean;
  /** Global response normalization in the MLPs: V2. */
  readonly use_grn: boolean;
  readonly act_layer: string;
  readonly norm_layer: string;
  /** Null for 1e-6. */
  readonly norm_eps: number | null;
  /** Dropout rate of the head. */
  readonly drop_rate: number;
  /** Stochastic depth rate of the last block. */
  readonly drop_path_rate: number;
  readonly global_pool: string;
  /** Only 3. */
  readonly in_chans: number;
  /** Only 32. */
  readonly output_stride: number;
  /** Has no effect: `BuildOptions` say it. */
  readonly num_classes: number;
}

const DEFAULTS: Omit<ConvNeXtArguments, 'depths' | 'dims'> = {
  kernel_sizes: 7,
  ls_init_value: 1e-6,
  stem_type: 'patch',
  patch_size: 4,
  head_norm_first: false,
  head_hidden_size: null,
  head_init_scale: 1,
  conv_mlp: false,
  conv_bias: true,
  use_grn: false,
  act_layer: 'gelu',
  norm_layer: 'layernorm',
  norm_eps: null,
  drop_rate: 0,
  drop_path_rate: 0,
  global_pool: 'avg',
  in_chans: 3,
  output_stride: 32,
  num_classes: 1000,
};

const row = (
  depths: readonly number[],
  dims: readonly number[],
  changes: Partial<ConvNeXtArguments> = {},
): ConvNeXtArguments => ({ ...DEFAULTS, depths, dims, ...changes });

const ZEPTO = [
  [2, 2, 4, 2],
  [32, 64, 128, 256],
] as const;
const ATTO = [
  [2, 2, 6, 2],
  [40, 80, 160, 320],
] as const;
const FEMTO = [
  [2, 2, 6, 2],
  [48, 96, 192, 384],
] as const;
const PICO = [
  [2, 2, 6, 2],
  [64, 128, 256, 512],
] as const;
const NANO = [
  [2, 2, 8, 2],
  [80, 160, 320, 640],
] as const;
const TINY = [
  [3, 3, 9, 3],
  [96, 192, 384, 768],
] as const;
const SMALL = [
  [3, 3, 27, 3],
  [96, 192, 384, 768],
] as const;
const BASE = [
  [3, 3, 27, 3],
  [128, 256, 512, 1024],
] as const;
const LARGE = [
  [3, 3, 27, 3],
  [192, 384, 768, 1536],
] as const;

const SMALLEST = { conv_mlp: true } as const;
const V2 = { use_grn: true, ls_init_value: null } as const;
const TEST = { norm_eps: 1e-5, act_layer: 'gelu_tanh' } as const;

/** Every ConvNeXt of timm. Sizes from nano down, and all variants, are timm's own; the others are the papers'. */
export const CONVNEXTS: Readonly<Record<string, ConvNeXtArguments>> = {
  convnext_zepto_rms: row(...ZEPTO, { ...SMALLEST, norm_layer: 'simplenorm' }),
  convnext_zepto_rms_ols: row(...ZEPTO, { ...SMALLEST, norm_layer: 'simplenorm', stem_type: 'overlap_act' }),
  convnext_atto: row(...ATTO, SMALLEST),
  convnext_atto_ols: row(...ATTO, { ...SMALLEST, stem_type: 'overlap_tiered' }),
  convnext_atto_rms: row(...ATTO, { ...SMALLEST, norm_layer: 'rmsnorm2d' }),
  convnext_femto: row(...FEMTO, SMALLEST),
  convnext_femto_ols: row(...FEMTO, { ...SMALLEST, stem_type: 'overlap_tiered' }),
  convnext_pico: row(...PICO, SMALLEST),
  convnext_pico_ols: row(...PICO, { ...SMALLEST, stem_type: 'overlap_tiered' }),
  convnext_nano: row(...NANO, SMALLEST),
  convnext_nano_ols: row(...NANO, { ...SMALLEST, stem_type: 'overlap' }),
  convnext_tiny_hnf: row(...TINY, { conv_mlp: true, head_norm_first: true }),
  convnext_tiny: row(...TINY),
  convnext_small: row(...SMALL),
  convnext_base: row(...BASE),
  convnext_large: row(...LARGE),
  convnext_large_mlp: row(...LARGE, { head_hidden_size: 1536 }),
  convnext_xlarge: row([3, 3, 27, 3], [256, 512, 1024, 2048]),
  convnext_xxlarge: row([3, 4, 30, 3], [384, 768, 1536, 3072], { norm_eps: 1e-5 }),
  convnextv2_atto: row(...ATTO, { ...V2, ...SMALLEST }),
  convnextv2_femto: row(...FEMTO, { ...V2, ...SMALLEST }),
  convnextv2_pico: row(...PICO, { ...V2, ...SMALLEST }),
  convnextv2_nano: row(...NANO, { ...V2, ...SMALLEST }),
  convnextv2_tiny: row(...TINY, V2),
  convnextv2_small: row(...SMALL, V2),
  convnextv2_base: row(...BASE, V2),
  convnextv2_large: row(...LARGE, V2),
  convnextv2_huge: row([3, 3, 27, 3], [352, 704, 1408, 2816], V2),
  test_convnext: row([1, 2, 4, 2], [24, 32, 48, 64], TEST),
  test_convnext2: row([1, 1, 1, 1], [32, 64, 96, 128], TEST),
  test_convnext3: row([1, 1, 1, 1], [32, 64, 96, 128], {
    norm_eps: 1e-5,
    act_layer: 'silu',
    kernel_sizes: [7, 5, 5, 3],
  }),
};
