import type { Random } from 'evenhand/random';
import type { Traits } from '../traits.js';
import type { Canvas, Point } from './canvas.js';
import { about, chance, within } from './chance.js';
import { drawFlower } from './flower.js';
import { FORMS, type Form } from './forms.js';
import { drawLeaf, drawStem } from './leaf.js';
import { type Light, type Pose, place, poseOf } from './pose.js';

/** One flower or flower head with its stem. */
export interface Plant {
  readonly centre: Point;
  /** Half the size of the flower or head, in percent of the image. */
  readonly radius: number;
  readonly leaves: number;
}

interface Conditions {
  readonly traits: Traits;
  readonly light: Light;
  readonly pixels: number;
}

const UP = Math.PI / 2;

export function drawPlant(canvas: Canvas, random: Random, conditions: Conditions, plant: Plant): void {
  const form = FORMS[conditions.traits.form]!;
  if (form.growth === 'umbel') drawUmbel(canvas, random, conditions, form, plant);
  else if (form.growth === 'spike') drawSpike(canvas, random, conditions, form, plant);
  else drawSingle(canvas, random, conditions, form, plant);
}

/** How far a flower faces away from the viewer, and in which direction: mostly slightly upwards. */
function lookOf(random: Random, form: Form): [tilt: number, towards: number] {
  const most = (form.tilt * Math.PI) / 180;
  const tilt = most * Math.max(0.06, Math.sqrt(random.uniform()) * 0.95);
  if (form.hanging) return [within(random, [0.5, 1]) * most, -UP + about(random, 0, 0.6)];
  return [tilt, chance(random, 0.75) ? UP + about(random, 0, 1.3) : within(random, [0, 2 * Math.PI])];
}

function bloom(canvas: Canvas, random: Random, { traits, light, pixels }: Conditions, pose: Pose, open: number): void {
  drawFlower(canvas, random, traits, pose, light, { open, detail: (pose.scale * pixels) / 100 });
}

function drawSingle(canvas: Canvas, random: Random, conditions: Conditions, form: Form, plant: Plant): void {
  const { traits } = conditions;
  const [tilt, towards] = lookOf(random, form);
  // Cups look narrower than they are long; all flowers should fill about the same space.
  const reach =
    Math.cos(((traits.rise + traits.bend / 2) * Math.PI) / 180 / 1.6) +
    (traits.centre === 'disc' ? traits.heart * 0.5 : 0);
  const pose = poseOf(plant.centre, plant.radius / Math.max(0.6, reach), tilt, towards);
  const foot: Point = [plant.centre[0] + about(random, 0, 26), 108];
  const neck = place(pose, [0, 0, -0.12]);
  const bow = place(pose, [0, 0, -0.75]);
  const middle: Point = [(foot[0] + bow[0]) / 2 + about(random, 0, 6), (108 + bow[1]) / 2];
  const stem = [foot, middle, bow, neck];
  drawLeavesAlong(canvas, random, traits, stem.slice(0, 3), plant);
  drawStem(canvas, stem, Math.max(0.9, plant.radius * within(random, [0.05, 0.08])), traits.leafColour);
  if (chance(random, 0.2)) drawBud(canvas, random, conditions, middle, plant.radius);
  bloom(
    canvas,
    random,
    conditions,
    pose,
    chance(random, 0.14) ? within(random, [0.55, 0.8]) : within(random, [0.85, 1]),
  );
}

function drawBud(canvas: Canvas, random: Random, conditions: Conditions, from: Point, radius: number): void {
  const side = chance(random, 0.5) ? 1 : -1;
  const tip: Point = [
    from[0] + side * radius * within(random, [0.7, 1.2]),
    from[1] - radius * within(random, [0.1, 0.7]),
  ];
  drawStem(
    canvas,
    [from, [(from[0] + tip[0]) / 2 + side * radius * 0.15, from[1]], tip],
    Math.max(0.7, radius * 0.045),
    conditions.traits.leafColour,
  );
  const pose = poseOf(tip, radius * 0.42, 1.25, UP - side * within(random, [0, 0.5]));
  bloom(canvas, random, conditions, pose, within(random, [0.02, 0.3]));
}

/** Draws small flowers on a dome, as in a primrose. */
function drawUmbel(canvas: Canvas, random: Random, conditions: Conditions, form: Form, plant: Plant): void {
  const { centre, radius } = plant;
  const { traits } = conditions;
  const count = 6 + random.int(7);
  const small = radius * (count < 9 ? 0.46 : 0.4);
  const foot: Point = [centre[0] + about(random, 0, 20), 108];
  const hub: Point = [centre[0] + about(random, 0, 3), centre[1] + radius * 0.75];
  drawLeavesAlong(canvas, random, traits, [foot, [hub[0], (108 + hub[1]) / 2], hub], plant);
  drawStem(canvas, [foot, [hub[0], (108 + hub[1]) / 2], hub], Math.max(0.9, radius * 0.07), traits.leafColour);
  const florets = Array.from({ length: count }, (_, i) => {
    const far = Math.sqrt((i + 0.4) / count);
    const angle = i * 2.39996 + about(random, 0, 0.3);
    const position: Point = [
      centre[0] + radius * 0.68 * far * Math.cos(angle),
      centre[1] + radius * 0.6 * far * Math.sin(angle),
    ];
    return { position, far, angle: Math.atan2(-Math.sin(angle) + 0.35, Math.cos(angle)) };
  }).sort((a, b) => b.far - a.far);
  for (const { position } of florets)
    drawStem(
      canvas,
      [hub, [(hub[0] + position[0]) / 2, (hub[1] + position[1]) / 2 + 1], position],
      Math.max(0.5, radius * 0.03),
      traits.leafColour,
    );
  for (const { position, far, angle } of florets) {
    const tilt = Math.min((form.tilt * Math.PI) / 180, 0.15 + far * within(random, [0.35, 0.85]));
    const pose = poseOf(position, small * about(random, 1, 0.08), tilt, angle);
    bloom(
      canvas,
      random,
      conditions,
      pose,
      chance(random, 0.08) ? within(random, [0.1, 0.5]) : within(random, [0.85, 1]),
    );
  }
}

/** Draws flowers along a stem with buds at its end, as in a foxglove. */
function drawSpike(canvas: Canvas, random: Random, conditions: Conditions, form: Form, plant: Plant): void {
  const { centre, radius } = plant;
  const { traits } = conditions;
  const lean = about(random, 0, 0.5);
  const half = radius * within(random, [1.15, 1.5]);
  const spot = (t: number): Point => [centre[0] + lean * half * t, centre[1] - half * t];
  const foot: Point = [spot(-1)[0] + about(random, 0, 10), 110];
  const stem = [foot, spot(-1.2), spot(0), spot(1)];
  drawLeavesAlong(canvas, random, traits, [foot, spot(-1.2), spot(-0.7)], { ...plant, leaves: plant.leaves + 1 });
  drawStem(canvas, stem, Math.max(0.9, radius * 0.06), traits.leafColour);
  const count = form.hanging ? 5 + random.int(4) : 8 + random.int(6);
  for (let i = count - 1; i >= 0; i--) {
    const t = -0.95 + (1.85 * i) / (count - 1);
    const side = i % 2 === 0 ? 1 : -1;
    const size = radius * (form.hanging ? 0.56 : 0.46) * (1 - 0.32 * ((t + 1) / 2)) * about(random, 1, 0.08);
    const [x, y] = spot(t);
    const out = side * size * within(random, form.hanging ? [0.45, 0.75] : [0.25, 0.7]);
    const position: Point = [x + out, y + (form.hanging ? size * 0.1 : about(random, 0, size * 0.2))];
    drawStem(
      canvas,
      [[x, y + size * 0.1], [x + out * 0.5, y - size * 0.2], position],
      Math.max(0.5, radius * 0.035),
      traits.leafColour,
    );
    const bud = t > 0.62 ? within(random, [0.05, 0.5]) : within(random, [0.85, 1]);
    const tilt = ((form.tilt * Math.PI) / 180) * within(random, form.hanging ? [0.6, 1] : [0.25, 0.9]);
    const towards = form.hanging
      ? -UP + side * within(random, [0.1, 0.7])
      : side > 0
        ? within(random, [-0.2, 1])
        : Math.PI - within(random, [-0.2, 1]);
    bloom(canvas, random, conditions, poseOf(position, size, tilt, towards), bud);
  }
}

function drawLeavesAlong(canvas: Canvas, random: Random, traits: Traits, stem: readonly Point[], plant: Plant): void {
  for (let i = 0; i < plant.leaves; i++) {
    const t = within(random, [0.25, 0.95]) * (stem.length - 1);
    const k = Math.min(stem.length - 2, Math.floor(t));
    const [a, b] = [stem[k]!, stem[k + 1]!];
    const from: Point = [a[0] + (b[0] - a[0]) * (t - k), a[1] + (b[1] - a[1]) * (t - k)];
    const direction = i % 2 === 0 ? within(random, [0.15, 1.1]) : Math.PI - within(random, [0.15, 1.1]);
    const length = plant.radius * within(random, [0.7, 1.3]) * (traits.leaf === 'linear' ? 1.4 : 1);
    drawLeaf(canvas, random, traits.leaf, from, direction, length, traits.leafColour);
  }
}
