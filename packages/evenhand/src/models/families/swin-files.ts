import { nn, noGrad, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import type { ImageModel } from '../model.js';
import { WindowAttention } from './swin-block.js';

/**
 * The tensors of a file of timm or Microsoft under the model's keys, with bias tables of the model's windows. Microsoft's
 * files have the step between two stages in the first of them.
 * Source: timm `models/swin_transformer.py`, `checkpoint_filter_fn`.
 */
export function convertSwin(tensors: ReadonlyMap<string, Tensor>, model: ImageModel): Map<string, Tensor> {
  const original = tensors.has('layers.0.downsample.norm.weight');
  const attentions = nn.modules(model).filter((layer) => layer instanceof WindowAttention);
  const tables = new Map(attentions.map((layer) => [layer.relativePositionBiasTable, layer]));
  const own = nn.stateDict(model);
  const converted = new Map<string, Tensor>();
  for (const [key, value] of tensors) {
    if (/relative_position_index|attn_mask/.test(key)) continue;
    const name = original
      ? key
          .replace(/^layers\.(\d+)\.downsample/, (_, stage) => `layers.${Number(stage) + 1}.downsample`)
          .replace(/^head\./, 'head.fc.')
      : key;
    const target = own.get(name);
    const attention = target && tables.get(target);
    converted.set(name, attention ? resizeBiasTable(value, attention.windows.window) : value);
  }
  return converted;
}

/**
 * A table of relative position biases for a window of another size, by linear interpolation between positions whose
 * distances grow geometrically from the centre outwards, so that the outermost positions of both windows coincide.
 * Source: timm `layers/pos_embed_rel.py`, `resize_rel_pos_bias_table`.
 *
 * @param table [side*side,heads], of a square window
 * @param window height and width of the new window in tokens
 * @returns [(2*height-1)*(2*width-1),heads]; `table` itself if it has this size
 */
export function resizeBiasTable(table: Tensor, window: readonly [number, number]): Tensor {
  const [positions = 0, heads = 0] = table.shape;
  const side = Math.floor(Math.sqrt(positions));
  const [height, width] = [2 * window[0] - 1, 2 * window[1] - 1];
  if (side * side !== positions || (side === height && side === width)) return table;
  return noGrad(() =>
    scope(() => {
      const grid = ops.permute(ops.reshape(ops.to(table, { dtype: 'float32' }), [side, side, heads]), [2, 0, 1]);
      const rows = ops.matmul(interpolation(side, height), grid);
      const resized = ops.matmul(rows, ops.transpose(interpolation(side, width), 0, 1));
      return ops.reshape(ops.permute(resized, [1, 2, 0]), [height * width, heads]);
    }),
  );
}

/** The matrix [to,from] that interpolates linearly along one axis. */
function interpolation(from: number, to: number): Tensor {
  const known = geometricPositions(from, to);
  const weights = new Float32Array(to * from);
  const half = Math.floor(to / 2);
  for (let i = 0; i < to; i++) {
    const at = Math.max(known[0]!, Math.min(known.at(-1)!, i - half));
    const right = Math.max(
      1,
      known.findIndex((position) => position >= at),
    );
    const share = (at - known[right - 1]!) / (known[right]! - known[right - 1]!);
    weights[i * from + right - 1] = 1 - share;
    weights[i * from + right] = share;
  }
  return tensor(weights, [to, from]);
}

/** Positions of `from` points around 0, spaced by the powers of a ratio with which they span `to` points. */
function geometricPositions(from: number, to: number): number[] {
  const count = Math.floor(from / 2);
  let [left, right, ratio] = [1.01, 1.5, 1.01];
  while (right - left > 1e-6) {
    ratio = (left + right) / 2;
    if ((1 - ratio ** count) / (1 - ratio) > Math.floor(to / 2)) right = ratio;
    else left = ratio;
  }
  const distances: number[] = [];
  let distance = 1;
  for (let i = 0; i < count; i++) {
    distances.push(distance);
    distance += ratio ** (i + 1);
  }
  return [...distances.map((each) => -each).reverse(), 0, ...distances];
}
