import type { Random } from '../random.js';
import { about, within } from './chance.js';
import { type Canvas, curve, dots, type Point, polygon, type Stop } from './canvas.js';
import { type Colour, css, lit, mix } from './colour.js';
import { cross, type Light, minus, type Pose, place, project, shade, turned, unit, type Vec3 } from './pose.js';
import type { Surface } from './surface.js';
import type { Edge, Eye, Spots, Traits, Veins } from './traits.js';

/** The colours and marks of the petals of one flower. */
export interface Paint {
  readonly colour: Colour;
  readonly fade: number;
  readonly eye: Eye;
  readonly spots: Spots;
  readonly veins: Veins;
  readonly edge: Edge;
  /** How far the eye reaches, the petal's length being 1. */
  readonly reach: number;
}

export function paintOf({ colour, fade, eye, spots, veins, edge, heart }: Traits, reach?: number): Paint {
  return { colour, fade, eye, spots, veins, edge, reach: reach ?? Math.min(0.5, 0.3 + heart * 0.35) };
}

const YELLOW: Colour = { l: 0.86, c: 0.17, h: 92 };

/** A colour of the same family that is clearly darker; for petals that are dark already, lighter. */
function darkOf({ l, c, h }: Colour): Colour {
  if (l < 0.52) return { l: 0.2, c: c * 0.5, h };
  return { l: Math.max(0.3, l - 0.38), c: Math.max(0.14, c), h: c < 0.08 ? 350 : h - 14 };
}

function paleOf({ l, c, h }: Colour): Colour {
  if (l > 0.88) return c > 0.1 ? { l: 0.97, c: 0.02, h } : { l: 0.8, c: 0.13, h: 350 };
  return { l: 0.95, c: Math.min(c, 0.03), h };
}

function eyeOf({ colour, eye }: Paint): Colour {
  if (eye === 'golden') return colour.h > 60 && colour.h < 110 && colour.c > 0.1 ? { l: 0.62, c: 0.19, h: 45 } : YELLOW;
  return eye === 'dark' ? darkOf(colour) : paleOf(colour);
}

/**
 * Draws one petal: body, light and shadow on it, marks. Whether we see its back decides its colours too.
 * @param detail how large the flower is in pixels; small ones get no fine lines
 */
export function drawPetal(
  canvas: Canvas,
  random: Random,
  surface: Surface,
  pose: Pose,
  light: Light,
  paint: Paint,
  detail: number,
): void {
  const at = (u: number, v: number): Point => place(pose, surface(u, v));
  const tint = { l: about(random, paint.colour.l, 0.025), c: paint.colour.c, h: about(random, paint.colour.h, 3) };
  const backSeen = facing(surface, pose) < 0;
  const own = backSeen ? mix(tint, { l: 0.78, c: 0.06, h: 115 }, 0.22) : tint;
  const lightAt = (u: number, v: number): number => shade(light, normalAt(surface, pose, u, v));
  const outline = polygon(outlineOf(at, 1, 1, detail > 16));

  const fall = 0.035 * pose.scale;
  const [dx, dy] = [-light.from[0] * fall, light.from[1] * fall + fall * 0.4];
  canvas.path(outline, {
    transform: `translate(${dx.toFixed(2)} ${dy.toFixed(2)})`,
    fill: '#100818',
    'fill-opacity': 0.15 * light.strength + 0.05,
    stroke: '#100818',
    'stroke-opacity': 0.07,
    'stroke-width': fall * 1.6,
  });

  const colourAt = (u: number): Colour => {
    const lighter = { ...own, l: Math.min(0.98, own.l + paint.fade * (u - 0.4)), c: own.c * (1 - paint.fade * u) };
    const zone = paint.eye === 'none' || backSeen ? 0 : 1 - smooth((u - paint.reach + 0.06) / 0.14);
    const body = zone > 0 ? mix(lighter, eyeOf(paint), zone) : lighter;
    // What is deep in the flower gets less light.
    return lit(body, lightAt(u, 0) * (0.76 + 0.24 * smooth(u / 0.4)));
  };
  const body = along(canvas, at, [0, 0.12, 0.24, paint.reach - 0.06, paint.reach + 0.08, 0.62, 0.82, 1], colourAt);
  if (paint.edge === 'none') {
    canvas.path(outline, { fill: body });
  } else {
    const margin = paint.edge === 'dark' ? darkOf(paint.colour) : paleOf(paint.colour);
    canvas.path(outline, { fill: along(canvas, at, [0, 0.3, 0.6, 1], (u) => lit(mix(own, margin, smooth((u - 0.1) / 0.3)), lightAt(u, 0))) });
    canvas.path(polygon(outlineOf(at, 0.88, 0.8, detail > 16)), { fill: body, 'fill-opacity': 0.5 });
    canvas.path(polygon(outlineOf(at, 0.84, 0.7, detail > 16)), { fill: body });
  }
  drawShape(canvas, at, lightAt, outline);
  if (backSeen) return;
  if (detail > 14) drawLines(canvas, at, paint, own, lightAt(0.5, 0));
  drawSpots(canvas, random, at, paint, pose.scale);
}

/** The side of a petal that we see: above 0 its inside. */
export function facing(surface: Surface, pose: Pose): number {
  return normalAt(surface, pose, 0.5, 0)[2];
}

/** Light across the petal, by which it looks vaulted. */
function drawShape(canvas: Canvas, at: (u: number, v: number) => Point, lightAt: Surfaced<number>, outline: string): void {
  const middle = lightAt(0.6, 0);
  const stops = [-1, -0.55, -0.12, 0.12, 0.55, 1].map((v): readonly [Point, string, number] => {
    const crease = Math.abs(v) === 0.12 ? -0.03 : 0;
    const by = lightAt(0.6, v) / middle - 1 + crease;
    return [at(0.6, v), by < 0 ? '#1a0830' : '#fffdf0', Math.min(0.45, Math.abs(by) * (by < 0 ? 1.5 : 1.1))];
  });
  const [from, to] = [at(0.6, -1), at(0.6, 1)];
  canvas.path(outline, { fill: canvas.linear(from, to, ordered(from, to, stops)) });
}

/** Veins where the species has them, else the faint lines that every petal has. */
function drawLines(canvas: Canvas, at: (u: number, v: number) => Point, paint: Paint, own: Colour, light: number): void {
  const bold = paint.veins === 'bold';
  const lines = (bold ? [-0.66, -0.33, 0, 0.33, 0.66] : [-0.6, -0.2, 0.2, 0.6]).map((v) => {
    const end = (bold ? 0.9 : 0.8) - 0.12 * Math.abs(v);
    return curve([0.1, 0.35, 0.6, end].map((u) => at(u, v * (0.55 + 0.45 * u))));
  });
  const colour = bold ? darkOf(own) : { ...own, l: own.l - 0.1 };
  const width = bold ? 0.4 : 0.22;
  canvas.path(lines.join(''), {
    fill: 'none',
    stroke: css(lit(colour, Math.min(1, light))),
    'stroke-width': width * (0.45 + distance(at(0.5, -0.5), at(0.5, 0.5)) / 14),
    'stroke-opacity': bold ? 0.75 : 0.35,
    'stroke-linecap': 'round',
  });
}

function drawSpots(canvas: Canvas, random: Random, at: (u: number, v: number) => Point, paint: Paint, scale: number): void {
  if (paint.spots === 'none') return;
  const colour = css(darkOf(paint.colour));
  if (paint.spots === 'blotch') {
    const centre = about(random, 0.36, 0.02);
    const ring = Array.from({ length: 12 }, (_, i): Point => {
      const turn = (i / 12) * 2 * Math.PI;
      const wobble = within(random, [0.85, 1.1]);
      return at(centre + 0.15 * wobble * Math.cos(turn), 0.62 * wobble * Math.sin(turn));
    });
    canvas.path(polygon(ring), { fill: colour, 'fill-opacity': 0.85, stroke: colour, 'stroke-opacity': 0.35, 'stroke-width': 0.03 * scale });
    return;
  }
  const [count, from, to] = paint.spots === 'freckles' ? [15, 0.2, 0.55] : [8, 0.5, 0.88];
  const points = Array.from({ length: count }, (_, i) =>
    // Spread evenly, not by chance alone, which makes clumps.
    at(from + (to - from) * ((i + random.uniform()) / count), (((i * 0.618 + 0.3 * random.uniform()) % 1) * 2 - 1) * 0.74),
  );
  canvas.path(dots(points), {
    stroke: colour,
    'stroke-width': scale * (paint.spots === 'freckles' ? 0.038 : 0.062),
    'stroke-linecap': 'round',
    'stroke-opacity': 0.88,
  });
}

type Surfaced<T> = (u: number, v: number) => T;

function outlineOf(at: Surfaced<Point>, wide: number, far: number, fine: boolean): Point[] {
  const sides = fine ? [0, 0.1, 0.22, 0.36, 0.5, 0.64, 0.78, 0.9] : [0, 0.25, 0.5, 0.75];
  const end = 1 - (1 - far) * 0.35;
  const steps = fine ? 22 : 10;
  const tip = Array.from({ length: steps + 1 }, (_, i) => at(end, wide * ((2 * i) / steps - 1)));
  const left = sides.map((u) => at(u * end, -wide));
  const right = sides.map((u) => at(u * end, wide)).reverse();
  return [...left, ...tip, ...right];
}

/** A gradient along the middle line of a petal as it is seen, foreshortened or bent back. */
function along(canvas: Canvas, at: Surfaced<Point>, places: readonly number[], colourAt: (u: number) => Colour): string {
  const [from, to] = [at(0, 0), at(1, 0)];
  const sorted = [...places].sort((a, b) => a - b);
  return canvas.linear(from, to, ordered(from, to, sorted.map((u) => [at(u, 0), css(colourAt(u)), 1] as const)));
}

/** Stops at the places of points along a line, made to ascend. */
function ordered(from: Point, to: Point, stops: readonly (readonly [Point, string, number])[]): Stop[] {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const square = dx * dx + dy * dy || 1;
  let before = 0;
  return stops.map(([[x, y], colour, opacity]): Stop => {
    before = Math.min(1, Math.max(before, ((x - from[0]) * dx + (y - from[1]) * dy) / square));
    return opacity === 1 ? [before, colour] : [before, colour, opacity];
  });
}

function normalAt(surface: Surface, pose: Pose, u: number, v: number): Vec3 {
  const [a, b] = [Math.max(0, u - 0.06), Math.min(1, u + 0.06)];
  const [c, d] = [Math.max(-1, v - 0.12), Math.min(1, v + 0.12)];
  const lengthwise = minus(surface(b, v), surface(a, v));
  const across = minus(surface(u, d), surface(u, c));
  return turned(pose, unit(cross(lengthwise, across)));
}

const smooth = (x: number): number => {
  const t = Math.min(1, Math.max(0, x));
  return t * t * (3 - 2 * t);
};

const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Depth of a petal in the picture: what is nearer is larger. */
export const depthOf = (surface: Surface, pose: Pose): number => turned(pose, surface(0.6, 0))[2];

export { project };
