/** Arguments of timm's `Eva`, and `norm_eps` for that of its `norm_layer`. */
export interface RotaryRow {
  readonly img_size: number | readonly [number, number];
  readonly patch_size: number;
  readonly embed_dim: number;
  readonly depth: number;
  readonly num_heads: number;
  readonly mlp_ratio: number;
  readonly qkv_bias: boolean;
  /** One layer for queries, keys and values. */
  readonly qkv_fused: boolean;
  /** `eva` has no bias of keys. */
  readonly attn_type: 'eva' | 'rope';
  /** A norm before the last layer of the attention. */
  readonly scale_attn_inner: boolean;
  readonly swiglu_mlp: boolean;
  readonly swiglu_align_to: number;
  /** A norm before the last layer of the MLP. */
  readonly scale_mlp: boolean;
  /** Initial value of LayerScale; null: none. */
  readonly init_values: number | null;
  readonly class_token: boolean;
  readonly num_reg_tokens: number;
  readonly use_abs_pos_emb: boolean;
  /** The position embedding is of patches alone. */
  readonly no_embed_class: boolean;
  readonly use_rot_pos_emb: boolean;
  readonly rope_type: 'cat' | 'dinov3' | 'mixed';
  readonly rope_temperature: number;
  readonly rope_grid_offset: number;
  readonly rope_grid_indexing: 'ij' | 'xy';
  readonly ref_feat_shape: number | readonly [number, number] | null;
  /** Norms after attention and MLP instead of before. */
  readonly use_post_norm: boolean;
  readonly use_pre_transformer_norm: boolean;
  /** Default, null: if there is none after the pool. */
  readonly use_post_transformer_norm: boolean | null;
  /** A norm after the pool. Default, null: if `global_pool` is `avg`. */
  readonly use_fc_norm: boolean | null;
  readonly global_pool: 'avg' | 'max' | 'token' | 'map';
  readonly attn_pool_num_heads: number | null;
  readonly attn_pool_mlp_ratio: number | null;
  readonly drop_rate: number;
  readonly drop_path_rate: number;
  readonly head_init_scale: number;
  /** Of every norm. */
  readonly norm_eps: number;
}

const EVA: RotaryRow = {
  img_size: 224,
  patch_size: 16,
  embed_dim: 768,
  depth: 12,
  num_heads: 12,
  mlp_ratio: 4,
  qkv_bias: true,
  qkv_fused: true,
  attn_type: 'eva',
  scale_attn_inner: false,
  swiglu_mlp: false,
  swiglu_align_to: 0,
  scale_mlp: false,
  init_values: null,
  class_token: true,
  num_reg_tokens: 0,
  use_abs_pos_emb: true,
  no_embed_class: false,
  use_rot_pos_emb: false,
  rope_type: 'cat',
  rope_temperature: 10_000,
  rope_grid_offset: 0,
  rope_grid_indexing: 'ij',
  ref_feat_shape: null,
  use_post_norm: false,
  use_pre_transformer_norm: false,
  use_post_transformer_norm: null,
  use_fc_norm: null,
  global_pool: 'avg',
  attn_pool_num_heads: null,
  attn_pool_mlp_ratio: null,
  drop_rate: 0,
  drop_path_rate: 0,
  head_init_scale: 0.001,
  norm_eps: 1e-6,
};

type Changes = Partial<RotaryRow>;

const TINY = { embed_dim: 192, depth: 12, num_heads: 3 };
const SMALL = { embed_dim: 384, depth: 12, num_heads: 6 };
const BASE = { embed_dim: 768, depth: 12, num_heads: 12 };
const LARGE = { embed_dim: 1024, depth: 24, num_heads: 16 };

const eva = (changes: Changes): RotaryRow => ({ ...EVA, ...changes });

const GIANT = { patch_size: 14, embed_dim: 1408, depth: 40, num_heads: 16, mlp_ratio: 6144 / 1408 };

const eva02 = (img_size: number, size: Changes, changes: Changes = {}): RotaryRow => ({
  ...EVA,
  img_size,
  patch_size: 14,
  mlp_ratio: (4 * 2) / 3,
  swiglu_mlp: true,
  use_rot_pos_emb: true,
  ref_feat_shape: [16, 16],
  ...size,
  ...changes,
});
const EVA02_UNFUSED = { qkv_fused: false, scale_mlp: true };
const EVA02_CLIP = { ...EVA02_UNFUSED, scale_attn_inner: true, global_pool: 'token' } as const;

/** timm's own ViTs with registers and rotary embedding. */
const registers = (changes: Changes): RotaryRow => ({
  ...EVA,
  img_size: 256,
  init_values: 1e-5,
  class_token: false,
  num_reg_tokens: 1,
  use_rot_pos_emb: true,
  use_abs_pos_emb: false,
  ref_feat_shape: [16, 16],
  ...changes,
});

/** Perception Encoder (arXiv 2504.13181): `Core` for images and text, `Lang` and `Spatial` for what their names say. */
const perception = (img_size: number, patch_size: number, size: Changes, changes: Changes): RotaryRow => ({
  ...EVA,
  img_size,
  patch_size,
  attn_type: 'rope',
  use_pre_transformer_norm: true,
  use_rot_pos_emb: true,
  rope_grid_offset: 1,
  rope_grid_indexing: 'xy',
  norm_eps: 1e-5,
  ...size,
  ...changes,
});
const PE_GIGANTIC = {
  embed_dim: 1536,
  depth: 50,
  num_heads: 16,
  mlp_ratio: 8960 / 1536,
  class_token: false,
  rope_grid_offset: 0,
};
const peCore = (img_size: number, patch_size: number, size: Changes): RotaryRow =>
  perception(img_size, patch_size, size, {
    global_pool: 'map',
    attn_pool_num_heads: 8,
    attn_pool_mlp_ratio: 4,
    ref_feat_shape: img_size / patch_size,
  });
const WITHOUT_NORM = { ref_feat_shape: 32, use_post_transformer_norm: false, use_fc_norm: false };
const peLang = (size: Changes): RotaryRow => perception(448, 14, size, { ...WITHOUT_NORM, init_values: 0.1 });
const peSpatial = (img_size: number, patch_size: number, size: Changes): RotaryRow =>
  perception(img_size, patch_size, size, WITHOUT_NORM);

/** Rotary position embedding for vision transformers (Heo et al., arXiv 2403.13298). */
const ropeViT = (size: Changes, changes: Changes = {}): RotaryRow => ({
  ...EVA,
  attn_type: 'rope',
  init_values: 1e-5,
  global_pool: 'token',
  use_abs_pos_emb: false,
  use_rot_pos_emb: true,
  rope_grid_indexing: 'xy',
  rope_temperature: 100,
  ...size,
  ...changes,
});
const MIXED = { rope_type: 'mixed', rope_temperature: 10 } as const;
const APE = { no_embed_class: true, use_abs_pos_emb: true };

/** DINOv3 (arXiv 2508.10104). The published biases of queries and values (`qkvb`) are 0, but for those of EUPE. */
const dinov3 = (size: Changes, changes: Changes = {}): RotaryRow => ({
  ...EVA,
  img_size: 256,
  qkv_bias: false,
  init_values: 1e-5,
  rope_type: 'dinov3',
  rope_temperature: 100,
  use_rot_pos_emb: true,
  use_abs_pos_emb: false,
  num_reg_tokens: 4,
  use_fc_norm: false,
  norm_eps: 1e-5,
  ...size,
  ...changes,
});
const PLUS = { swiglu_mlp: true, swiglu_align_to: 8 };
const HUGE = { embed_dim: 1280, depth: 32, num_heads: 20, ...PLUS };
const QKVB = { qkv_bias: true };

/** Source: timm `models/eva.py`; image sizes are those of its `default_cfgs`. */
export const ROTARY_ROWS: Readonly<Record<string, RotaryRow>> = {
  eva_giant_patch14_224: eva({ ...GIANT }),
  eva_giant_patch14_336: eva({ ...GIANT, img_size: 336 }),
  eva_giant_patch14_560: eva({ ...GIANT, img_size: 560 }),
  eva_giant_patch14_clip_224: eva({ ...GIANT, global_pool: 'token' }),
  eva02_tiny_patch14_224: eva02(224, TINY),
  eva02_small_patch14_224: eva02(224, SMALL),
  eva02_base_patch14_224: eva02(224, BASE, EVA02_UNFUSED),
  eva02_large_patch14_224: eva02(224, LARGE, EVA02_UNFUSED),
  eva02_tiny_patch14_336: eva02(336, TINY),
  eva02_small_patch14_336: eva02(336, SMALL),
  eva02_base_patch14_448: eva02(448, BASE, EVA02_UNFUSED),
  eva02_large_patch14_448: eva02(448, LARGE, EVA02_UNFUSED),
  eva02_base_patch16_clip_224: eva02(224, BASE, { ...EVA02_CLIP, patch_size: 16 }),
  eva02_large_patch14_clip_224: eva02(224, LARGE, EVA02_CLIP),
  eva02_large_patch14_clip_336: eva02(336, LARGE, EVA02_CLIP),
  eva02_enormous_patch14_clip_224: eva({
    patch_size: 14,
    embed_dim: 1792,
    depth: 64,
    num_heads: 16,
    mlp_ratio: 15360 / 1792,
    use_post_norm: true,
    global_pool: 'token',
  }),
  vit_medium_patch16_rope_reg1_gap_256: registers({ embed_dim: 512, num_heads: 8 }),
  vit_mediumd_patch16_rope_reg1_gap_256: registers({ embed_dim: 512, depth: 20, num_heads: 8, qkv_bias: false }),
  vit_betwixt_patch16_rope_reg4_gap_256: registers({ embed_dim: 640, num_heads: 10, num_reg_tokens: 4 }),
  vit_base_patch16_rope_reg1_gap_256: registers(BASE),
  vit_pe_core_tiny_patch16_384: peCore(384, 16, TINY),
  vit_pe_core_small_patch16_384: peCore(384, 16, SMALL),
  vit_pe_core_base_patch16_224: peCore(224, 16, BASE),
  vit_pe_core_large_patch14_336: peCore(336, 14, LARGE),
  vit_pe_core_gigantic_patch14_448: peCore(448, 14, PE_GIGANTIC),
  vit_pe_lang_large_patch14_448: peLang({ ...LARGE, depth: 23 }),
  vit_pe_lang_gigantic_patch14_448: peLang({ ...PE_GIGANTIC, depth: 47 }),
  vit_pe_spatial_tiny_patch16_512: peSpatial(512, 16, TINY),
  vit_pe_spatial_small_patch16_512: peSpatial(512, 16, SMALL),
  vit_pe_spatial_base_patch16_512: peSpatial(512, 16, BASE),
  vit_pe_spatial_large_patch14_448: peSpatial(448, 14, LARGE),
  vit_pe_spatial_gigantic_patch14_448: peSpatial(448, 14, { ...PE_GIGANTIC, init_values: 0.1 }),
  vit_small_patch16_rope_224: ropeViT(SMALL),
  vit_base_patch16_rope_224: ropeViT(BASE, { use_fc_norm: false }),
  vit_large_patch16_rope_224: ropeViT(LARGE),
  vit_small_patch16_rope_mixed_224: ropeViT(SMALL, MIXED),
  vit_base_patch16_rope_mixed_224: ropeViT(BASE, MIXED),
  vit_large_patch16_rope_mixed_224: ropeViT(LARGE, MIXED),
  vit_small_patch16_rope_ape_224: ropeViT(SMALL, APE),
  vit_base_patch16_rope_ape_224: ropeViT(BASE, APE),
  vit_large_patch16_rope_ape_224: ropeViT(LARGE, APE),
  vit_small_patch16_rope_mixed_ape_224: ropeViT(SMALL, { ...MIXED, ...APE }),
  vit_base_patch16_rope_mixed_ape_224: ropeViT(BASE, { ...MIXED, ...APE }),
  vit_large_patch16_rope_mixed_ape_224: ropeViT(LARGE, { ...MIXED, ...APE }),
  vit_tiny_patch16_dinov3_qkvb: dinov3(TINY, QKVB),
  vit_small_patch16_dinov3: dinov3(SMALL),
  vit_small_patch16_dinov3_qkvb: dinov3(SMALL, QKVB),
  vit_small_plus_patch16_dinov3: dinov3(SMALL, PLUS),
  vit_small_plus_patch16_dinov3_qkvb: dinov3(SMALL, { ...PLUS, ...QKVB }),
  vit_base_patch16_dinov3: dinov3(BASE),
  vit_base_patch16_dinov3_qkvb: dinov3(BASE, QKVB),
  vit_large_patch16_dinov3: dinov3(LARGE),
  vit_large_patch16_dinov3_qkvb: dinov3(LARGE, QKVB),
  vit_huge_plus_patch16_dinov3: dinov3(HUGE),
  vit_huge_plus_patch16_dinov3_qkvb: dinov3(HUGE, QKVB),
  vit_7b_patch16_dinov3: dinov3({
    embed_dim: 4096,
    depth: 40,
    num_heads: 32,
    mlp_ratio: 2,
    swiglu_mlp: true,
    swiglu_align_to: 64,
  }),
};
