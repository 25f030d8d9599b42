import { noGrad, ops, type Tensor } from '@evenhand/torch';

/**
 * A position embedding for another grid of patches: bicubic and antialiased, prefix tokens unchanged.
 * Source: timm `layers/pos_embed.py`, `resample_abs_pos_embed`.
 *
 * @param embedding [1,prefix+H*W,C], float32
 * @param from H and W of the grid
 * @returns [1,prefix+H'*W',C]; `embedding` itself if the grids are equal
 */
export function resizeEmbedding(
  embedding: Tensor,
  from: readonly [number, number],
  to: readonly [number, number],
  prefix: number,
): Tensor {
  if (from[0] === to[0] && from[1] === to[1]) return embedding;
  const width = embedding.shape[2]!;
  return noGrad(() => {
    const grid = ops.reshape(ops.slice(embedding, 1, prefix), [1, from[0], from[1], width]);
    const resized = ops.upsampleBicubic2dAa(ops.permute(grid, [0, 3, 1, 2]), [...to], false);
    const patches = ops.reshape(ops.permute(resized, [0, 2, 3, 1]), [1, to[0] * to[1], width]);
    return prefix === 0 ? patches : ops.cat([ops.slice(embedding, 1, 0, prefix), patches], 1);
  });
}
