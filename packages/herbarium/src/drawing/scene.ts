import type { Random } from 'evenhand/random';
import type { Traits } from '../traits.js';
import { drawBackground, pickBackground } from './background.js';
import { Canvas, type Point, rectangle } from './canvas.js';
import { about, chance, pick, within } from './chance.js';
import { type Colour, css, lit } from './colour.js';
import { FORMS } from './forms.js';
import { drawLeaf } from './leaf.js';
import { drawPlant, type Plant } from './plant.js';
import { type Light, unit } from './pose.js';

/** Layers behind, in and in front of the focus. */
export interface Scene {
  readonly back: Canvas;
  readonly focus: Canvas;
  readonly near?: Canvas;
}

/** Composes an image of a species. */
export function composeScene(random: Random, traits: Traits, pixels: number): Scene {
  const light: Light = {
    from: unit([about(random, 0, 0.9), within(random, [0.25, 0.9]), within(random, [0.35, 0.9])]),
    strength: within(random, [0.45, 1.15]),
  };
  const kind = pickBackground(random);
  const back = new Canvas();
  drawBackground(back, random, kind);
  const focus = new Canvas();
  const plants = plantsOf(random, traits);
  const shared = { traits, light, pixels };
  // Plants of the same species in the distance are part of the blurred background.
  if (chance(random, 0.45)) {
    const far = 1 + random.int(3);
    for (let i = 0; i < far; i++) {
      const centre: Point = [within(random, [5, 95]), within(random, [8, 80])];
      drawPlant(
        back,
        random,
        { ...shared, pixels: 12 },
        { centre, radius: plants[0]!.radius * within(random, [0.35, 0.7]), leaves: 1 },
      );
    }
  }
  if (kind !== 'sky' && kind !== 'water' && chance(random, 0.5)) undergrowth(focus, random, traits);
  for (const plant of plants) drawPlant(focus, random, shared, plant);
  if (chance(random, 0.16)) cover(focus, random, traits.leafColour);
  if (chance(random, 0.45)) dapple(focus, random);
  const near = chance(random, 0.26) ? new Canvas() : undefined;
  if (near !== undefined) foreground(near, random, traits.leafColour);
  // Two numbers that are not used any more: the images of a seed stay the same.
  random.uniform();
  random.uniform();
  return { back, focus, near };
}

/** The plants in focus, from back to front; the last one is the subject. */
function plantsOf(random: Random, traits: Traits): Plant[] {
  const { growth } = FORMS[traits.form]!;
  const heads = growth === 'umbel' || growth === 'spike';
  const count = pick(random, heads ? [1, 1, 1, 2, 3] : [1, 1, 1, 1, 2, 2, 2, 3, 3, 4]);
  const radius = within(random, count === 1 ? [24, 42] : count === 2 ? [20, 32] : [15, 25]);
  const subject: Plant = {
    centre: [about(random, 50, 17), about(random, heads ? 44 : 46, 16)],
    radius,
    leaves: random.int(4),
  };
  const plants = [subject];
  for (let tries = 0; plants.length < count && tries < 12; tries++) {
    const angle = within(random, [0, 6.283]);
    const far = radius * within(random, [1.25, 2.2]);
    const centre: Point = [subject.centre[0] + far * Math.cos(angle), subject.centre[1] + far * 0.9 * Math.sin(angle)];
    const free = plants.every(
      (plant) => Math.hypot(plant.centre[0] - centre[0], plant.centre[1] - centre[1]) > radius * 1.15,
    );
    if (free) plants.unshift({ centre, radius: radius * within(random, [0.65, 0.95]), leaves: random.int(3) });
  }
  return plants;
}

/** Draws leaves and blades at the bottom of the image. */
function undergrowth(canvas: Canvas, random: Random, { leaf, leafColour }: Traits): void {
  const count = 3 + random.int(6);
  for (let i = 0; i < count; i++) {
    const shape = chance(random, 0.6) ? leaf : 'linear';
    const colour = { ...leafColour, l: leafColour.l * within(random, [0.6, 1]) };
    const length = within(random, [22, 48]) * (shape === 'linear' ? 1.6 : 1);
    drawLeaf(
      canvas,
      random,
      shape,
      [within(random, [-5, 105]), within(random, [92, 112])],
      within(random, [0.5, 2.64]),
      length,
      colour,
    );
  }
}

/** Draws a leaf or a blade of grass across the flowers. */
function cover(canvas: Canvas, random: Random, green: Colour): void {
  const left = chance(random, 0.5);
  const from: Point = [left ? -4 : 104, within(random, [45, 105])];
  const direction = left ? within(random, [0.1, 0.9]) : Math.PI - within(random, [0.1, 0.9]);
  const shape = pick(random, ['linear', 'linear', 'lanceolate'] as const);
  drawLeaf(canvas, random, shape, from, direction, within(random, [55, 100]), green, 1.05);
}

/** Draws patches of sunlight or shadow. */
function dapple(canvas: Canvas, random: Random): void {
  const count = 1 + random.int(3);
  for (let i = 0; i < count; i++) {
    const bright = chance(random, 0.5);
    const middle: Point = [within(random, [0, 100]), within(random, [0, 100])];
    const radius = within(random, [18, 50]);
    const [tone, depth] = bright
      ? ['#fff3c8', within(random, [0.12, 0.32])]
      : ['#0c1024', within(random, [0.18, 0.42])];
    const fill = canvas.radial(
      middle,
      radius,
      [
        [0, tone, depth],
        [0.6, tone, depth * 0.7],
        [1, tone, 0],
      ],
      within(random, [0.4, 1]),
    );
    canvas.path(rectangle(), { fill });
  }
}

/** Draws blades and leaves directly in front of the lens. */
function foreground(canvas: Canvas, random: Random, green: Colour): void {
  const count = 1 + random.int(4);
  for (let i = 0; i < count; i++) {
    const colour = lit(green, within(random, [0.6, 1.35]));
    const x = within(random, [-10, 110]);
    if (chance(random, 0.75)) {
      drawLeaf(canvas, random, 'linear', [x, 108], within(random, [1, 2.14]), within(random, [50, 110]), colour, 1.1);
    } else {
      canvas.ellipse(
        [x, within(random, [85, 108])],
        within(random, [10, 26]),
        within(random, [8, 16]),
        { fill: css(colour), 'fill-opacity': 0.8 },
        within(random, [-40, 40]),
      );
    }
  }
}
