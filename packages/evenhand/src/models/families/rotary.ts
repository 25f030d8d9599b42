import { changeArguments, type Family, requireCounts, requireMultiple, requireOneOf } from '../family.js';
import { tokenPools } from './pool.js';
import { convertRotary } from './rotary-files.js';
import { ROTARY_ROWS, type RotaryRow } from './rotary-rows.js';
import { RotaryViT } from './rotary-vit.js';
import { IGNORED_ARGUMENTS } from './vit-arguments.js';

type RotaryArguments = RotaryRow & { readonly in_chans: number; readonly rope_rotate_half: boolean };

/** timm's vision transformers with rotary position embedding, and EVA: `eva02_base_patch14_448`. */
export const ROTARY_VIT: Family = {
  name: 'Rotary ViT',
  architectures: Object.keys(ROTARY_ROWS),
  fixedSize: true,
  build(architecture, { numClasses, imageSize, pool, dropPath, args: changes }) {
    const own = ROTARY_ROWS[architecture]!;
    const half = own.rope_type === 'dinov3';
    const row: RotaryArguments & typeof IGNORED_ARGUMENTS = {
      ...IGNORED_ARGUMENTS,
      in_chans: 3,
      rope_rotate_half: half,
      ...own,
    };
    const args = changeArguments(architecture, row, changes);
    requireArguments(architecture, args);
    return new RotaryViT(args, {
      numClasses,
      imageSize: requireMultiple(architecture, imageSize ?? args.img_size, args.patch_size),
      pool: requireOneOf(architecture, 'pool', pool ?? args.global_pool, tokenPools(args)),
      dropPath: dropPath ?? args.drop_path_rate,
    });
  },
  convert: (tensors, model) => convertRotary(tensors, model as RotaryViT),
};

function requireArguments(architecture: string, args: RotaryArguments): void {
  requireOneOf(architecture, 'in_chans', args.in_chans, [3]);
  requireOneOf(architecture, 'attn_type', args.attn_type, ['eva', 'rope']);
  requireOneOf(architecture, 'rope_type', args.rope_type, ['cat', 'dinov3', 'mixed']);
  // In timm another value turns other pairs of features than those that the angles are for.
  requireOneOf(architecture, 'rope_rotate_half', args.rope_rotate_half, [args.rope_type === 'dinov3']);
  requireOneOf(architecture, 'rope_grid_indexing', args.rope_grid_indexing, ['ij', 'xy']);
  requireOneOf(architecture, 'global_pool', args.global_pool, ['avg', 'max', 'token', 'map']);
  for (const name of ['patch_size', 'embed_dim', 'num_heads'] as const) {
    requireCounts(architecture, name, [args[name]], 1);
  }
  const { embed_dim: width, num_heads: heads } = args;
  if (args.use_rot_pos_emb && width % (4 * heads) !== 0) {
    throw new RangeError(
      `embed_dim of ${architecture} must be a multiple of 4 num_heads for a rotary embedding; got ${width} and ${heads}.`,
    );
  }
}
