import type { Preset } from '@evenhand/predict';
import { featurePool } from '../families/pool.js';
import { CLIP } from '../statistics.js';
import { WeightsError } from '../weights/weights-error.js';
import type { ConfigFields } from './config-fields.js';
import { INTERPOLATIONS, type ModelConfig, poolName, requireArchitecture, requireArguments } from './timm-config.js';

/** timm's names of CLIP's vision towers, by width, layers and patch. */
const TOWERS: Readonly<Record<string, string>> = {
  '768,12,32': 'vit_base_patch32_clip',
  '768,12,16': 'vit_base_patch16_clip',
  '1024,24,14': 'vit_large_patch14_clip',
  '1280,32,14': 'vit_huge_patch14_clip',
  '1408,40,14': 'vit_giant_patch14_clip',
  '1664,48,14': 'vit_gigantic_patch14_clip',
};

/** Settings of open_clip's vision tower that change its structure, and the only value that is supported. */
const REQUIRED = {
  attentional_pool: false,
  final_ln_after_pool: false,
  no_ln_pre: false,
  pool_type: 'tok',
  pos_embed_type: 'learnable',
  qk_norm: false,
  scaled_cosine_attn: false,
  scale_heads: false,
  scale_attn_inner: false,
  scale_attn: false,
  scale_fc: false,
} as const;

/**
 * What `open_clip_config.json` says of the vision tower: a network of timm by name, or open_clip's own ViT, which is one of
 * timm's `vit_*_clip_*` with other arguments.
 *
 * Source: open_clip `model.py`, `CLIPVisionCfg`; `transform.py`, `PreprocessCfg`; timm `vision_transformer.py`.
 *
 * @throws WeightsError of one sentence that names the file and the field
 */
export function openClipConfig(config: ConfigFields): ModelConfig {
  const model = config.object('model_cfg');
  const vision = model?.object('vision_cfg');
  if (model === undefined || vision === undefined) {
    throw new WeightsError(
      'invalid',
      `${config.where} has no model_cfg.vision_cfg; choose a model with a vision tower.`,
    );
  }
  const size = vision.count('image_size', 4096) ?? 224;
  const timm = vision.text('timm_model_name');
  return {
    ...(timm === undefined ? openClipTower(vision, model.flag('quick_gelu') ?? false) : timmTower(vision, timm)),
    preset: presetOf(config.object('preprocess_cfg') ?? config.object('preprocess') ?? vision, size),
    license: null,
  };
}

function timmTower(vision: ConfigFields, architecture: string): Pick<ModelConfig, 'architecture' | 'args' | 'pool'> {
  requireArchitecture(architecture, vision.where);
  const name = vision.text('timm_pool');
  if (name === 'abs_attn' || name === 'rot_attn') throw vision.fail('timm_pool', 'avg, max, token or map');
  const pool = poolName(name);
  // Without a projection of its own, open_clip builds the network with this pool, which decides where the last norm is.
  const isArgument = pool !== null && ['', 'none', null].includes(vision.value.timm_proj as string | null);
  const given = vision.object('timm_model_kwargs');
  if (given) requireArguments(given);
  const args = { ...(isArgument ? { global_pool: pool } : {}), ...given?.value };
  return { architecture, args, pool: featurePool(architecture, pool) };
}

function openClipTower(vision: ConfigFields, quick: boolean): Pick<ModelConfig, 'architecture' | 'args' | 'pool'> {
  for (const [name, value] of Object.entries(REQUIRED)) {
    if (vision.has(name) && vision.value[name] !== value) throw vision.fail(name, String(value));
  }
  for (const name of ['act_kwargs', 'norm_kwargs']) {
    if (vision.has(name)) throw vision.fail(name, 'absent');
  }
  const layers = vision.count('layers', 200) ?? 12;
  const width = vision.count('width', 8192) ?? 768;
  const patch = vision.count('patch_size', 256) ?? 16;
  const headWidth = vision.count('head_width', width) ?? 64;
  if (width % headWidth !== 0) throw vision.fail('head_width', `a divisor of the width ${width}`);
  const scale = vision.positive('ls_init_value', 10);
  const tower = TOWERS[`${width},${layers},${patch}`];
  const architecture = `${tower ?? 'vit_base_patch16_clip'}${quick ? '_quickgelu' : ''}_224`;
  requireArchitecture(architecture, vision.where);
  const sizes = {
    patch_size: patch,
    embed_dim: width,
    depth: layers,
    num_heads: width / headWidth,
    mlp_ratio: vision.positive('mlp_ratio', 16) ?? 4,
  };
  const args = { ...(tower === undefined ? sizes : {}), ...(scale === undefined ? {} : { init_values: scale }) };
  return { architecture, args, pool: 'token' };
}

function presetOf(fields: ConfigFields, size: number): Preset {
  // `longest` pads with black, which a preset cannot say
  const mode = fields.choice('resize_mode', ['shortest', 'squash']) ?? 'shortest';
  const random = fields.value.interpolation === 'random';
  return {
    resize: size,
    crop: size,
    ...(mode === 'squash' ? { cropMode: 'squash' } : {}),
    interpolation: (random ? undefined : fields.choice('interpolation', INTERPOLATIONS)) ?? 'bicubic',
    mean: fields.channels('mean', Number.NEGATIVE_INFINITY) ?? CLIP.mean,
    std: fields.channels('std', 0) ?? CLIP.std,
  };
}
