import { noGrad, ops, type Tensor } from '@evenhand/torch';
import { resizeEmbedding } from './resize-embedding.js';
import type { VisionTransformer } from './vit.js';

type Tensors = ReadonlyMap<string, Tensor>;

// timm `_convert_openai_clip`
const CLIP_NAMES: readonly [RegExp, string][] = [
  [/^conv1\./, 'patch_embed.proj.'],
  [/^transformer\.resblocks\./, 'blocks.'],
  [/^ln_pre\./, 'norm_pre.'],
  [/^ln_post\./, 'norm.'],
  [/\.ln_(\d)\./, '.norm$1.'],
  [/\.ls_(\d)\./, '.ls$1.'],
  [/\.in_proj_/, '.qkv.'],
  [/\.out_proj\./, '.proj.'],
  [/\.mlp\.c_fc\./, '.mlp.fc1.'],
  [/\.mlp\.c_proj\./, '.mlp.fc2.'],
];

// timm `_convert_dinov2` and `checkpoint_filter_fn`: DINOv2 and DeiT III as Facebook publishes them
const FACEBOOK_NAMES: readonly [RegExp, string][] = [
  [/\.mlp\.w12\./, '.mlp.fc1.'],
  [/\.mlp\.w3\./, '.mlp.fc2.'],
  [/\.gamma_([12])$/, '.ls$1.gamma'],
];

// What only pretraining uses: MAE's decoder, old augreg's hidden layer, DeiT's second classifier
const UNUSED = /^(mask_token$|decoder_|pre_logits\.|head_dist\.)/;

/**
 * The tensors of a published file under timm's keys and for the model's image size: files of timm, of open_clip (image
 * tower only), and DINOv2, DINO, MAE and DeiT III as Facebook publishes them. Source: timm `checkpoint_filter_fn`.
 *
 * @throws RangeError if the file has patches of another size, or a position embedding of which the grid is unknown
 */
export function convertViT(file: Tensors, model: VisionTransformer): Map<string, Tensor> {
  return noGrad(() => {
    const tensors = withTimmNames(file);
    for (const key of [...tensors.keys()]) {
      if (UNUSED.test(key) || (key.startsWith('attn_pool.') && !model.attnPool)) tensors.delete(key);
    }
    requirePatchSize(tensors.get('patch_embed.proj.weight'), model.patchEmbed.patchSize);
    const embedding = tensors.get('pos_embed');
    if (embedding) tensors.set('pos_embed', fitEmbedding(embedding, model));
    return tensors;
  });
}

function withTimmNames(file: Tensors): Map<string, Tensor> {
  const clip = [...file.keys()].find((key) => key.endsWith('visual.class_embedding'));
  if (clip !== undefined) return fromOpenClip(file, clip.slice(0, -'class_embedding'.length));
  const trunk = 'visual.trunk.';
  if ([...file.keys()].some((key) => key.startsWith(trunk))) return under(file, trunk, []);
  return fromFacebook(under(file, '', FACEBOOK_NAMES));
}

/** The tensors with keys under `prefix`, without it and with other names. */
function under(file: Tensors, prefix: string, names: readonly [RegExp, string][]): Map<string, Tensor> {
  return new Map(
    [...file].flatMap(([key, tensor]) => {
      if (!key.startsWith(prefix)) return [];
      const name = names.reduce(
        (name, [pattern, replacement]) => name.replace(pattern, replacement),
        key.slice(prefix.length),
      );
      return [[name, tensor]];
    }),
  );
}

/** OpenAI's layout, which open_clip has for its own vision transformers: the image tower without its projection. */
export function fromOpenClip(file: Tensors, prefix: string): Map<string, Tensor> {
  const tensors = under(file, prefix, CLIP_NAMES);
  const token = tensors.get('class_embedding');
  if (token) tensors.set('cls_token', ops.reshape(token, [1, 1, -1]));
  const embedding = tensors.get('positional_embedding');
  if (embedding) tensors.set('pos_embed', ops.unsqueeze(embedding, 0));
  for (const key of ['class_embedding', 'positional_embedding', 'proj']) tensors.delete(key);
  return tensors;
}

/** DINOv2 with registers: timm has no position embedding of the class token and adds it to the token itself. */
function fromFacebook(tensors: Map<string, Tensor>): Map<string, Tensor> {
  const registers = tensors.get('register_tokens');
  const [token, embedding] = [tensors.get('cls_token'), tensors.get('pos_embed')];
  if (!registers || !token || !embedding) return tensors;
  tensors.delete('register_tokens');
  tensors.set('reg_token', registers);
  tensors.set('cls_token', ops.add(token, ops.slice(embedding, 1, 0, 1)));
  tensors.set('pos_embed', ops.slice(embedding, 1, 1));
  return tensors;
}

/** Throws a RangeError if the weight of a file's patch embedding is for patches of another size. */
export function requirePatchSize(weight: Tensor | undefined, size: number): void {
  const [height, width] = weight?.shape.slice(-2) ?? [];
  if (height === undefined || (height === size && width === size)) return;
  throw new RangeError(
    `The file has patches of ${height}x${width} pixels and the model of ${size}x${size}; choose an architecture with the file's patch size.`,
  );
}

/**
 * A file's position embedding for the model's image size. (timm resizes those of FlexiViT bilinearly instead.)
 *
 * @throws RangeError if the grid of its patches is unknown
 */
export function fitEmbedding(
  embedding: Tensor,
  model: Pick<VisionTransformer, 'grid' | 'originalGrid' | 'embeddedPrefix'>,
): Tensor {
  const { grid, originalGrid, embeddedPrefix: prefix } = model;
  const patches = (embedding.shape[1] ?? 0) - prefix;
  const side = Math.round(Math.sqrt(patches));
  const from = originalGrid[0] * originalGrid[1] === patches ? originalGrid : ([side, side] as const);
  if (patches < 1 || from[0] * from[1] !== patches) {
    throw new RangeError(
      `The file's position embedding [${embedding.shape}] has ${patches} patches, which are no square; expected ${originalGrid.join('x')} patches.`,
    );
  }
  return resizeEmbedding(ops.to(embedding, { dtype: 'float32' }), from, grid, prefix);
}
