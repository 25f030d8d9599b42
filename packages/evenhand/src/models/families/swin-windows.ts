import { nn, ops, type Tensor, tensor } from '@evenhand/torch';

/** Height and width. */
export type Size = readonly [height: number, width: number];

/** Windows of a map of tokens. */
export interface Windows {
  /** Height and width of the map in tokens. */
  readonly map: Size;
  /** Height and width of a window in tokens. */
  readonly window: Size;
  /** Tokens by which the map is rolled before it is divided; 0 for windows that are not shifted. */
  readonly shift: Size;
}

/** The size of the map after padding to whole windows. */
export function paddedSize({ map, window }: Windows): [height: number, width: number] {
  const padded = (axis: 0 | 1) => Math.ceil(map[axis] / window[axis]) * window[axis];
  return [padded(0), padded(1)];
}

/** Divides the map into windows, shifted and padded: [N,H,W,C] to [N*windows*tokens,C]. */
export function partition(x: Tensor, windows: Windows): Tensor {
  const { map, window, shift } = windows;
  const [height, width] = paddedSize(windows);
  const rolled = isShifted(windows) ? ops.roll(x, [-shift[0], -shift[1]], [1, 2]) : x;
  const fits = height === map[0] && width === map[1];
  const padded = fits ? rolled : ops.constantPadNd(rolled, [0, 0, 0, width - map[1], 0, height - map[0]]);
  const channels = x.shape[3]!;
  const grid = [-1, height / window[0], window[0], width / window[1], window[1], channels];
  return ops.reshape(ops.permute(ops.reshape(padded, grid), [0, 1, 3, 2, 4, 5]), [-1, channels]);
}

/** Undoes `partition`: [N*windows*tokens,C] to [N,H,W,C]. */
export function merge(rows: Tensor, windows: Windows): Tensor {
  const { map, window, shift } = windows;
  const [height, width] = paddedSize(windows);
  const channels = rows.shape[1]!;
  const grid = [-1, height / window[0], width / window[1], window[0], window[1], channels];
  const padded = ops.reshape(ops.permute(ops.reshape(rows, grid), [0, 1, 3, 2, 4, 5]), [-1, height, width, channels]);
  const cut = height === map[0] ? padded : ops.slice(padded, 1, 0, map[0]);
  const x = width === map[1] ? cut : ops.slice(cut, 2, 0, map[1]);
  return isShifted(windows) ? ops.roll(x, [...shift], [1, 2]) : x;
}

export function isShifted({ shift }: Windows): boolean {
  return shift[0] > 0 || shift[1] > 0;
}

/**
 * What keeps tokens apart that a shift has moved into one window from opposite sides of the map: -100 for pairs that do
 * not belong together, 0 for others, to be added to the products of queries and keys.
 * Source: timm `SwinTransformerBlock.get_attn_mask`.
 *
 * @returns float32 [windows,1,tokens,tokens], a constant; null for windows that are not shifted
 */
export function shiftMask(windows: Windows): Tensor | null {
  if (!isShifted(windows)) return null;
  const { window, shift } = windows;
  const [height, width] = paddedSize(windows);
  const region = (at: number, size: number, axis: 0 | 1) =>
    at < size - window[axis] ? 0 : at < size - shift[axis] ? 1 : 2;
  const count = (height / window[0]) * (width / window[1]);
  const tokens = window[0] * window[1];
  const mask = new Float32Array(count * tokens * tokens);
  for (let index = 0; index < count; index++) {
    const top = Math.floor(index / (width / window[1])) * window[0];
    const left = (index % (width / window[1])) * window[1];
    const regions = Array.from({ length: tokens }, (_, token) => {
      const row = top + Math.floor(token / window[1]);
      return 3 * region(row, height, 0) + region(left + (token % window[1]), width, 1);
    });
    regions.forEach((a, i) => {
      regions.forEach((b, j) => {
        if (a !== b) mask[(index * tokens + i) * tokens + j] = -100;
      });
    });
  }
  return nn.constant(tensor(mask, [count, 1, tokens, tokens]));
}

/**
 * For each pair of tokens of a window, the row of the bias table that belongs to their relative position.
 * Source: timm `get_relative_position_index`.
 *
 * @returns int64 [tokens*tokens], a constant
 */
export function relativePositions([height, width]: Size): Tensor {
  const tokens = height * width;
  const index = new BigInt64Array(tokens * tokens);
  for (let a = 0; a < tokens; a++) {
    for (let b = 0; b < tokens; b++) {
      const down = Math.floor(a / width) - Math.floor(b / width) + height - 1;
      const across = (a % width) - (b % width) + width - 1;
      index[a * tokens + b] = BigInt(down * (2 * width - 1) + across);
    }
  }
  return nn.constant(tensor(index, [tokens * tokens]));
}
