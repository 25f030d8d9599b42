import { nn, noGrad, ops, type Tensor } from '@evenhand/torch';
import type { RotaryViT } from './rotary-vit.js';
import { fitEmbedding, fromOpenClip, requirePatchSize } from './vit-convert.js';

type Tensors = ReadonlyMap<string, Tensor>;

/**
 * The tensors of a file of timm, OpenCLIP, EVA, DINOv3 or Perception Encoder under the model's keys, with the position
 * embedding of the model's size. Left out are tables of rotary embeddings, which are computed, what only pretraining used,
 * and text towers. Source: timm `models/eva.py`, `checkpoint_filter_fn`.
 *
 * @throws RangeError if the file has patches of another size, or a position embedding of which the grid is unknown
 */
export function convertRotary(file: Tensors, model: RotaryViT): Map<string, Tensor> {
  return noGrad(() => {
    const perception = ['visual.', ''].find((prefix) => file.has(`${prefix}conv1.weight`));
    const tensors = perception === undefined ? fromTimm(file, model) : fromPerception(fromOpenClip(file, perception));
    for (const key of [...tensors.keys()]) if (key.startsWith('attn_pool.') && !model.attnPool) tensors.delete(key);
    requirePatchSize(tensors.get('patch_embed.proj.weight'), model.patchEmbed.patchSize);
    const embedding = tensors.get('pos_embed');
    if (embedding) tensors.set('pos_embed', fitEmbedding(embedding, model));
    return tensors;
  });
}

/** Perception Encoder as Meta publishes it: timm `_convert_pe`. */
function fromPerception(file: Tensors): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [key, value] of file) {
    const name = key
      .replace(/\.ls([12])\.gamma$/, '.gamma_$1')
      .replace('attn_pool.attn.', 'attn_pool.')
      .replace('attn_pool.layernorm.', 'attn_pool.norm.')
      .replace('attn_pool.probe', 'attn_pool.latent');
    if (name.startsWith('attn_pool.qkv.')) {
      const width = value.shape[0]! / 3;
      tensors.set(name.replace('qkv', 'q'), ops.slice(value, 0, 0, width));
      tensors.set(name.replace('qkv', 'kv'), ops.slice(value, 0, width));
    } else {
      tensors.set(name, value);
    }
  }
  return tensors;
}

/** What a file with keys like timm's is of, which decides what they mean. */
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

function kindOf(file: Tensors): FileKind {
  const prefix = ['visual.trunk.', 'visual.'].find((start) => file.has(`${start}patch_embed.proj.weight`)) ?? '';
  const dinov3 = file.has('storage_tokens');
  return {
    prefix,
    dinov3,
    masked: !dinov3 && file.has(`${prefix}mask_token`),
    unfused: file.has(`${prefix}blocks.0.attn.q_proj.weight`),
  };
}

function fromTimm(file: Tensors, model: RotaryViT): Map<string, Tensor> {
  const own = nn.stateDict(model);
  const kind = kindOf(file);
  const tensors = new Map<string, Tensor>();
  for (const [key, value] of file) {
    if (!key.startsWith(kind.prefix)) continue;
    const name = nameOf(key.slice(kind.prefix.length), kind);
    if (name === null) continue;
    if (kind.dinov3 && name.endsWith('qkv.bias')) {
      // Biases of keys are 0, and in some networks all are, so that timm has them with and without.
      const [q, , v] = ops.chunk(value, 3) as [Tensor, Tensor, Tensor];
      for (const [part, bias] of [['q_bias', q] as const, ['v_bias', v] as const]) {
        const target = name.replace('qkv.bias', part);
        if (own.has(target)) tensors.set(target, bias);
      }
    } else {
      tensors.set(name, value);
    }
  }
  return tensors;
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
