import { changeArguments, type Family, POOLS, type Pool, requireMultiple } from '../family.js';
import { convertRotary } from './rotary-files.js';
import { ROTARY_ROWS, type RotaryRow } from './rotary-rows.js';
import { RotaryViT } from './rotary-vit.js';

/** Arguments of timm that change nothing here: rates of dropout, and what the image size and the head decide. */
const IGNORED = {
  num_classes: 0,
  dynamic_img_size: false,
  dynamic_img_pad: false,
  pos_drop_rate: 0,
  patch_drop_rate: 0,
  proj_drop_rate: 0,
  attn_drop_rate: 0,
};

type RotaryArguments = RotaryRow & typeof IGNORED & { readonly in_chans: number };

/** What some arguments may be. */
const CHOICES: { readonly [K in keyof RotaryArguments]?: readonly RotaryArguments[K][] } = {
  in_chans: [3],
  attn_type: ['eva', 'rope'],
  rope_type: ['cat', 'dinov3', 'mixed'],
  rope_grid_indexing: ['ij', 'xy'],
  global_pool: ['avg', 'max', 'token', 'map'],
};

/** timm's vision transformers with rotary position embedding, and EVA: `eva02_base_patch14_448`. */
export const ROTARY_VIT: Family = {
  name: 'Rotary ViT',
  architectures: Object.keys(ROTARY_ROWS),
  fixedSize: true,
  build(architecture, { numClasses, imageSize, pool, dropPath, args: changes }) {
    const row: RotaryArguments = { ...IGNORED, in_chans: 3, ...ROTARY_ROWS[architecture]! };
    const args = changeArguments(architecture, row, changes);
    requireArguments(architecture, args);
    const chosen = pool ?? args.global_pool;
    const pools = poolsOf(args);
    if (!pools.includes(chosen))
      throw new RangeError(`${architecture} has no pool ${chosen}; it has ${pools.join(', ')}.`);
    return new RotaryViT(args, {
      numClasses,
      imageSize: requireMultiple(architecture, imageSize ?? args.img_size, args.patch_size),
      pool: chosen,
      dropPath: dropPath ?? args.drop_path_rate,
    });
  },
  convert: (tensors, model) => convertRotary(tensors, model as RotaryViT),
};

/** Attention pooling has weights, so that only networks that were pretrained with it have it. */
function poolsOf({ class_token: hasToken, global_pool: pretrained }: RotaryRow): Pool[] {
  return POOLS.filter((pool) => (pool === 'map' ? pretrained === 'map' : hasToken || !pool.startsWith('token')));
}

function requireArguments(architecture: string, args: RotaryArguments): void {
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = args[name as keyof RotaryArguments];
    if ((choices as readonly unknown[]).includes(value)) continue;
    throw new RangeError(`${architecture}: ${name} must be one of ${choices.join(', ')}, got ${String(value)}.`);
  }
  const { embed_dim: width, num_heads: heads } = args;
  if (args.use_rot_pos_emb && width % (4 * heads) !== 0) {
    throw new RangeError(
      `${architecture}: embed_dim must be a multiple of 4 num_heads for a rotary embedding, got ${width} and ${heads}.`,
    );
  }
}
