import { nn, noGrad, ops, type Tensor } from '@evenhand/torch';
import type { RotaryViT } from './rotary-vit.js';
import { fitEmbedding, requirePatchSize } from './vit-convert.js';

/** What a file is of, which decides what its keys mean. */
interface FileKind {
  /** What is before timm's keys: OpenCLIP puts the network beside a text tower. */
  readonly prefix: string;
  /** Meta's own keys of DINOv3. */
  readonly dinov3: boolean;
  /** Pretrained by masked images alone: the last norm is then a start for that after the pool. */
  readonly masked: boolean;
  /** Queries, keys and values have layers of their own. */
  readonly unfused: boolean;
}

function kindOf(tensors: ReadonlyMap<string, Tensor>): FileKind {
  const prefix = ['visual.trunk.', 'visual.'].find((start) => tensors.has(`${start}patch_embed.proj.weight`)) ?? '';
  const dinov3 = tensors.has('storage_tokens');
  return {
    prefix,
    dinov3,
    masked: !dinov3 && tensors.has(`${prefix}mask_token`),
    unfused: tensors.has(`${prefix}blocks.0.attn.q_proj.weight`),
  };
}

/**
 * The tensors of a file of timm, OpenCLIP, EVA or DINOv3 under the model's keys, with the position embedding of the model's
 * size. Left out are tables of rotary embeddings, which are computed, what only pretraining used, and text towers.
 * Source: timm `models/eva.py`, `checkpoint_filter_fn`.
 *
 * @throws RangeError if the file has patches of another size, or a position embedding of which the grid is unknown
 */
export function convertRotary(file: ReadonlyMap<string, Tensor>, model: RotaryViT): Map<string, Tensor> {
  const own = nn.stateDict(model);
  const kind = kindOf(file);
  const converted = new Map<string, Tensor>();
  noGrad(() => {
    for (const [key, value] of file) {
      if (!key.startsWith(kind.prefix)) continue;
      const name = nameOf(key.slice(kind.prefix.length), kind);
      if (name === null || (name.startsWith('attn_pool.') && !model.attnPool)) continue;
      if (kind.dinov3 && name.endsWith('qkv.bias')) {
        // Biases of keys are 0, and in some networks all are, so that timm has them with and without.
        const [q, , v] = ops.chunk(value, 3) as [Tensor, Tensor, Tensor];
        for (const [part, bias] of [['q_bias', q] as const, ['v_bias', v] as const]) {
          const target = name.replace('qkv.bias', part);
          if (own.has(target)) converted.set(target, bias);
        }
      } else {
        converted.set(name, name === 'pos_embed' ? fitEmbedding(value, model) : value);
      }
    }
  });
  requirePatchSize(converted.get('patch_embed.proj.weight'), model.patchEmbed.patchSize);
  return converted;
}

/** timm's key; null for a tensor that the network does not use. */
function nameOf(key: string, { dinov3, masked, unfused }: FileKind): string | null {
  if (key.includes('rope') && key !== 'rope.freqs') return null;
  if (dinov3) {
    if (/(\.bias_mask|mask_token)$|^(projectors\.|local_cls_norm)/.test(key)) return null;
    return renamed(key.replace(/ls([12])\.gamma/, 'gamma_$1').replace('storage_tokens', 'reg_token'));
  }
  if (masked) {
    if (key === 'mask_token' || key.startsWith('lm_head.')) return null;
    if (/^norm\.(weight|bias)$/.test(key)) return `fc_${key}`;
  }
  const name = renamed(key);
  return unfused ? name.replace(/([qv])_bias/, '$1_proj.bias') : name;
}

/** timm's names of the layers of EVA and DINOv3. */
function renamed(key: string): string {
  return key
    .replace('mlp.ffn_ln', 'mlp.norm')
    .replace('attn.inner_attn_ln', 'attn.norm')
    .replace('mlp.w12', 'mlp.fc1')
    .replace('mlp.w1', 'mlp.fc1_g')
    .replace('mlp.w2', 'mlp.fc1_x')
    .replace('mlp.w3', 'mlp.fc2');
}
