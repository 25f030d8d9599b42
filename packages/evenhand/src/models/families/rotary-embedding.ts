import { nn, ops, scope, type Tensor, tensor } from '@evenhand/torch';

/** How positions of patches become angles; timm's arguments `rope_*` of `Eva`. */
export interface RotaryOptions {
  /**
   * Positions: patches counted from `offset` on (`cat`, and `mixed`, whose frequencies are learned), or the centres of
   * patches in [-1, 1] (`dinov3`).
   */
  readonly type: 'cat' | 'dinov3' | 'mixed';
  readonly temperature: number;
  /** Added to positions of `cat`. */
  readonly offset: number;
  /** Whether the angles of rows (`ij`) or of columns (`xy`) come first; `dinov3` always has those of rows first. */
  readonly indexing: 'ij' | 'xy';
  /** Of `cat`: the grid that positions are scaled to, that of pretraining; null: not scaled. */
  readonly reference: readonly [number, number] | null;
}

/** Turns queries or keys [N,heads,L,D] by their positions. */
export type Rotate = (x: Tensor) => Tensor;

/**
 * Positions of the patches of a grid along its two axes, [H*W,2] in row-major order.
 * Source: timm `layers/pos_embed_sincos.py`, `build_fourier_pos_embed`, `make_coords_dinov3`, `get_mixed_grid`.
 */
export function patchPositions(
  [height, width]: readonly [number, number],
  { type, offset, indexing, reference }: RotaryOptions,
): Float64Array {
  const along = (i: number, size: number, referenceSize: number | undefined): number => {
    if (type === 'dinov3') return 2 * Math.PI * ((2 * (i + 0.5)) / size - 1);
    if (type === 'mixed') return i;
    return ((i + offset) / size) * (referenceSize ?? size);
  };
  const rowsFirst = type === 'dinov3' || indexing === 'ij';
  const positions = new Float64Array(height * width * 2);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const y = along(row, height, reference?.[0]);
      const x = along(column, width, reference?.[1]);
      positions.set(rowsFirst ? [y, x] : [x, y], 2 * (row * width + column));
    }
  }
  return positions;
}

/**
 * Rotary position embedding of a grid of patches (Su et al., arXiv 2104.09864; for images arXiv 2303.11331): half of the
 * features turn with one axis, half with the other. Prefix tokens, which have no position, do not turn. It is computed from
 * the image size and not saved. Source: timm `RotaryEmbeddingCat`, `RotaryEmbeddingDinoV3`.
 */
export class RotaryEmbedding extends nn.Module {
  /** [prefix+H*W,D/2] */
  readonly cos: Tensor;
  readonly sin: Tensor;
  readonly #half: boolean;

  /** @param headWidth D: features of one head, a multiple of 4 */
  constructor(grid: readonly [number, number], prefix: number, headWidth: number, options: RotaryOptions) {
    super();
    const bands = headWidth / 4;
    const positions = patchPositions(grid, options);
    const rows = prefix + positions.length / 2;
    const angles = new Float64Array(rows * 2 * bands);
    positions.forEach((position, i) => {
      for (let band = 0; band < bands; band++) {
        angles[(2 * prefix + i) * bands + band] = position * options.temperature ** (-band / bands);
      }
    });
    const table = (f: (angle: number) => number): Tensor =>
      nn.constant(tensor(Float32Array.from(angles, f), [rows, 2 * bands]));
    this.cos = table(Math.cos);
    this.sin = table(Math.sin);
    this.#half = options.type === 'dinov3';
  }

  /** Turns queries or keys [N,heads,L,D]. */
  override forward(x: Tensor): Tensor {
    return rotate(x, this.cos, this.sin, this.#half);
  }

  /** What turns queries and keys in each of `depth` blocks: the same in all. */
  rotations(depth: number): Rotate[] {
    return new Array<Rotate>(depth).fill((x) => this.forward(x));
  }
}

/**
 * Rotary position embedding with learned frequencies for each block and head (Heo et al., arXiv 2403.13298), so that
 * features turn with directions of their own. Source: timm `RotaryEmbeddingMixed`.
 */
export class MixedRotaryEmbedding extends nn.Module {
  /** [2,depth,heads,D/2] */
  readonly freqs: Tensor;
  /** Positions along the first and second axis, 0 for prefix tokens: [prefix+H*W,1] */
  readonly first: Tensor;
  readonly second: Tensor;

  constructor(
    grid: readonly [number, number],
    prefix: number,
    [depth, heads, headWidth]: readonly [depth: number, heads: number, headWidth: number],
    options: RotaryOptions,
  ) {
    super();
    const positions = patchPositions(grid, options);
    const rows = prefix + positions.length / 2;
    const axis = (index: number): Tensor => {
      const along = positions.filter((_, i) => i % 2 === index);
      return nn.constant(tensor(Float32Array.from([...new Float64Array(prefix), ...along]), [rows, 1]));
    };
    this.first = axis(0);
    this.second = axis(1);
    this.freqs = nn.parameter(scope(() => initialFrequencies([depth, heads, headWidth], options.temperature)));
  }

  /** Angles of a block [heads,L,D/2] from its frequencies [2,heads,1,D/2]. */
  override forward(frequencies: Tensor): Tensor {
    const [first, second] = ops.unbind(frequencies, 0) as [Tensor, Tensor];
    return ops.add(ops.mul(first, this.first), ops.mul(second, this.second));
  }

  /** What turns queries and keys in each of `depth` blocks. */
  rotations(depth: number): Rotate[] {
    return Array.from({ length: depth }, (_, block) => {
      const angles = this.forward(ops.unsqueeze(ops.select(this.freqs, 1, block), 2));
      const [cos, sin] = [ops.cos(angles), ops.sin(angles)];
      return (x) => rotate(x, cos, sin, false);
    });
  }
}

/** Frequencies that fall with the feature, turned by a random angle for each head: timm `init_random_2d_freqs`. */
function initialFrequencies([depth, heads, headWidth]: readonly [number, number, number], temperature: number): Tensor {
  const bands = headWidth / 4;
  const magnitudes = tensor(
    Float32Array.from({ length: bands }, (_, i) => temperature ** (-i / bands)),
    [bands],
  );
  const angles = nn.init.uniform_(ops.empty([depth, heads, 1]), 0, 2 * Math.PI);
  const along = (turn: (angle: Tensor) => Tensor): Tensor =>
    ops.cat(
      [angles, ops.addScalar(angles, Math.PI / 2)].map((angle) => ops.mul(magnitudes, turn(angle))),
      -1,
    );
  return ops.stack([along(ops.cos), along(ops.sin)]);
}

/**
 * Turns pairs of features: neighbours, or features half a head apart (`half`). The result has the first features of all
 * pairs before the second ones, whatever their order in `x`: products of queries and keys do not depend on it, and so
 * nothing has to be interleaved.
 */
function rotate(x: Tensor, cos: Tensor, sin: Tensor, half: boolean): Tensor {
  return scope(() => {
    const [first, second] = half
      ? (ops.chunk(x, 2, -1) as [Tensor, Tensor])
      : [ops.slice(x, -1, 0, null, 2), ops.slice(x, -1, 1, null, 2)];
    const turned = ops.cat(
      [ops.sub(ops.mul(first, cos), ops.mul(second, sin)), ops.add(ops.mul(second, cos), ops.mul(first, sin))],
      -1,
    );
    // Under autocast the tables, which are float32, would make queries and keys float32.
    return turned.dtype === x.dtype ? turned : ops.to(turned, { dtype: x.dtype });
  });
}
