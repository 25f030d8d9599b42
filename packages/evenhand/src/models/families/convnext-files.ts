import { nn, ops, type Tensor } from '@evenhand/torch';
import type { ImageModel } from '../model.js';

/** What OpenCLIP puts before the keys of timm's network. */
const OPEN_CLIP = 'visual.trunk.';

/**
 * The tensors of a file of timm, Meta (ConvNeXt, V2, DINOv3, EUPE) or OpenCLIP under the model's keys. Networks that were
 * pretrained as masked autoencoders have no last norm; it is then that of `model`.
 * Source: timm `models/convnext.py`, `checkpoint_filter_fn`.
 */
export function convertConvNeXt(tensors: ReadonlyMap<string, Tensor>, model: ImageModel): Map<string, Tensor> {
  const own = nn.stateDict(model);
  const converted = new Map<string, Tensor>();
  for (const [key, value] of tensors) {
    const name = nameOf(key, tensors);
    if (name === null) continue;
    const target = own.get(name)?.shape;
    const reshaped = target !== undefined && target.length !== value.shape.length && !name.startsWith('head.');
    converted.set(name, reshaped ? ops.reshape(value, target) : value);
  }
  for (const key of ['head.norm.weight', 'head.norm.bias']) {
    const norm = own.get(key);
    if (norm && !converted.has(key)) converted.set(key, ops.clone(ops.detach(norm)));
  }
  return converted;
}

/** timm's key; null for a tensor that the network does not use. */
function nameOf(key: string, tensors: ReadonlyMap<string, Tensor>): string | null {
  if (tensors.has(`${OPEN_CLIP}stem.0.weight`)) {
    if (key.startsWith(OPEN_CLIP)) return key.slice(OPEN_CLIP.length);
    if (key.startsWith('visual.head.mlp.fc1.')) return key.replace('visual.head.mlp.fc1.', 'head.pre_logits.fc.');
    return null; // the projection into the space of the texts, and the text tower
  }
  if (tensors.has('stem.0.weight')) return key;
  if (/^(projectors|norms)\./.test(key)) return null;
  return key
    .replace('downsample_layers.0.', 'stem.')
    .replace(/stages\.(\d+)\.(\d+)/, 'stages.$1.blocks.$2')
    .replace(/downsample_layers\.(\d+)\.(\d+)/, 'stages.$1.downsample.$2')
    .replace('dwconv', 'conv_dw')
    .replace('pwconv', 'mlp.fc')
    .replace('grn.beta', 'mlp.grn.bias')
    .replace('grn.gamma', 'mlp.grn.weight')
    .replace(/^head\./, 'head.fc.')
    .replace(/^norm\./, 'head.norm.');
}
