import type { Profile, Tip } from '../traits.js';
import type { Vec3 } from './pose.js';

/** The shape of a petal; lengths relative to the flower, angles in radians. */
export interface PetalShape {
  readonly profile: Profile;
  readonly tip: Tip;
  readonly length: number;
  /** Half its width. */
  readonly width: number;
  /** Distance of its base from the axis. */
  readonly start: number;
  /** Its direction in the flower's plane. */
  readonly azimuth: number;
  readonly rise: number;
  readonly bend: number;
  readonly curl: number;
  readonly ruffle: number;
  /** Phase of the waves of its ruffle. */
  readonly phase: number;
  readonly twist: number;
}

/** Maps `u`, from base (0) to tip (1), and `v`, from one margin (-1) to the other (1), to a point of the petal. */
export type Surface = (u: number, v: number) => Vec3;

/** Half widths at five positions from base to tip. */
const PROFILES: Readonly<Record<Profile, readonly [number, number, number, number, number]>> = {
  linear: [0.45, 0.85, 1, 1, 0.8],
  lanceolate: [0.4, 0.88, 1, 0.78, 0.4],
  ovate: [0.5, 0.93, 1, 0.86, 0.52],
  obovate: [0.22, 0.5, 0.82, 1, 0.84],
  orbicular: [0.4, 0.85, 1.04, 1.02, 0.72],
  spatulate: [0.18, 0.22, 0.6, 1, 0.8],
};

/** The proportion of its length by which a petal is shorter at `v`, which gives its tip a shape. */
const TIPS: Readonly<Record<Tip, (v: number) => number>> = {
  round: (v) => 0.3 * (1 - Math.sqrt(1 - 0.96 * v * v)),
  pointed: (v) => 0.42 * Math.abs(v) ** 0.85,
  notched: (v) => 0.3 * (1 - Math.sqrt(1 - 0.96 * v * v)) + 0.2 * Math.exp(-((v / 0.26) ** 2)),
  fringed: (v) => 0.26 * v * v + 0.13 * Math.abs(((v * 3.5 + 10.5) % 1) * 2 - 1),
  toothed: (v) => 0.2 * v * v + 0.11 * (0.5 - 0.5 * Math.cos(v * Math.PI * 3)),
  cut: (v) => 0.2 * (v + 1) * 0.9 + 0.12 * Math.max(0, -v - 0.6),
};

export function surfaceOf(shape: PetalShape): Surface {
  const widths = PROFILES[shape.profile];
  const tip = TIPS[shape.tip];
  const cos = Math.cos(shape.azimuth);
  const sin = Math.sin(shape.azimuth);
  const bend = Math.abs(shape.bend) < 1e-3 ? 1e-3 : shape.bend;
  return (u, v) => {
    const along = u * (1 - u * u * tip(v));
    const half = shape.width * interpolate(widths, along);
    const steep = shape.rise + bend * along;
    // The middle line is an arc; the petal curls, twists and waves perpendicular to it.
    const out = (shape.length * (Math.sin(steep) - Math.sin(shape.rise))) / bend;
    const high = (shape.length * (Math.cos(shape.rise) - Math.cos(steep))) / bend;
    const wave = shape.ruffle * along * along * Math.sin(v * 4.6 + shape.phase);
    const off = half * (shape.curl * v * v + shape.twist * v) + wave * shape.length;
    const radial = shape.start + out - Math.sin(steep) * off;
    const side = half * v;
    return [radial * cos - side * sin, radial * sin + side * cos, high + Math.cos(steep) * off];
  };
}

/** Interpolates five evenly spaced values smoothly (Catmull and Rom). */
function interpolate(values: readonly number[], position: number): number {
  const scaled = Math.min(3.9999, Math.max(0, position * 4));
  const i = Math.floor(scaled);
  const t = scaled - i;
  const [b, c] = [values[i]!, values[i + 1]!];
  const a = values[i - 1] ?? 2 * b - c;
  const d = values[i + 2] ?? 2 * c - b;
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}
