import type { Random } from 'evenhand/random';
import type { Traits } from '../traits.js';
import { type Canvas, polygon } from './canvas.js';
import { drawCentre } from './centre.js';
import { about, chance, within } from './chance.js';
import { type Colour, css, lit } from './colour.js';
import { FORMS } from './forms.js';
import { depthOf, drawPetal, facing, paintOf } from './petal.js';
import { type Light, type Pose, place } from './pose.js';
import { type PetalShape, type Surface, surfaceOf } from './surface.js';

/** What differs between flowers of a species. */
export interface FlowerState {
  /** From 0 (a bud) to 1. */
  readonly open: number;
  /** Radius in pixels; small flowers are drawn with fewer lines. */
  readonly detail: number;
}

interface Petal {
  readonly surface: Surface;
  readonly layer: number;
  readonly place: number;
}

const RADIANS = Math.PI / 180;

/** Draws a flower with petals of length 1 in its pose. */
export function drawFlower(
  canvas: Canvas,
  random: Random,
  traits: Traits,
  pose: Pose,
  light: Light,
  { open, detail }: FlowerState,
): void {
  const petals = petalsOf(random, traits, open);
  const paint = paintOf(traits);
  const crowded = petals.length > 12;
  const draw = ({ surface, layer }: Petal): void => {
    // Inner layers are lighter or darker, so that they stand out from those behind them.
    const colour = { ...traits.colour, l: Math.min(0.98, traits.colour.l + (layer - (traits.layers - 1) / 2) * 0.018) };
    drawPetal(canvas, random, surface, pose, light, { ...paint, colour }, crowded ? Math.min(detail, 32) : detail);
  };
  const depth = new Map(petals.map((petal) => [petal, depthOf(petal.surface, pose)]));
  const order = (a: Petal, b: Petal): number => depth.get(a)! - depth.get(b)! || a.place - b.place;
  const inside = petals.filter(({ surface }) => facing(surface, pose) >= 0);
  const outside = petals.filter((petal) => !inside.includes(petal));
  if (detail > 28) drawCalyx(canvas, random, traits, pose);
  // Petals that show their inside are behind the centre, those that show their outside in front of it.
  for (const petal of inside.sort((a, b) => a.layer - b.layer || order(a, b))) draw(petal);
  drawCentre(canvas, random, traits, traits.colour, pose, light, open);
  for (const petal of outside.sort((a, b) => b.layer - a.layer || order(a, b))) draw(petal);
}

/** The petals of a pansy: direction in degrees, length and width, in the order in which they overlap. */
const FACE = [
  [62, 1, 0.95],
  [118, 1, 0.95],
  [-2, 0.86, 0.85],
  [182, 0.86, 0.85],
  [270, 0.98, 1.15],
] as const;

function petalsOf(random: Random, traits: Traits, open: number): Petal[] {
  const form = FORMS[traits.form]!;
  const spin = random.uniform() * 2 * Math.PI;
  const wilted = about(random, 0, 6);
  const shape = (azimuth: number, layer: number, length: number, width: number): PetalShape => {
    const rise = Math.min(95, traits.rise + layer * form.lift + wilted + about(random, 0, 5));
    return {
      profile: traits.profile,
      tip: traits.tip,
      length: length * about(random, 1, 0.06),
      width: traits.width * width * about(random, 1, 0.06),
      start:
        traits.layers > 1 ? 0.06 : traits.centre === 'disc' || traits.centre === 'cone' ? traits.heart * 0.6 : 0.04,
      azimuth: azimuth * RADIANS,
      rise: (rise + (84 - rise) * (1 - open) ** 1.3) * RADIANS,
      bend: (traits.bend * open + about(random, 0, 9) + 12 * (1 - open)) * RADIANS,
      curl: traits.curl + 0.25 * (1 - open) + about(random, 0, 0.06),
      ruffle: traits.ruffle * within(random, [0.7, 1.3]) + 0.012,
      phase: random.uniform() * 6,
      twist: traits.twist + about(random, 0, 0.05),
    };
  };
  if (form.growth === 'face') {
    const lean = about(random, 0, 9);
    return FACE.map(([azimuth, length, width], i) => {
      const own = shape(azimuth + lean + about(random, 0, 4), 0, length, width);
      return { surface: surfaceOf(own), layer: i, place: i };
    });
  }
  const petals: Petal[] = [];
  for (let layer = 0; layer < traits.layers; layer++) {
    const step = 360 / traits.petals;
    const from = spin / RADIANS + (layer * step) / 2 + about(random, 0, step * 0.1);
    const length = traits.layers > 2 ? 1 - (0.5 * layer) / traits.layers : 1 - 0.04 * layer;
    for (let i = 0; i < traits.petals; i++) {
      // A missing petal, rarely, and only if there are many, so that the number can still be recognised.
      if (traits.petals > 9 && chance(random, 0.015)) continue;
      const own = shape(from + i * step + about(random, 0, step * 0.09), layer, length, length);
      petals.push({ surface: surfaceOf(own), layer, place: random.uniform() });
    }
  }
  return petals;
}

/** Draws green sepals under the petals, visible from the side and between narrow petals. */
function drawCalyx(canvas: Canvas, random: Random, { leafColour }: Traits, pose: Pose): void {
  const green: Colour = { ...leafColour, l: leafColour.l + 0.04 };
  const turn = random.uniform() * 6;
  const blades = Array.from({ length: 5 }, (_, i) => {
    const angle = turn + (i * 2 * Math.PI) / 5;
    const spot = (r: number, off: number, high: number) =>
      place(pose, [r * Math.cos(angle + off), r * Math.sin(angle + off), high]);
    return polygon([
      spot(0.05, -0.8, -0.12),
      spot(0.22, -0.35, -0.06),
      spot(0.42, 0, -0.02),
      spot(0.22, 0.35, -0.06),
      spot(0.05, 0.8, -0.12),
    ]);
  });
  canvas.path(blades.join(''), { fill: css(lit(green, 0.85)), 'fill-rule': 'nonzero' });
}
