import { changeArguments, type Family, POOLS, type Pool, requireMultiple } from '../family.js';
import { convertRotary } from './rotary-files.js';
import { ROTARY_ROWS, type RotaryRow } from './rotary-rows.js';
import { RotaryViT } from './rotary-vit.js';

/** Arguments of timm that change nothing here: rates of dropout, and what the image size and the head decide. */
const IGNORED = {
  num_classes: 0,
  in_chans: 3,
  dynamic_img_size: false,
  dynamic_img_pad: false,
  pos_drop_rate: 0,
  patch_drop_rate: 0,
  proj_drop_rate: 0,
  attn_drop_rate: 0,
};

/** timm's vision transformers with rotary position embedding, and EVA: `eva02_base_patch14_448`. */
export const ROTARY_VIT: Family = {
  name: 'Rotary ViT',
  architectures: Object.keys(ROTARY_ROWS),
  fixedSize: true,
  build(architecture, { numClasses, imageSize, pool, dropPath, args: changes }) {
    const row: RotaryRow & typeof IGNORED = { ...IGNORED, ...ROTARY_ROWS[architecture]! };
    const args = changeArguments(architecture, row, changes);
    requireOneOf(architecture, 'rope_type', args.rope_type, ['cat', 'dinov3', 'mixed']);
    if (args.use_rot_pos_emb && args.embed_dim % (4 * args.num_heads) !== 0) {
      throw new RangeError(
        `Heads of ${architecture} need a multiple of 4 features for its rotary embedding, got embed_dim ${args.embed_dim} and num_heads ${args.num_heads}.`,
      );
    }
    const chosen: string = pool ?? args.global_pool;
    requireOneOf(architecture, 'pool', chosen, poolsOf(args));
    return new RotaryViT(args, {
      numClasses,
      imageSize: requireMultiple(architecture, imageSize ?? args.img_size, args.patch_size),
      pool: chosen as Pool,
      dropPath: dropPath ?? args.drop_path_rate,
    });
  },
  convert: (tensors, model) => convertRotary(tensors, model as RotaryViT),
};

/** Attention pooling has weights, so that only networks that were pretrained with it have it. */
function poolsOf({ class_token: hasToken, global_pool: pretrained }: RotaryRow): Pool[] {
  return POOLS.filter((pool) => (pool === 'map' ? pretrained === 'map' : hasToken || !pool.startsWith('token')));
}

function requireOneOf(architecture: string, name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new RangeError(`${name} of ${architecture} must be one of ${known.join(', ')}; got ${value}.`);
}
