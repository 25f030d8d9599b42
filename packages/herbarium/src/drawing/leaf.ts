import type { Random } from 'evenhand/random';
import type { LeafShape } from '../traits.js';
import { type Canvas, curve, type Point, polygon } from './canvas.js';
import { within } from './chance.js';
import { type Colour, css, lit, mix } from './colour.js';

/** Half the width along a leaf, relative to its length. */
const SHAPES: Readonly<Record<Exclude<LeafShape, 'pinnate'>, (t: number) => number>> = {
  linear: (t) => 0.055 * Math.sin(Math.PI * t ** 0.7) ** 0.7,
  lanceolate: (t) => 0.15 * Math.sin(Math.PI * t ** 0.75),
  ovate: (t) => 0.27 * Math.sin(Math.PI * t ** 0.72) ** 0.9,
  heart: (t) => 0.38 * Math.sin(Math.PI * (0.12 + 0.88 * t) ** 0.62) ** 0.8,
  lobed: (t) => (0.3 - 0.1 * t) * Math.sin(Math.PI * t ** 0.7) * (0.68 + 0.45 * Math.abs(Math.sin(t * Math.PI * 3.5))),
};

/** Draws a leaf that starts at `from` in `direction` (radians, counter-clockwise from the right). */
export function drawLeaf(
  canvas: Canvas,
  random: Random,
  shape: LeafShape,
  from: Point,
  direction: number,
  length: number,
  colour: Colour,
  light = 1,
): void {
  const sag = within(random, [-0.55, 0.25]) * (Math.cos(direction) >= 0 ? 1 : -1);
  const rib = ribOf(from, direction, length, sag);
  const blades = [] as Blade[];
  if (shape === 'pinnate') {
    for (const t of [0.25, 0.45, 0.65, 0.85]) {
      for (const side of [-1, 1]) {
        const long = length * (0.42 - 0.18 * t);
        blades.push({ rib: ribOf(rib(t), direction + sag * t + side * 0.95, long, -0.3 * side), long, steps: 6 });
      }
    }
    blades.push({ rib: ribOf(rib(0.92), direction + sag, length * 0.32, 0), long: length * 0.32, steps: 6 });
  } else {
    blades.push({ rib, long: length, steps: shape === 'lobed' ? 14 : 9 });
  }
  drawBlades(canvas, random, SHAPES[shape === 'pinnate' ? 'lanceolate' : shape], blades, rib, colour, light);
}

type Rib = (t: number) => Point;

interface Blade {
  readonly rib: Rib;
  readonly long: number;
  readonly steps: number;
}

/** The middle line of a leaf: an arc that turns by `sag`. */
function ribOf([x, y]: Point, direction: number, length: number, sag: number): Rib {
  return (t) => {
    const angle = direction + (sag * t) / 2;
    return [x + length * t * Math.cos(angle), y - length * t * Math.sin(angle)];
  };
}

/** Draws all blades of a leaf with as few shapes as possible: the blades, their halves in shadow, their veins. */
function drawBlades(
  canvas: Canvas,
  random: Random,
  width: (t: number) => number,
  blades: readonly Blade[],
  whole: Rib,
  colour: Colour,
  light: number,
): void {
  const squeeze = within(random, [0.55, 1]);
  const off = ({ rib, long }: Blade, t: number, share: number): Point => {
    const [a, b] = [rib(Math.max(0, t - 0.03)), rib(Math.min(1, t + 0.03))];
    const far = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const [x, y] = rib(t);
    const half = width(t) * long * share * squeeze;
    return [x - ((b[1] - a[1]) / far) * half, y + ((b[0] - a[0]) / far) * half];
  };
  const margin = (blade: Blade, side: number): Point[] =>
    Array.from({ length: blade.steps + 1 }, (_, i) => off(blade, i / blade.steps, side));
  // Few different colours, so that leaves can share gradients.
  const own = { l: colour.l + (random.int(3) - 1) * 0.035, c: colour.c, h: colour.h + (random.int(3) - 1) * 4 };
  const fill = canvas.linear(whole(0), whole(1), [
    [0, css(lit(own, light * 0.76))],
    [0.5, css(lit(own, light))],
    [1, css(lit(mix(own, { l: 0.75, c: 0.14, h: 112 }, 0.25), light * 1.06))],
  ]);
  canvas.path(blades.map((blade) => polygon([...margin(blade, -1), ...margin(blade, 1).reverse()])).join(''), { fill });
  const dark = random.uniform() < 0.5 ? -1 : 1;
  const halves = blades.map((blade) => polygon([...margin(blade, dark), ...[0.75, 0.5, 0.25].map(blade.rib)]));
  canvas.path(halves.join(''), { fill: '#0a1420', 'fill-opacity': 0.1 + 0.05 * random.int(4) });
  const veins = blades.map((blade) => {
    const sides = [0.2, 0.36, 0.52, 0.68].flatMap((t) =>
      [-1, 1].map((side) => polygon([blade.rib(t), off(blade, Math.min(0.97, t + 0.17), side * 0.8)], false)),
    );
    return curve([0, 0.33, 0.66, 0.97].map(blade.rib)) + (blades.length > 1 ? '' : sides.join(''));
  });
  const ribs = blades.length > 1 ? curve([0, 0.33, 0.66, 0.97].map(whole)) : '';
  canvas.path(veins.join('') + ribs, {
    fill: 'none',
    stroke: css(lit(mix(own, { l: 0.86, c: 0.08, h: 115 }, 0.5), light)),
    'stroke-width': 0.26,
    'stroke-opacity': 0.5,
  });
}

/** Draws a stem through points with two strokes that make it look round: dark sides and a light middle. */
export function drawStem(canvas: Canvas, points: readonly Point[], width: number, colour: Colour): void {
  const d = curve(points);
  const stroke = { fill: 'none', 'stroke-linecap': 'round' };
  canvas.path(d, { ...stroke, stroke: css(lit(colour, 0.68)), 'stroke-width': width });
  canvas.path(d, { ...stroke, stroke: css(lit(colour, 1.06)), 'stroke-width': width * 0.5 });
}
