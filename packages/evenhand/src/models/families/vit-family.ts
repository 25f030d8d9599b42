import { changeArguments, type Family, type Pool, requireCounts, requireMultiple, requireOneOf } from '../family.js';
import { tokenPools } from './pool.js';
import { VisionTransformer } from './vit.js';
import { IGNORED_ARGUMENTS, VIT_CHOICES, VIT_DEFAULTS, type ViTArguments } from './vit-arguments.js';
import { convertViT } from './vit-convert.js';
import { VIT_ROWS } from './vit-rows.js';

/** Arguments that change nothing here; the last two are how initial weights are drawn. */
const IGNORED = { ...IGNORED_ARGUMENTS, weight_init: '', fix_init: false };

/** timm's vision transformers: `vit_small_patch14_dinov2`. */
export const VIT: Family = {
  name: 'ViT',
  architectures: Object.keys(VIT_ROWS),
  fixedSize: true,
  build(architecture, { numClasses, imageSize, pool, dropPath, args: changes }) {
    const row: ViTArguments & typeof IGNORED = { ...VIT_DEFAULTS, ...VIT_ROWS[architecture], ...IGNORED };
    const args = changeArguments(architecture, row, changes);
    requireArguments(architecture, args);
    const size = imageSize ?? args.img_size;
    // timm's 384 pixels of vit_so400m_patch14_siglip_384 are no multiple of 14: the last are not used
    const isOwn = String(size) === String(row.img_size);
    return new VisionTransformer(args, {
      numClasses,
      imageSize: isOwn ? pair(size) : requireMultiple(architecture, size, args.patch_size),
      pool: requireOneOf(architecture, 'pool', pool ?? ownPool(args), tokenPools(args)),
      dropPath: dropPath ?? args.drop_path_rate,
    });
  },
  convert: (tensors, model) => convertViT(tensors, model as VisionTransformer),
};

/** timm's `''` leaves the pool to others. */
function ownPool({ class_token: hasToken, global_pool: pool }: ViTArguments): Pool {
  return pool || (hasToken ? 'token' : 'avg');
}

function requireArguments(architecture: string, args: ViTArguments): void {
  for (const [name, choices] of Object.entries(VIT_CHOICES)) {
    requireOneOf<unknown>(architecture, name, args[name as keyof typeof VIT_CHOICES], choices);
  }
  for (const name of ['patch_size', 'embed_dim', 'num_heads'] as const) {
    requireCounts(architecture, name, [args[name]], 1);
  }
}

function pair(size: number | readonly [number, number]): readonly [number, number] {
  return typeof size === 'number' ? [size, size] : size;
}
