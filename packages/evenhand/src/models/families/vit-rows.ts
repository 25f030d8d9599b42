import type { ViTArguments } from './vit-arguments.js';

// Sizes
const TINY = { embed_dim: 192, depth: 12, num_heads: 3 } as const;
const SMALL = { embed_dim: 384, depth: 12, num_heads: 6 } as const;
const MEDIUM = { embed_dim: 512, depth: 12, num_heads: 8 } as const;
const BETWIXT = { embed_dim: 640, depth: 12, num_heads: 10 } as const;
const BASE = { embed_dim: 768, depth: 12, num_heads: 12 } as const;
const BASE_PLUS = { embed_dim: 896, depth: 12, num_heads: 14 } as const;
const LARGE = { embed_dim: 1024, depth: 24, num_heads: 16 } as const;
const HUGE = { embed_dim: 1280, depth: 32, num_heads: 16 } as const;
const GIANT = { embed_dim: 1408, depth: 40, num_heads: 16, mlp_ratio: 48 / 11 } as const;
const GIGANTIC = { embed_dim: 1664, depth: 48, num_heads: 16, mlp_ratio: 64 / 13 } as const;
const SO400M = { embed_dim: 1152, depth: 27, num_heads: 16, mlp_ratio: 3.7362 } as const;
const GIANT_OPT = { embed_dim: 1536, depth: 40, num_heads: 16 } as const;
const GIANT_DINO = {
  embed_dim: 1536,
  depth: 40,
  num_heads: 24,
  mlp_ratio: 2.66667 * 2,
  mlp_layer: 'swiglu_packed',
} as const;
const WEE = { embed_dim: 256, depth: 14, num_heads: 4, mlp_ratio: 5 } as const;
const LITTLE = { embed_dim: 320, depth: 14, num_heads: 5, mlp_ratio: 5.6 } as const;
const SO150M = { embed_dim: 896, depth: 18, num_heads: 14, mlp_ratio: 2.572 } as const;
const SO150M2 = { embed_dim: 832, depth: 21, num_heads: 13, mlp_ratio: 34 / 13 } as const;
const AIM_LARGE = { embed_dim: 1024, depth: 24, num_heads: 8, mlp_ratio: 2.75 } as const;
const AIM_HUGE = { embed_dim: 1536, depth: 24, num_heads: 12, mlp_ratio: 2.6667 } as const;
const AIM_1B = { embed_dim: 2048, depth: 24, num_heads: 16, mlp_ratio: 2.75 } as const;
const AIM_3B = { embed_dim: 3072, depth: 24, num_heads: 24, mlp_ratio: 2.6667 } as const;

// Forms
const QUICK_CLIP = { pre_norm: true, norm_eps: 1e-5, act_layer: 'quick_gelu' } as const;
const CLIP = { pre_norm: true, norm_eps: 1e-5 } as const;
const DINOV2 = { patch_size: 14, img_size: 518, init_values: 1e-5 } as const;
const TIPS = { patch_size: 14, img_size: 448, init_values: 1.0, reg_tokens: 1, no_embed_class: true } as const;
const SIGLIP = { class_token: false, global_pool: 'map' } as const;
const REG_GAP = { init_values: 1e-5, class_token: false, no_embed_class: true, global_pool: 'avg' } as const;
const AIM = {
  patch_size: 14,
  class_token: false,
  global_pool: 'avg',
  fc_norm: false,
  qkv_bias: false,
  proj_bias: false,
  mlp_layer: 'swiglu',
  norm_layer: 'rmsnorm',
  embed_norm_layer: 'rmsnorm',
  norm_eps: 1e-5,
} as const;
const MEDIUM_GAP = {
  qkv_bias: false,
  init_values: 1e-6,
  class_token: false,
  global_pool: 'avg',
  fc_norm: false,
} as const;
const GAP = { class_token: false, global_pool: 'avg', fc_norm: false } as const;
const SO150M2_GAP = {
  init_values: 1e-5,
  qkv_bias: false,
  class_token: false,
  reg_tokens: 1,
  global_pool: 'avg',
} as const;
const DEIT3 = { no_embed_class: true, init_values: 1e-6 } as const;
const BEIT3 = { scale_attn_norm: true, scale_mlp_norm: true, global_pool: 'avg', norm_eps: 1e-5 } as const;

/**
 * The architectures of timm's `models/vision_transformer.py` and `models/deit.py` by their differences from
 * `VIT_DEFAULTS`. Left out are those with parallel blocks, norms after the blocks (`rpn`), differential attention or
 * distillation. Image sizes are those of the first pretrained weights.
 */
export const VIT_ROWS: Readonly<Record<string, Partial<ViTArguments>>> = {
  vit_tiny_patch16_224: TINY,
  vit_tiny_patch16_384: { ...TINY, img_size: 384 },
  vit_small_patch32_224: { ...SMALL, patch_size: 32 },
  vit_small_patch32_384: { ...SMALL, img_size: 384, patch_size: 32 },
  vit_small_patch16_224: SMALL,
  vit_small_patch16_384: { ...SMALL, img_size: 384 },
  vit_small_patch8_224: { ...SMALL, patch_size: 8 },
  vit_base_patch32_224: { ...BASE, patch_size: 32 },
  vit_base_patch32_384: { ...BASE, img_size: 384, patch_size: 32 },
  vit_base_patch16_224: BASE,
  vit_base_patch16_384: { ...BASE, img_size: 384 },
  vit_base_patch8_224: { ...BASE, patch_size: 8 },
  vit_large_patch32_224: { ...LARGE, patch_size: 32 },
  vit_large_patch32_384: { ...LARGE, img_size: 384, patch_size: 32 },
  vit_large_patch16_224: LARGE,
  vit_large_patch16_384: { ...LARGE, img_size: 384 },
  vit_large_patch14_224: { ...LARGE, patch_size: 14 },
  vit_huge_patch14_224: { ...HUGE, patch_size: 14 },
  vit_giant_patch14_224: { ...GIANT, patch_size: 14 },
  vit_gigantic_patch14_224: { ...GIGANTIC, patch_size: 14 },
  vit_base_patch16_224_miil: { ...BASE, qkv_bias: false },
  vit_medium_patch16_gap_240: { ...MEDIUM, ...MEDIUM_GAP, img_size: 240 },
  vit_medium_patch16_gap_256: { ...MEDIUM, ...MEDIUM_GAP, img_size: 256 },
  vit_medium_patch16_gap_384: { ...MEDIUM, ...MEDIUM_GAP, img_size: 384 },
  vit_betwixt_patch16_gap_256: { ...BETWIXT, ...MEDIUM_GAP, img_size: 256 },
  vit_base_patch16_gap_224: { ...BASE, ...GAP, num_heads: 16 },
  vit_huge_patch14_gap_224: { ...HUGE, ...GAP, patch_size: 14 },
  vit_huge_patch16_gap_448: { ...HUGE, ...GAP, img_size: 448 },
  vit_giant_patch16_gap_224: { ...GIANT, ...GAP },
  vit_xsmall_patch16_clip_224: { ...CLIP, embed_dim: 256, depth: 10, num_heads: 4 },
  vit_medium_patch32_clip_224: { ...MEDIUM, ...CLIP, patch_size: 32 },
  vit_medium_patch16_clip_224: { ...MEDIUM, ...CLIP },
  vit_betwixt_patch32_clip_224: { ...BETWIXT, ...CLIP, patch_size: 32 },
  vit_base_patch32_clip_224: { ...BASE, ...CLIP, patch_size: 32 },
  vit_base_patch32_clip_256: { ...BASE, ...CLIP, img_size: 256, patch_size: 32 },
  vit_base_patch32_clip_384: { ...BASE, ...CLIP, img_size: 384, patch_size: 32 },
  vit_base_patch32_clip_448: { ...BASE, ...CLIP, img_size: 448, patch_size: 32 },
  vit_base_patch16_clip_224: { ...BASE, ...CLIP },
  vit_base_patch16_clip_384: { ...BASE, ...CLIP, img_size: 384 },
  vit_base_patch16_plus_clip_240: { ...BASE_PLUS, ...CLIP, img_size: 240 },
  vit_large_patch14_clip_224: { ...LARGE, ...CLIP, patch_size: 14 },
  vit_large_patch14_clip_336: { ...LARGE, ...CLIP, img_size: 336, patch_size: 14 },
  vit_huge_patch14_clip_224: { ...HUGE, ...CLIP, patch_size: 14 },
  vit_huge_patch14_clip_336: { ...HUGE, ...CLIP, img_size: 336, patch_size: 14 },
  vit_huge_patch14_clip_378: { ...HUGE, ...CLIP, img_size: 378, patch_size: 14 },
  vit_giant_patch14_clip_224: { ...GIANT, ...CLIP, patch_size: 14 },
  vit_gigantic_patch14_clip_224: { ...GIGANTIC, ...CLIP, patch_size: 14 },
  vit_gigantic_patch14_clip_378: { ...GIGANTIC, ...CLIP, img_size: 378, patch_size: 14 },
  vit_base_patch32_clip_quickgelu_224: { ...BASE, ...QUICK_CLIP, patch_size: 32 },
  vit_base_patch16_clip_quickgelu_224: { ...BASE, ...QUICK_CLIP },
  vit_large_patch14_clip_quickgelu_224: { ...LARGE, ...QUICK_CLIP, patch_size: 14 },
  vit_large_patch14_clip_quickgelu_336: { ...LARGE, ...QUICK_CLIP, img_size: 336, patch_size: 14 },
  vit_huge_patch14_clip_quickgelu_224: { ...HUGE, ...QUICK_CLIP, patch_size: 14 },
  vit_huge_patch14_clip_quickgelu_378: { ...HUGE, ...QUICK_CLIP, img_size: 378, patch_size: 14 },
  vit_gigantic_patch14_clip_quickgelu_224: { ...GIGANTIC, ...QUICK_CLIP, patch_size: 14 },
  vit_base_patch32_plus_256: { ...BASE_PLUS, img_size: 256, patch_size: 32, init_values: 1e-5 },
  vit_base_patch16_plus_240: { ...BASE_PLUS, img_size: 240, init_values: 1e-5 },
  vit_small_patch16_36x1_224: { ...SMALL, depth: 36, init_values: 1e-5 },
  eva_large_patch14_196: { ...LARGE, img_size: 196, patch_size: 14, global_pool: 'avg' },
  eva_large_patch14_336: { ...LARGE, img_size: 336, patch_size: 14, global_pool: 'avg' },
  flexivit_small: { ...SMALL, img_size: 240, no_embed_class: true },
  flexivit_base: { ...BASE, img_size: 240, no_embed_class: true },
  flexivit_large: { ...LARGE, img_size: 240, no_embed_class: true },
  vit_small_patch14_dinov2: { ...SMALL, ...DINOV2 },
  vit_base_patch14_dinov2: { ...BASE, ...DINOV2 },
  vit_large_patch14_dinov2: { ...LARGE, ...DINOV2 },
  vit_giant_patch14_dinov2: { ...GIANT_DINO, ...DINOV2 },
  vit_small_patch14_reg4_dinov2: { ...SMALL, ...DINOV2, reg_tokens: 4, no_embed_class: true },
  vit_base_patch14_reg4_dinov2: { ...BASE, ...DINOV2, reg_tokens: 4, no_embed_class: true },
  vit_large_patch14_reg4_dinov2: { ...LARGE, ...DINOV2, reg_tokens: 4, no_embed_class: true },
  vit_giant_patch14_reg4_dinov2: { ...GIANT_DINO, ...DINOV2, reg_tokens: 4, no_embed_class: true },
  vit_base_patch14_reg1_tipsv2: { ...BASE, ...TIPS },
  vit_large_patch14_reg1_tipsv2: { ...LARGE, ...TIPS },
  vit_so400m_patch14_reg1_tipsv2: { ...SO400M, ...TIPS, mlp_ratio: 4304 / 1152 },
  vit_giant_patch14_reg1_tipsv2: { ...GIANT_DINO, ...TIPS },
  vit_base_patch32_siglip_256: { ...BASE, ...SIGLIP, img_size: 256, patch_size: 32, act_layer: 'gelu_tanh' },
  vit_base_patch16_siglip_224: { ...BASE, ...SIGLIP },
  vit_base_patch16_siglip_256: { ...BASE, ...SIGLIP, img_size: 256 },
  vit_base_patch16_siglip_384: { ...BASE, ...SIGLIP, img_size: 384 },
  vit_base_patch16_siglip_512: { ...BASE, ...SIGLIP, img_size: 512 },
  vit_large_patch16_siglip_256: { ...LARGE, ...SIGLIP, img_size: 256 },
  vit_large_patch16_siglip_384: { ...LARGE, ...SIGLIP, img_size: 384 },
  vit_large_patch16_siglip_512: { ...LARGE, ...SIGLIP, img_size: 512, act_layer: 'gelu_tanh' },
  vit_so400m_patch14_siglip_224: { ...SO400M, ...SIGLIP, patch_size: 14 },
  vit_so400m_patch14_siglip_378: { ...SO400M, ...SIGLIP, img_size: 378, patch_size: 14 },
  vit_so400m_patch14_siglip_384: { ...SO400M, ...SIGLIP, img_size: 384, patch_size: 14 },
  vit_so400m_patch16_siglip_256: { ...SO400M, ...SIGLIP, img_size: 256, act_layer: 'gelu_tanh' },
  vit_so400m_patch16_siglip_384: { ...SO400M, ...SIGLIP, img_size: 384, act_layer: 'gelu_tanh' },
  vit_so400m_patch16_siglip_512: { ...SO400M, ...SIGLIP, img_size: 512, act_layer: 'gelu_tanh' },
  vit_giantopt_patch16_siglip_256: { ...GIANT_OPT, ...SIGLIP, img_size: 256, act_layer: 'gelu_tanh' },
  vit_giantopt_patch16_siglip_384: { ...GIANT_OPT, ...SIGLIP, img_size: 384, act_layer: 'gelu_tanh' },
  vit_base_patch32_siglip_gap_256: { ...BASE, ...GAP, img_size: 256, patch_size: 32, act_layer: 'gelu_tanh' },
  vit_base_patch16_siglip_gap_224: { ...BASE, ...GAP },
  vit_base_patch16_siglip_gap_256: { ...BASE, ...GAP, img_size: 256 },
  vit_base_patch16_siglip_gap_384: { ...BASE, ...GAP, img_size: 384 },
  vit_base_patch16_siglip_gap_512: { ...BASE, ...GAP, img_size: 512 },
  vit_large_patch16_siglip_gap_256: { ...LARGE, ...GAP, img_size: 256 },
  vit_large_patch16_siglip_gap_384: { ...LARGE, ...GAP, img_size: 384 },
  vit_large_patch16_siglip_gap_512: { ...LARGE, ...GAP, img_size: 512, act_layer: 'gelu_tanh' },
  vit_so400m_patch14_siglip_gap_224: { ...SO400M, ...GAP, patch_size: 14 },
  vit_so400m_patch14_siglip_gap_378: { ...SO400M, ...GAP, img_size: 378, patch_size: 14 },
  vit_so400m_patch14_siglip_gap_384: { ...SO400M, ...GAP, img_size: 384, patch_size: 14 },
  vit_so400m_patch14_siglip_gap_448: { ...SO400M, ...GAP, img_size: 448, patch_size: 14 },
  vit_so400m_patch14_siglip_gap_896: { ...SO400M, ...GAP, img_size: 896, patch_size: 14 },
  vit_so400m_patch16_siglip_gap_256: { ...SO400M, ...GAP, img_size: 256, act_layer: 'gelu_tanh' },
  vit_so400m_patch16_siglip_gap_384: { ...SO400M, ...GAP, img_size: 384, act_layer: 'gelu_tanh' },
  vit_so400m_patch16_siglip_gap_512: { ...SO400M, ...GAP, img_size: 512, act_layer: 'gelu_tanh' },
  vit_giantopt_patch16_siglip_gap_256: { ...GIANT_OPT, ...GAP, img_size: 256, act_layer: 'gelu_tanh' },
  vit_giantopt_patch16_siglip_gap_384: { ...GIANT_OPT, ...GAP, img_size: 384, act_layer: 'gelu_tanh' },
  vit_wee_patch16_reg1_gap_256: { ...WEE, ...REG_GAP, img_size: 256, reg_tokens: 1 },
  vit_little_patch16_reg1_gap_256: { ...LITTLE, ...REG_GAP, img_size: 256, reg_tokens: 1 },
  vit_little_patch16_reg4_gap_256: { ...LITTLE, ...REG_GAP, img_size: 256, reg_tokens: 4 },
  vit_medium_patch16_reg1_gap_256: { ...MEDIUM, ...REG_GAP, img_size: 256, reg_tokens: 1 },
  vit_medium_patch16_reg4_gap_256: { ...MEDIUM, ...REG_GAP, img_size: 256, reg_tokens: 4 },
  vit_mediumd_patch16_reg4_gap_256: { ...MEDIUM, ...REG_GAP, img_size: 256, depth: 20, reg_tokens: 4 },
  vit_mediumd_patch16_reg4_gap_384: { ...MEDIUM, ...REG_GAP, img_size: 384, depth: 20, reg_tokens: 4 },
  vit_betwixt_patch16_reg1_gap_256: { ...BETWIXT, ...REG_GAP, img_size: 256, reg_tokens: 1 },
  vit_betwixt_patch16_reg4_gap_256: { ...BETWIXT, ...REG_GAP, img_size: 256, reg_tokens: 4 },
  vit_betwixt_patch16_reg4_gap_384: { ...BETWIXT, ...REG_GAP, img_size: 384, reg_tokens: 4 },
  vit_base_patch16_reg4_gap_256: {
    ...BASE,
    img_size: 256,
    class_token: false,
    no_embed_class: true,
    global_pool: 'avg',
    reg_tokens: 4,
  },
  vit_so150m_patch16_reg4_map_256: { ...SO150M, ...SIGLIP, img_size: 256, reg_tokens: 4 },
  vit_so150m_patch16_reg4_gap_256: { ...SO150M, ...GAP, img_size: 256, reg_tokens: 4 },
  vit_so150m_patch16_reg4_gap_384: { ...SO150M, ...GAP, img_size: 384, reg_tokens: 4 },
  vit_so150m2_patch16_reg1_gap_256: { ...SO150M2, ...SO150M2_GAP, img_size: 256 },
  vit_so150m2_patch16_reg1_gap_384: { ...SO150M2, ...SO150M2_GAP, img_size: 384 },
  vit_so150m2_patch16_reg1_gap_448: { ...SO150M2, ...SO150M2_GAP, img_size: 448 },
  vit_intern300m_patch14_448: { ...LARGE, img_size: 448, patch_size: 14, init_values: 0.1, final_norm: false },
  aimv2_large_patch14_224: { ...AIM_LARGE, ...AIM },
  aimv2_huge_patch14_224: { ...AIM_HUGE, ...AIM },
  aimv2_1b_patch14_224: { ...AIM_1B, ...AIM },
  aimv2_3b_patch14_224: { ...AIM_3B, ...AIM },
  aimv2_large_patch14_336: { ...AIM_LARGE, ...AIM, img_size: 336 },
  aimv2_huge_patch14_336: { ...AIM_HUGE, ...AIM, img_size: 336 },
  aimv2_1b_patch14_336: { ...AIM_1B, ...AIM, img_size: 336 },
  aimv2_3b_patch14_336: { ...AIM_3B, ...AIM, img_size: 336 },
  aimv2_large_patch14_448: { ...AIM_LARGE, ...AIM, img_size: 448 },
  aimv2_huge_patch14_448: { ...AIM_HUGE, ...AIM, img_size: 448 },
  aimv2_1b_patch14_448: { ...AIM_1B, ...AIM, img_size: 448 },
  aimv2_3b_patch14_448: { ...AIM_3B, ...AIM, img_size: 448 },
  test_vit: { img_size: 160, embed_dim: 64, depth: 6, num_heads: 2, mlp_ratio: 3 },
  test_vit2: {
    img_size: 160,
    embed_dim: 64,
    depth: 8,
    num_heads: 2,
    mlp_ratio: 3,
    class_token: false,
    reg_tokens: 1,
    global_pool: 'avg',
    init_values: 1e-5,
  },
  test_vit3: {
    ...SIGLIP,
    img_size: 160,
    embed_dim: 96,
    depth: 9,
    num_heads: 3,
    mlp_ratio: 2,
    reg_tokens: 1,
    pool_include_prefix: true,
    init_values: 1e-5,
  },
  test_vit4: {
    img_size: 160,
    embed_dim: 96,
    depth: 9,
    num_heads: 3,
    mlp_ratio: 3,
    class_token: false,
    reg_tokens: 1,
    global_pool: 'avg',
    init_values: 1e-5,
    norm_layer: 'rmsnorm',
  },
  beit3_base_patch16_224: { ...BASE, ...BEIT3 },
  beit3_large_patch16_224: { ...LARGE, ...BEIT3 },
  beit3_giant_patch14_224: { ...GIANT, ...BEIT3, patch_size: 14, mlp_ratio: 4.3637 },
  beit3_giant_patch14_336: { ...GIANT, ...BEIT3, img_size: 336, patch_size: 14, mlp_ratio: 4.3637 },
  deit_tiny_patch16_224: TINY,
  deit_small_patch16_224: SMALL,
  deit_base_patch16_224: BASE,
  deit_base_patch16_384: { ...BASE, img_size: 384 },
  deit3_small_patch16_224: { ...SMALL, ...DEIT3 },
  deit3_small_patch16_384: { ...SMALL, ...DEIT3, img_size: 384 },
  deit3_medium_patch16_224: { ...MEDIUM, ...DEIT3 },
  deit3_base_patch16_224: { ...BASE, ...DEIT3 },
  deit3_base_patch16_384: { ...BASE, ...DEIT3, img_size: 384 },
  deit3_large_patch16_224: { ...LARGE, ...DEIT3 },
  deit3_large_patch16_384: { ...LARGE, ...DEIT3, img_size: 384 },
  deit3_huge_patch14_224: { ...HUGE, ...DEIT3, patch_size: 14 },
};
