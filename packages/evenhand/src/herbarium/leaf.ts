import type { Random } from '../random.js';
import { type Canvas, curve, type Point, polygon } from './canvas.js';
import { within } from './chance.js';
import { type Colour, css, lit, mix } from './colour.js';
import type { LeafShape } from './traits.js';

/** Half the width along a leaf, and how it is cut: a leaf's length is 1. */
const SHAPES: Readonly<Record<Exclude<LeafShape, 'pinnate'>, (t: number) => number>> = {
  linear: (t) => 0.055 * Math.sin(Math.PI * t ** 0.7) ** 0.7,
  lanceolate: (t) => 0.15 * Math.sin(Math.PI * t ** 0.75),
  ovate: (t) => 0.27 * Math.sin(Math.PI * t ** 0.72) ** 0.9,
  heart: (t) => 0.38 * Math.sin(Math.PI * (0.12 + 0.88 * t) ** 0.62) ** 0.8,
  lobed: (t) => (0.3 - 0.1 * t) * Math.sin(Math.PI * t ** 0.7) * (0.68 + 0.45 * Math.abs(Math.sin(t * Math.PI * 3.5))),
};

/** Draws a leaf that begins at `from` and leaves in `direction` (radians, counter-clockwise from the right). */
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
  if (shape !== 'pinnate') {
    drawBlade(canvas, random, SHAPES[shape], rib, length, colour, light);
    return;
  }
  canvas.path(curve([0, 0.3, 0.6, 1].map(rib)), {
    fill: 'none',
    stroke: css(lit(colour, 0.9 * light)),
    'stroke-width': 0.5,
  });
  for (const t of [0.25, 0.45, 0.65, 0.85]) {
    for (const side of [-1, 1]) {
      const leaflet = ribOf(rib(t), direction + sag * t + side * 0.95, length * (0.42 - 0.18 * t), -0.3 * side);
      drawBlade(canvas, random, SHAPES.lanceolate, leaflet, length * 0.4, colour, light * (side < 0 ? 0.9 : 1.03));
    }
  }
  drawBlade(
    canvas,
    random,
    SHAPES.lanceolate,
    ribOf(rib(0.92), direction + sag, length * 0.32, 0),
    length * 0.3,
    colour,
    light,
  );
}

type Rib = (t: number) => Point;

/** The middle line of a leaf, an arc that turns by `sag` on its way. */
function ribOf([x, y]: Point, direction: number, length: number, sag: number): Rib {
  return (t) => {
    const angle = direction + (sag * t) / 2;
    return [x + length * t * Math.cos(angle), y - length * t * Math.sin(angle)];
  };
}

function drawBlade(
  canvas: Canvas,
  random: Random,
  width: (t: number) => number,
  rib: Rib,
  length: number,
  colour: Colour,
  light: number,
): void {
  const places = Array.from({ length: 12 }, (_, i) => i / 11);
  const squeeze = within(random, [0.55, 1]);
  const off = (t: number, share: number): Point => {
    const [a, b] = [rib(Math.max(0, t - 0.03)), rib(Math.min(1, t + 0.03))];
    const far = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const [x, y] = rib(t);
    const half = width(t) * length * share * squeeze;
    return [x - ((b[1] - a[1]) / far) * half, y + ((b[0] - a[0]) / far) * half];
  };
  // Few steps, so that leaves can share gradients.
  const own = { l: colour.l + (random.int(3) - 1) * 0.03, c: colour.c, h: colour.h + (random.int(3) - 1) * 4 };
  const [base, tip] = [rib(0), rib(1)];
  const half = (side: number, bright: number): void => {
    const fill = canvas.linear(base, tip, [
      [0, css(lit(own, bright * 0.78))],
      [0.5, css(lit(own, bright))],
      [1, css(lit(mix(own, { l: 0.75, c: 0.14, h: 112 }, 0.25), bright * 1.05))],
    ]);
    const outer = places.map((t) => off(t, side));
    const inner = [0.75, 0.5, 0.25].map(rib);
    canvas.path(polygon([...outer, ...inner]), { fill });
  };
  const sunny = (0.05 + 0.05 * random.int(3)) * (random.uniform() < 0.5 ? 1 : -1);
  half(1, light * (1 + sunny));
  half(-1, light * (1 - sunny));
  if (length < 9) return;
  const veins = [0.2, 0.36, 0.52, 0.68].flatMap((t) =>
    [-1, 1].map((side) => polygon([rib(t), off(Math.min(0.97, t + 0.17), side * 0.82)], false)),
  );
  const pale = css(lit(mix(own, { l: 0.86, c: 0.08, h: 115 }, 0.55), light));
  canvas.path(veins.join(''), { fill: 'none', stroke: pale, 'stroke-width': 0.18, 'stroke-opacity': 0.4 });
  canvas.path(curve([0, 0.33, 0.66, 0.97].map(rib)), {
    fill: 'none',
    stroke: pale,
    'stroke-width': 0.35,
    'stroke-opacity': 0.7,
  });
}

/** Draws a stem through points, round by three strokes: dark, its colour, a glint. */
export function drawStem(canvas: Canvas, points: readonly Point[], width: number, colour: Colour): void {
  const d = curve(points);
  const stroke = { fill: 'none', 'stroke-linecap': 'round' };
  canvas.path(d, { ...stroke, stroke: css(lit(colour, 0.68)), 'stroke-width': width });
  canvas.path(d, { ...stroke, stroke: css(lit(colour, 0.98)), 'stroke-width': width * 0.62 });
  canvas.path(d, { ...stroke, stroke: css(lit(colour, 1.2)), 'stroke-width': width * 0.2, 'stroke-opacity': 0.7 });
}
