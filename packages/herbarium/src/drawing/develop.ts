import { Random } from 'evenhand/random';
import { about, chance, within } from './chance.js';

/** The settings of a virtual camera. */
export interface Development {
  /** Gains of red, green and blue. */
  readonly gains: readonly [number, number, number];
  readonly gamma: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly vignette: number;
  readonly grain: number;
  /** Blur of the whole image: standard deviation in percent of its width; 0 = none. */
  readonly blur: number;
  /** Offset of the grain in the tile of noise. */
  readonly offset: number;
}

export function developmentOf(random: Random): Development {
  const warmth = about(random, 0.015, 0.11);
  const tint = about(random, 0, 0.03);
  const exposure = about(random, 1.02, 0.2);
  return {
    gains: [exposure * (1 + warmth), exposure * (1 + tint), exposure * (1 - warmth)],
    gamma: about(random, 1, 0.16),
    contrast: about(random, 1.04, 0.22),
    saturation: about(random, 1, 0.22),
    vignette: chance(random, 0.6) ? within(random, [0.05, 0.4]) : 0,
    grain: within(random, [2, 8]),
    blur: chance(random, 0.2) ? within(random, [0.3, 0.85]) : 0,
    offset: random.int(TILE * TILE),
  };
}

const TILE = 256;
let tile: Float32Array | undefined;

/** A tile of fine and coarse grain, about -1 to 1; it is computed once. */
function noise(): Float32Array {
  if (tile !== undefined) return tile;
  const random = new Random(0, TILE);
  const fine = Float32Array.from({ length: TILE * TILE }, () => random.uniform() * 2 - 1);
  const fineAt = (x: number, y: number): number => fine[(y % TILE) * TILE + (x % TILE)]!;
  tile = Float32Array.from(fine, (value, i) => {
    const [x, y] = [i % TILE, Math.floor(i / TILE)];
    // Coarser noise from means of neighbours, as on paper and real surfaces.
    let coarse = 0;
    for (let k = 0; k < 9; k++) coarse += fineAt(x + (k % 3) * 2, y + Math.floor(k / 3) * 2);
    return value * 0.5 + coarse * 0.15;
  });
  return tile;
}

const falloffs = new Map<number, Float64Array>();

/** How much a vignette darkens each pixel, relative to the left end of the middle row; computed once per side. */
function falloff(side: number): Float64Array {
  const known = falloffs.get(side);
  if (known) return known;
  const middle = (side - 1) / 2;
  const at = (i: number): number => (i - middle) / middle;
  const values = Float64Array.from({ length: side * side }, (_, i) => {
    return (at(i % side) ** 2 + at(Math.floor(i / side)) ** 2) ** 1.5;
  });
  falloffs.set(side, values);
  return values;
}

/**
 * Applies exposure, white balance, contrast, saturation, vignette and grain.
 *
 * @param pixels [side, side, channels] of 8 bits; the first three channels are kept
 * @returns [side, side, 3]
 */
export function develop(pixels: Uint8Array, side: number, channels: number, development: Development): Uint8Array {
  const curves = development.gains.map((gain) =>
    Float32Array.from({ length: 256 }, (_, value) => {
      const exposed = Math.min(1.15, (value / 255) * gain) ** development.gamma;
      return 255 * (0.5 + (exposed - 0.5) * development.contrast);
    }),
  );
  const [reds, greens, blues] = curves as [Float32Array, Float32Array, Float32Array];
  const grain = noise();
  const out = new Uint8ClampedArray(side * side * 3);
  const far = falloff(side);
  for (let y = 0; y < side; y++) {
    const row = (development.offset + y * TILE) % (TILE * TILE);
    for (let x = 0; x < side; x++) {
      const from = (y * side + x) * channels;
      const dark = 1 - development.vignette * 0.5 * far[y * side + x]!;
      const [r, g, b] = [reds[pixels[from]!]!, greens[pixels[from + 1]!]!, blues[pixels[from + 2]!]!];
      const luma = 0.299 * r + 0.587 * g + 0.114 * b;
      const speck = development.grain * grain[(row + x) % (TILE * TILE)]!;
      const to = (y * side + x) * 3;
      out[to] = (luma + (r - luma) * development.saturation) * dark + speck;
      out[to + 1] = (luma + (g - luma) * development.saturation) * dark + speck;
      out[to + 2] = (luma + (b - luma) * development.saturation) * dark + speck;
    }
  }
  return new Uint8Array(out.buffer);
}
