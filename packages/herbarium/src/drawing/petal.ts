import type { Random } from 'evenhand/random';
import type { Edge, Eye, Spots, Tip, Traits, Veins } from '../traits.js';
import { type Canvas, curve, dots, type Point, polygon, type Stop } from './canvas.js';
import { about, within } from './chance.js';
import { type Colour, css, lit, mix } from './colour.js';
import { cross, type Light, minus, type Pose, place, shade, turned, unit, type Vec3 } from './pose.js';
import type { Surface } from './surface.js';

/** The colours and marks of the petals of one flower. */
export interface Paint {
  readonly tip: Tip;
  readonly colour: Colour;
  readonly fade: number;
  readonly eye: Eye;
  readonly spots: Spots;
  readonly veins: Veins;
  readonly edge: Edge;
  /** Radius of the eye relative to the length of a petal. */
  readonly reach: number;
}

export function paintOf({ tip, colour, fade, eye, spots, veins, edge, heart }: Traits): Paint {
  return { tip, colour, fade, eye, spots, veins, edge, reach: Math.min(0.5, 0.3 + heart * 0.35) };
}

const YELLOW: Colour = { l: 0.86, c: 0.17, h: 92 };

/** A clearly darker colour; for petals that are dark already, an even darker, less saturated one. */
function darkOf({ l, c, h }: Colour): Colour {
  if (l < 0.52) return { l: 0.2, c: c * 0.5, h };
  return { l: Math.max(0.3, l - 0.38), c: Math.max(0.14, c), h: c < 0.08 ? 350 : h - 14 };
}

function paleOf({ l, c, h }: Colour): Colour {
  // On a pale petal, a blush instead.
  if (l > 0.86) return { l: 0.78, c: 0.14, h: c > 0.1 ? 25 : 350 };
  return { l: 0.95, c: Math.min(c, 0.03), h };
}

function eyeOf({ colour, eye }: Paint): Colour {
  if (eye === 'golden') return colour.h > 60 && colour.h < 110 && colour.c > 0.1 ? { l: 0.62, c: 0.19, h: 45 } : YELLOW;
  return eye === 'dark' ? darkOf(colour) : paleOf(colour);
}

/** Larger petals have finer outlines, shading, lines and their own shadow. */
type Fineness = 0 | 1 | 2;

/**
 * Draws one petal: shadow, body, shading and marks. Its colours depend on whether its back is visible.
 *
 * @param detail size of the flower in pixels; small ones have no fine lines
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
  const pointAt = (u: number, v: number): Point => place(pose, surface(u, v));
  const middle = normalAt(surface, pose, 0.5, 0);
  const backSeen = middle[2] < 0;
  const wide = distance(pointAt(0.6, -1), pointAt(0.6, 1)) * (detail / pose.scale);
  const fine: Fineness = detail < 28 || wide < 5 ? 0 : detail < 34 || wide < 11 ? 1 : 2;
  // Few steps of colour and light, so that petals can share gradients.
  const tint = (random.int(3) - 1) * 0.016;
  const own = { l: paint.colour.l + tint, c: paint.colour.c, h: paint.colour.h + tint * 150 };
  const body = backSeen ? mix(own, { l: 0.78, c: 0.06, h: 115 }, 0.22) : own;
  const base = stepped(shade(light, normalAt(surface, pose, 0.2, 0)), 0.07);
  const tip = stepped(shade(light, normalAt(surface, pose, 0.85, 0)), 0.07);
  const lightAt = (u: number): number => (base + (tip - base) * u) * (0.76 + 0.24 * smooth(u / 0.4));
  const outline = polygon(outlineOf(pointAt, paint.tip, 1, 1, fine));
  const shadow = shadowOf(light, pose.scale);
  if (fine === 2) canvas.path(polygon(moved(outlineOf(pointAt, paint.tip, 1, 1, 0), shadow.by)), shadow.soft);

  const colourAt = (u: number): Colour => {
    const faded = { ...body, l: Math.min(0.98, body.l + paint.fade * (u - 0.4)), c: body.c * (1 - paint.fade * u) };
    const zone = paint.eye === 'none' || backSeen ? 0 : 1 - smooth((u - paint.reach + 0.07) / 0.14);
    // Deep in the flower there is less light.
    return lit(zone > 0 ? mix(faded, eyeOf(paint), zone) : faded, lightAt(u));
  };
  const eyed = paint.eye !== 'none' && !backSeen;
  const places = eyed ? [0, paint.reach - 0.07, paint.reach + 0.07, 1] : [0, 0.3, 1];
  const along = (stops: readonly number[], colour: (u: number) => Colour): string =>
    canvas.linear(
      pointAt(0, 0),
      pointAt(1, 0),
      stops.map((u): Stop => [u, css(colour(u))]),
    );
  const fill = along(places, colourAt);
  const rim = fine === 2 ? {} : shadow.rim;
  if (paint.edge === 'none') {
    canvas.path(outline, { fill, ...rim });
  } else {
    const margin = paint.edge === 'dark' ? darkOf(paint.colour) : paleOf(paint.colour);
    const outer = along([0, 0.3, 1], (u) => lit(mix(body, margin, smooth((u - 0.1) / 0.2)), lightAt(u)));
    canvas.path(outline, { fill: outer, ...rim });
    if (fine === 2) canvas.path(polygon(outlineOf(pointAt, paint.tip, 0.88, 0.8, 1)), { fill, 'fill-opacity': 0.5 });
    canvas.path(polygon(outlineOf(pointAt, paint.tip, 0.82, 0.68, fine)), { fill });
  }
  if (fine === 2) drawVault(canvas, pointAt, (v) => shade(light, normalAt(surface, pose, 0.6, v)), outline);
  if (fine === 2 || paint.veins === 'bold') drawLines(canvas, pointAt, paint, body, shade(light, middle));
  if (paint.spots !== 'none') drawSpots(canvas, random, pointAt, paint, pose.scale);
}

/** The visible side of a petal: above 0 its inside. */
export function facing(surface: Surface, pose: Pose): number {
  return normalAt(surface, pose, 0.5, 0)[2];
}

function shadowOf({ from, strength }: Light, scale: number) {
  const fall = 0.04 * scale;
  const by: Point = [-from[0] * fall, from[1] * fall + fall * 0.4];
  const dark = { stroke: '#100818', 'stroke-width': fall * 1.5 };
  return {
    by,
    soft: { ...dark, fill: '#100818', 'fill-opacity': 0.14 * strength + 0.05, 'stroke-opacity': 0.07 },
    // For small petals a thin dark rim is enough, which halves the number of shapes.
    rim: { ...dark, 'stroke-opacity': 0.13, 'stroke-width': fall * 0.8, 'paint-order': 'stroke' },
  };
}

/** Draws shading across the petal, which makes it look curved. */
function drawVault(canvas: Canvas, pointAt: Surfaced<Point>, lightAt: (v: number) => number, outline: string): void {
  const middle = lightAt(0);
  const stop = (place: number, change: number): Stop => [
    place,
    change < 0 ? '#1a0830' : '#fffdf0',
    Math.min(0.45, Math.abs(change) * (change < 0 ? 1.5 : 1.1)),
  ];
  const [left, right] = [stepped(lightAt(-1) / middle - 1, 0.07), stepped(lightAt(1) / middle - 1, 0.07)];
  const stops = [stop(0, left), stop(0.25, left * 0.45), stop(0.5, -0.03), stop(0.75, right * 0.45), stop(1, right)];
  canvas.path(outline, { fill: canvas.linear(pointAt(0.6, -1), pointAt(0.6, 1), stops) });
}

/** Draws veins if the species has them, else faint lines. */
function drawLines(canvas: Canvas, pointAt: Surfaced<Point>, paint: Paint, own: Colour, light: number): void {
  const bold = paint.veins === 'bold';
  const lines = (bold ? [-0.66, -0.33, 0, 0.33, 0.66] : [-0.6, -0.2, 0.2, 0.6]).map((v) => {
    const end = (bold ? 0.9 : 0.8) - 0.12 * Math.abs(v);
    return curve([0.1, 0.35, 0.6, end].map((u) => pointAt(u, v * (0.55 + 0.45 * u))));
  });
  const colour = bold ? darkOf(own) : { ...own, l: own.l - 0.1 };
  const width = bold ? 0.4 : 0.22;
  canvas.path(lines.join(''), {
    fill: 'none',
    stroke: css(lit(colour, Math.min(1, light))),
    'stroke-width': width * (0.45 + distance(pointAt(0.5, -0.5), pointAt(0.5, 0.5)) / 14),
    'stroke-opacity': bold ? 0.75 : 0.35,
    'stroke-linecap': 'round',
  });
}

function drawSpots(canvas: Canvas, random: Random, pointAt: Surfaced<Point>, paint: Paint, scale: number): void {
  const colour = css(darkOf(paint.colour));
  if (paint.spots === 'blotch') {
    const centre = about(random, 0.36, 0.02);
    const ring = Array.from({ length: 12 }, (_, i): Point => {
      const turn = (i / 12) * 2 * Math.PI;
      const wobble = within(random, [0.85, 1.1]);
      return pointAt(centre + 0.15 * wobble * Math.cos(turn), 0.62 * wobble * Math.sin(turn));
    });
    canvas.path(polygon(ring), {
      fill: colour,
      'fill-opacity': 0.85,
      stroke: colour,
      'stroke-opacity': 0.35,
      'stroke-width': 0.03 * scale,
    });
    return;
  }
  const [count, from, to] = paint.spots === 'freckles' ? [15, 0.2, 0.55] : [8, 0.5, 0.88];
  const points = Array.from({ length: count }, (_, i) =>
    // Spread evenly, because purely random spots form clumps.
    pointAt(
      from + (to - from) * ((i + random.uniform()) / count),
      (((i * 0.618 + 0.3 * random.uniform()) % 1) * 2 - 1) * 0.74,
    ),
  );
  const width = scale * (paint.spots === 'freckles' ? 0.042 : 0.066);
  canvas.path(dots(points, width), { fill: colour, 'fill-opacity': 0.88 });
}

type Surfaced<T> = (u: number, v: number) => T;

const SIDES = [
  [0, 0.3, 0.6, 0.82],
  [0, 0.2, 0.4, 0.6, 0.8],
  [0, 0.12, 0.26, 0.42, 0.58, 0.74, 0.88],
] as const;

/** Number of steps across a tip, which must include its corners. */
const STEPS: Readonly<Record<Tip, readonly [number, number, number]>> = {
  round: [6, 8, 12],
  pointed: [4, 6, 8],
  notched: [8, 10, 14],
  fringed: [14, 14, 14],
  toothed: [6, 12, 12],
  cut: [4, 6, 8],
};

function outlineOf(pointAt: Surfaced<Point>, tip: Tip, wide: number, far: number, fine: Fineness): Point[] {
  const sides = SIDES[fine];
  const end = 1 - (1 - far) * 0.35;
  const steps = STEPS[tip][fine];
  const across = Array.from({ length: steps + 1 }, (_, i) => pointAt(end, wide * ((2 * i) / steps - 1)));
  const left = sides.map((u) => pointAt(u * end, -wide));
  const right = sides.map((u) => pointAt(u * end, wide)).reverse();
  return [...left, ...across, ...right];
}

const moved = (points: readonly Point[], [dx, dy]: Point): Point[] => points.map(([x, y]): Point => [x + dx, y + dy]);

const stepped = (x: number, step: number): number => Math.round(x / step) * step;

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

/** Depth of a petal in the image; larger is nearer. */
export const depthOf = (surface: Surface, pose: Pose): number => turned(pose, surface(0.6, 0))[2];
