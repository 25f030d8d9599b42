import type { Random } from 'evenhand/random';
import { type Centre, HEART_COLOURS, type Traits } from '../traits.js';
import { type Canvas, curve, dots, type Point, polygon, type Stop } from './canvas.js';
import { about, within } from './chance.js';
import { type Colour, css, lit, mix } from './colour.js';
import { type Light, type Pose, place, shade, turned, type Vec3 } from './pose.js';

interface Heart {
  readonly canvas: Canvas;
  readonly random: Random;
  readonly pose: Pose;
  readonly light: Light;
  readonly size: number;
  readonly colour: Colour;
  readonly petal: Colour;
  /** How far the flower is open, from 0 to 1. */
  readonly open: number;
}

const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
const BROWN: Colour = { l: 0.38, c: 0.08, h: 60 };
const GREEN: Colour = { l: 0.66, c: 0.13, h: 122 };

/** Draws the centre of a flower. */
export function drawCentre(
  canvas: Canvas,
  random: Random,
  traits: Traits,
  petal: Colour,
  pose: Pose,
  light: Light,
  open: number,
): void {
  const colour = HEART_COLOURS[traits.heartColour];
  const tinted = { l: about(random, colour.l, 0.03), c: colour.c, h: about(random, colour.h, 4) };
  DRAW[traits.centre]({ canvas, random, pose, light, size: traits.heart, colour: tinted, petal, open });
}

const DRAW: Readonly<Record<Centre, (heart: Heart) => void>> = {
  disc: (heart) => drawDome(heart, heart.size, heart.size * 0.45, 1),
  cone: (heart) => drawDome(heart, heart.size, heart.size * 1.5, 1.25),
  throat: (heart) => {
    drawHollow(heart, heart.size * 1.5);
    drawAnthers(heart, 5, heart.size * 0.45, heart.size * 0.4, 0.75);
  },
  stamens: (heart) => {
    drawHollow(heart, heart.size * 1.2);
    drawFilaments(heart, 16, heart.size * 0.55, heart.size * 0.8, 1);
    drawFilaments(heart, 9, heart.size * 0.2, heart.size * 0.9, 1);
  },
  long: (heart) => {
    drawHollow(heart, 0.16);
    drawFilaments(heart, 6, heart.size * 0.5, heart.size * 0.95, 1.7);
    drawFilaments({ ...heart, colour: GREEN }, 1, 0.05, heart.size * 1.15, 1.6);
  },
  ring: (heart) => {
    drawFilaments(heart, 30, heart.size * 1.05, heart.size * 0.5, 1);
    drawFilaments(heart, 20, heart.size * 0.75, heart.size * 0.6, 1);
    const pod = { ...heart, colour: mix(heart.colour, GREEN, 0.3) };
    drawDome(pod, heart.size * 0.42, heart.size * 0.5, 1.1);
  },
  corona: (heart) => drawCorona(heart),
  fringe: (heart) => {
    drawFringe(heart);
    drawFilaments(heart, 5, heart.size * 0.32, heart.size * 0.4, 2.2);
    drawDome({ ...heart, colour: GREEN }, heart.size * 0.14, heart.size * 0.4, 1);
  },
};

/** The points of a circle around the axis, in the image. */
function circle(pose: Pose, radius: number, height: number, count: number, wave = 0, turn = 0): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const angle = (i / count) * 2 * Math.PI + turn;
    const far = radius * (1 + wave * (i % 2 === 0 ? 1 : -1));
    return place(pose, [far * Math.cos(angle), far * Math.sin(angle), height]);
  });
}

/** Draws a dark, soft hollow in which the petals meet. */
function drawHollow({ canvas, pose, size, petal }: Heart, radius: number): void {
  const deep = css(lit(mix(petal, GREEN, 0.35), 0.62));
  const middle = place(pose, [0, 0, size * 0.15]);
  const fill = canvas.radial(middle, radius * pose.scale, [
    [0, deep, 0.85],
    [0.55, deep, 0.5],
    [1, deep, 0],
  ]);
  canvas.path(polygon(circle(pose, radius, size * 0.15, 14)), { fill });
}

/** Draws a dome of many tiny florets in their natural spiral (Vogel 1979). */
function drawDome({ canvas, random, pose, light, colour }: Heart, radius: number, height: number, dot: number): void {
  const up = (r: number): number => height * (1 - (r / radius) ** 2) - 0.04;
  const base = circle(pose, radius, up(radius), 18);
  const shadow = css({ l: 0.2, c: 0.05, h: 300 });
  canvas.path(polygon(base), {
    fill: shadow,
    'fill-opacity': 0.3,
    stroke: shadow,
    'stroke-width': radius * 0.22 * pose.scale,
    'stroke-opacity': 0.16,
  });
  const silhouette = [0, 0.35, 0.6, 0.8, 0.93, 1].map((share) => circle(pose, radius * share, up(radius * share), 14));
  canvas.path(silhouette.map((ring) => polygon(ring)).join(''), { fill: css(lit(mix(colour, BROWN, 0.3), 0.72)) });
  const count = Math.min(110, Math.round(26 + radius * pose.scale * 9));
  const groups = new Map<string, Point[]>();
  const turn = random.uniform() * 6;
  for (let i = count - 1; i >= 0; i--) {
    const r = radius * Math.sqrt((i + 0.5) / count);
    const angle = i * GOLDEN_ANGLE + turn;
    const slope = (2 * height * r) / (radius * radius);
    const normal = turned(pose, unitOf([slope * Math.cos(angle), slope * Math.sin(angle), 1]));
    if (normal[2] < -0.1) continue;
    const ripe = r / radius;
    const own = mix(mix(colour, GREEN, 0.3), mix(colour, BROWN, 0.12), ripe);
    const bright = Math.round(shade(light, normal) * 7 + random.uniform() * 1.4) / 7.6;
    const paint = css(lit(own, bright));
    const points = groups.get(paint) ?? [];
    if (points.length === 0) groups.set(paint, points);
    points.push(place(pose, [r * Math.cos(angle), r * Math.sin(angle), up(r)]));
  }
  const width = (dot * 1.9 * radius * pose.scale) / Math.sqrt(count);
  for (const [fill, points] of groups) canvas.path(dots(points, width), { fill });
}

/** Draws anthers without visible filaments. */
function drawAnthers(heart: Heart, count: number, radius: number, height: number, dot: number): void {
  const { canvas, pose, random, colour } = heart;
  const points = circle(pose, radius, height, count, 0.1, random.uniform() * 6);
  const width = dot * heart.size * 0.62 * pose.scale;
  canvas.path(dots(points, width * 1.15), { fill: css(lit(colour, 0.7)) });
  canvas.path(dots(points, width * 0.85), { fill: css(colour) });
}

function drawFilaments(heart: Heart, count: number, radius: number, height: number, dot: number): void {
  const { canvas, random, pose, size, colour, open } = heart;
  const ends: Point[] = [];
  const turn = random.uniform() * 6;
  const stalks = Array.from({ length: count }, (_, i) => {
    const angle = ((i + within(random, [-0.3, 0.3])) / count) * 2 * Math.PI + turn;
    const far = radius * about(random, 1, 0.18) * (0.5 + 0.5 * open);
    const high = height * about(random, 1, 0.12);
    const spot = (share: number, lift: number): Point =>
      place(pose, [far * share * Math.cos(angle), far * share * Math.sin(angle), high * lift]);
    ends.push(spot(1, 1));
    return curve([spot(0.15, 0), spot(0.45, 0.6), spot(1, 1)]);
  });
  const thin = Math.max(0.16, size * 0.045 * pose.scale);
  canvas.path(stalks.join(''), {
    fill: 'none',
    stroke: css({ l: 0.88, c: 0.05, h: 110 }),
    'stroke-width': thin,
    'stroke-opacity': 0.85,
  });
  const width = Math.max(0.55, dot * 0.045 * pose.scale);
  const below = ends.map(([x, y]): Point => [x + width * 0.12, y + width * 0.22]);
  canvas.path(dots(below, width * 1.1), { fill: css(lit(colour, 0.62)) });
  canvas.path(dots(ends, width * 0.9), { fill: css(lit(colour, 1.02)) });
}

/** Draws the trumpet of a daffodil: a wall that widens to a wavy rim, and its inside. */
function drawCorona(heart: Heart): void {
  const { canvas, random, pose, light, size, colour } = heart;
  const height = size * 1.15;
  const turn = random.uniform() * 6;
  const count = 28;
  const foot = circle(pose, size * 0.5, 0, count, 0, turn);
  const rim = circle(pose, size, height, count, 0.05, turn);
  const pointOf = (i: number, points: readonly Point[]): Point => points[i % count]!;
  const sides = { left: place(pose, [-size, 0, height]), right: place(pose, [size, 0, height]) };
  const wall: Stop[] = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const angle = Math.PI * (1 - share);
    const normal = unitOf([Math.cos(angle), -Math.sin(angle), 0.1]);
    return [share, css(lit(colour, shade(light, turned(pose, normal)) * 0.92))];
  });
  const quads = foot.map((_, i) =>
    polygon([pointOf(i, foot), pointOf(i + 1, foot), pointOf(i + 1, rim), pointOf(i, rim)]),
  );
  canvas.path(polygon(foot), {
    fill: '#180c10',
    'fill-opacity': 0.3,
    stroke: '#180c10',
    'stroke-opacity': 0.15,
    'stroke-width': size * 0.4 * pose.scale,
  });
  canvas.path(quads.join(''), {
    fill: canvas.linear(sides.left, sides.right, wall),
    'fill-rule': 'nonzero',
    stroke: css(lit(colour, 0.86)),
    'stroke-width': 0.15,
  });
  const deep = place(pose, [0, 0, size * 0.2]);
  const inside = canvas.radial(deep, size * 1.25 * pose.scale, [
    [0, css(lit(mix(colour, GREEN, 0.4), 0.5))],
    [0.4, css(lit(colour, 0.74))],
    [0.85, css(lit(colour, 0.98))],
    [1, css(lit(colour, 1.06))],
  ]);
  canvas.path(polygon(rim), {
    fill: inside,
    stroke: css(lit(colour, 1.1)),
    'stroke-width': size * 0.09 * pose.scale,
    'stroke-linejoin': 'round',
  });
  drawAnthers({ ...heart, colour: { l: 0.9, c: 0.12, h: 95 } }, 5, size * 0.18, height * 0.6, 0.35);
}

/** Draws the corona of a passion flower: filaments in bands of two colours. */
function drawFringe({ canvas, random, pose, size, colour, petal }: Heart): void {
  const count = 56;
  const ray = (from: number, to: number): string =>
    Array.from({ length: count }, (_, i) => {
      const angle = ((i + within(random, [-0.25, 0.25])) / count) * 2 * Math.PI;
      const spot = (r: number): Point => place(pose, [r * Math.cos(angle), r * Math.sin(angle), 0.05 + 0.12 * r]);
      return polygon([spot(size * from), spot(size * to * about(random, 1, 0.06))], false);
    }).join('');
  const stroke = { fill: 'none', 'stroke-width': Math.max(0.2, 0.026 * pose.scale), 'stroke-linecap': 'round' };
  canvas.path(ray(0.2, 1), { ...stroke, stroke: css(mix(petal, { l: 0.45, c: 0.2, h: 295 }, 0.7)) });
  canvas.path(ray(0.2, 0.72), { ...stroke, stroke: '#f6f1f4' });
  canvas.path(ray(0.15, 0.44), { ...stroke, stroke: css(colour) });
}

function unitOf([x, y, z]: Vec3): Vec3 {
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}
