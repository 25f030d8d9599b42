import { ACT_LAYERS, type ActLayer } from './transformer.js';

/** The arguments of a vision transformer, named as in timm `models/vision_transformer.py`. */
export interface ViTArguments {
  /** Colour channels. */
  readonly in_chans: 3;
  /** Image size in pixels, [height, width] if they differ. */
  readonly img_size: number | readonly [number, number];
  readonly patch_size: number;
  readonly embed_dim: number;
  readonly depth: number;
  readonly num_heads: number;
  readonly mlp_ratio: number;
  readonly mlp_layer: 'mlp' | 'swiglu' | 'swiglu_packed';
  readonly act_layer: ActLayer;
  readonly norm_layer: 'layernorm' | 'rmsnorm';
  /** Ours: added to the variance in norms. */
  readonly norm_eps: number;
  /** Norm of the tokens of patches; null for none. */
  readonly embed_norm_layer: 'layernorm' | 'rmsnorm' | null;
  readonly qkv_bias: boolean;
  readonly qk_norm: boolean;
  readonly proj_bias: boolean;
  readonly scale_attn_norm: boolean;
  readonly scale_mlp_norm: boolean;
  /** Initial LayerScale; null for none. */
  readonly init_values: number | null;
  readonly class_token: boolean;
  /** Ours: whether there is a distillation token. The class token of the features is then the mean of both. */
  readonly distilled: boolean;
  readonly reg_tokens: number;
  /** Whether the position embedding is only for patches, not for class token and registers. */
  readonly no_embed_class: boolean;
  /** Norm before the first block, and no bias in the patch embedding. */
  readonly pre_norm: boolean;
  readonly final_norm: boolean;
  /** Whether the last norm comes after pooling; null: with the pools `avg` and `max`. */
  readonly fc_norm: boolean | null;
  readonly global_pool: 'token' | 'avg' | 'max' | 'map' | '';
  /** Whether means and maxima include class token and registers. */
  readonly pool_include_prefix: boolean;
  readonly drop_rate: number;
  readonly drop_path_rate: number;
}

/** What arguments that are names may be. */
export const VIT_CHOICES = {
  in_chans: [3],
  mlp_layer: ['mlp', 'swiglu', 'swiglu_packed'],
  act_layer: ACT_LAYERS,
  norm_layer: ['layernorm', 'rmsnorm'],
  embed_norm_layer: ['layernorm', 'rmsnorm', null],
  global_pool: ['token', 'avg', 'max', 'map', ''],
} as const satisfies { [K in keyof ViTArguments]?: readonly ViTArguments[K][] };

export const VIT_DEFAULTS: ViTArguments = {
  in_chans: 3,
  img_size: 224,
  patch_size: 16,
  embed_dim: 768,
  depth: 12,
  num_heads: 12,
  mlp_ratio: 4,
  mlp_layer: 'mlp',
  act_layer: 'gelu',
  norm_layer: 'layernorm',
  norm_eps: 1e-6,
  embed_norm_layer: null,
  qkv_bias: true,
  qk_norm: false,
  proj_bias: true,
  scale_attn_norm: false,
  scale_mlp_norm: false,
  init_values: null,
  class_token: true,
  distilled: false,
  reg_tokens: 0,
  no_embed_class: false,
  pre_norm: false,
  final_norm: true,
  fc_norm: null,
  global_pool: 'token',
  pool_include_prefix: false,
  drop_rate: 0,
  drop_path_rate: 0,
};

/**
 * Arguments of timm's transformers that change nothing here: rates that only initial training used, and what the image size
 * and the head decide.
 */
export const IGNORED_ARGUMENTS = {
  num_classes: 0,
  dynamic_img_size: false,
  dynamic_img_pad: false,
  pos_drop_rate: 0,
  patch_drop_rate: 0,
  proj_drop_rate: 0,
  attn_drop_rate: 0,
};
