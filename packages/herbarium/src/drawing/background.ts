import type { Random } from 'evenhand/random';
import { type Canvas, curve, type Point, polygon, rectangle } from './canvas.js';
import { about, chance, pick, within } from './chance.js';
import { css, lit, mix } from './colour.js';
import { drawLeaf } from './leaf.js';
import { anywhere, blots, bokeh, glow, grass, green, wash } from './strokes.js';

const BACKGROUNDS = { meadow, forest, garden, soil, sky, wood, stone, water, foliage, cloth };
export type Background = keyof typeof BACKGROUNDS;

export function pickBackground(random: Random): Background {
  return pick(random, [
    'meadow',
    'meadow',
    'forest',
    'garden',
    'garden',
    'soil',
    'sky',
    'wood',
    'stone',
    'water',
    'foliage',
    'foliage',
    'cloth',
  ]);
}

/** Fills the image; the background does not depend on the species. */
export function drawBackground(canvas: Canvas, random: Random, kind: Background): void {
  BACKGROUNDS[kind](canvas, random);
}

function meadow(canvas: Canvas, random: Random): void {
  const far = green(random, [0.55, 0.82]);
  wash(canvas, chance(random, 0.4) ? { l: 0.9, c: 0.05, h: 215 } : far, green(random, [0.3, 0.5]));
  for (let i = 0; i < 7; i++)
    glow(canvas, anywhere(random), within(random, [18, 45]), green(random, [0.35, 0.85]), 0.6, 0.7);
  grass(canvas, random, 36, () => green(random, [0.35, 0.76]), [0.5, 2]);
  if (chance(random, 0.6)) blots(canvas, random, 3 + random.int(8), [2.5, 8]);
}

function forest(canvas: Canvas, random: Random): void {
  wash(canvas, green(random, [0.26, 0.5]), green(random, [0.17, 0.34]));
  for (let i = 0; i < 8; i++)
    glow(canvas, anywhere(random), within(random, [14, 36]), green(random, [0.18, 0.56]), 0.7);
  if (chance(random, 0.5)) {
    for (let i = 0; i < 3; i++) {
      const x = within(random, [0, 100]);
      canvas.path(
        polygon([
          [x, -2],
          [x + 5, -2],
          [x + 8, 102],
          [x - 2, 102],
        ]),
        { fill: css({ l: 0.22, c: 0.03, h: 60 }), 'fill-opacity': 0.8 },
      );
    }
  }
  bokeh(
    canvas,
    random,
    14,
    () => mix(green(random, [0.6, 0.9]), { l: 0.95, c: 0.08, h: 95 }, random.uniform()),
    [2.5, 8],
  );
}

function garden(canvas: Canvas, random: Random): void {
  wash(canvas, green(random, [0.45, 0.75]), green(random, [0.25, 0.42]));
  for (let i = 0; i < 8; i++) glow(canvas, anywhere(random), within(random, [15, 36]), green(random, [0.28, 0.7]), 0.7);
  blots(canvas, random, 10 + random.int(14), [5, 13]);
  if (chance(random, 0.5)) bokeh(canvas, random, 8, () => ({ l: 0.95, c: 0.05, h: 100 }), [3, 8]);
}

function soil(canvas: Canvas, random: Random): void {
  const earth = { l: within(random, [0.3, 0.56]), c: within(random, [0.02, 0.06]), h: within(random, [40, 75]) };
  wash(canvas, lit(earth, 1.1), lit(earth, 0.8));
  for (let i = 0; i < 70; i++) {
    const size = within(random, [0.6, 4.5]);
    const tone = css(lit(earth, within(random, [0.55, 1.4])));
    canvas.ellipse(
      anywhere(random),
      size,
      size * within(random, [0.5, 0.9]),
      { fill: tone, 'fill-opacity': 0.75 },
      within(random, [-40, 40]),
    );
  }
  const litter = random.int(5);
  for (let i = 0; i < litter; i++) {
    const dead = { l: within(random, [0.4, 0.62]), c: 0.08, h: within(random, [50, 95]) };
    drawLeaf(
      canvas,
      random,
      pick(random, ['ovate', 'lanceolate', 'lobed'] as const),
      anywhere(random),
      within(random, [0, 6.28]),
      within(random, [14, 28]),
      dead,
    );
  }
}

function sky(canvas: Canvas, random: Random): void {
  const blue = { l: within(random, [0.58, 0.8]), c: within(random, [0.06, 0.13]), h: within(random, [232, 258]) };
  const dusk = chance(random, 0.25);
  wash(canvas, blue, dusk ? { l: 0.84, c: 0.09, h: within(random, [30, 75]) } : lit(blue, 1.2));
  const clouds = 3 + random.int(12);
  for (let i = 0; i < clouds; i++)
    glow(
      canvas,
      anywhere(random),
      within(random, [10, 34]),
      { l: 0.97, c: 0.01, h: 80 },
      0.6,
      within(random, [0.3, 0.7]),
    );
  if (chance(random, 0.5)) grass(canvas, random, 14, () => green(random, [0.4, 0.6]), [0.4, 1.4]);
}

function wood(canvas: Canvas, random: Random): void {
  const timber = { l: within(random, [0.36, 0.74]), c: within(random, [0.01, 0.08]), h: within(random, [45, 80]) };
  wash(canvas, timber, lit(timber, 0.9));
  const upright = chance(random, 0.5);
  const line = (a: number, from: number, to: number, bow: number): string => {
    const points: Point[] = [
      [a, from],
      [a + bow, (2 * from + to) / 3],
      [a - bow, (from + 2 * to) / 3],
      [a, to],
    ];
    return curve(upright ? points : points.map(([x, y]) => [y, x]));
  };
  const width = within(random, [16, 34]);
  for (let a = within(random, [-20, 0]); a < 110; a += width) {
    const plank = css(lit(timber, within(random, [0.82, 1.14])));
    canvas.path(upright ? rectangle(a, 0, width, 100) : rectangle(0, a, 100, width), { fill: plank });
    const grain = Array.from({ length: 8 }, () =>
      line(a + within(random, [1, width - 1]), -4, 104, about(random, 0, 1.6)),
    );
    canvas.path(grain.join(''), {
      fill: 'none',
      stroke: css(lit(timber, 0.68)),
      'stroke-width': 0.5,
      'stroke-opacity': 0.5,
    });
    canvas.path(line(a, -4, 104, 0), {
      fill: 'none',
      stroke: css(lit(timber, 0.35)),
      'stroke-width': 0.9,
      'stroke-opacity': 0.85,
    });
  }
}

function stone(canvas: Canvas, random: Random): void {
  const grey = { l: within(random, [0.45, 0.75]), c: within(random, [0.005, 0.03]), h: within(random, [40, 260]) };
  wash(canvas, lit(grey, 1.1), lit(grey, 0.85));
  const stones = chance(random, 0.6) ? 26 : 0;
  for (let i = 0; i < stones; i++) {
    const middle = anywhere(random);
    const [size, flat, turn] = [within(random, [5, 15]), within(random, [0.55, 0.9]), within(random, [-30, 30])];
    canvas.ellipse(
      [middle[0] + 1, middle[1] + 1.6],
      size * 1.06,
      size * flat * 1.06,
      { fill: '#14100c', 'fill-opacity': 0.4 },
      turn,
    );
    const tone = lit(grey, within(random, [0.7, 1.25]));
    const fill = canvas.radial([middle[0] - size * 0.3, middle[1] - size * 0.35], size * 1.3, [
      [0, css(lit(tone, 1.12))],
      [1, css(lit(tone, 0.72))],
    ]);
    canvas.ellipse(middle, size, size * flat, { fill }, turn);
  }
  for (let i = 0; i < 34; i++) {
    const tone = css(lit(chance(random, 0.2) ? green(random, [0.4, 0.6]) : grey, within(random, [0.7, 1.25])));
    canvas.ellipse(anywhere(random), within(random, [0.5, 4]), within(random, [0.4, 2.4]), {
      fill: tone,
      'fill-opacity': 0.3,
    });
  }
}

function water(canvas: Canvas, random: Random): void {
  const deep = { l: within(random, [0.28, 0.6]), c: within(random, [0.03, 0.09]), h: within(random, [170, 245]) };
  wash(canvas, lit(deep, 1.3), lit(deep, 0.75));
  for (let i = 0; i < 34; i++) {
    const tone = chance(random, 0.3) ? { l: 0.95, c: 0.03, h: 200 } : lit(deep, within(random, [0.6, 1.5]));
    glow(
      canvas,
      anywhere(random),
      within(random, [6, 24]),
      tone,
      within(random, [0.2, 0.6]),
      within(random, [0.08, 0.2]),
    );
  }
  const pads = random.int(5);
  for (let i = 0; i < pads; i++)
    canvas.ellipse(anywhere(random), within(random, [8, 16]), within(random, [4, 8]), {
      fill: css(green(random, [0.4, 0.6])),
    });
}

function foliage(canvas: Canvas, random: Random): void {
  wash(canvas, green(random, [0.3, 0.5]), green(random, [0.2, 0.36]));
  const shape = pick(random, ['lanceolate', 'ovate', 'heart', 'lobed'] as const);
  const hue = green(random, [0.4, 0.58]);
  const leaves = 18;
  for (let i = 0; i < leaves; i++) {
    const depth = i / leaves;
    const colour = { l: hue.l * (0.62 + 0.5 * depth), c: hue.c, h: about(random, hue.h, 8) };
    drawLeaf(canvas, random, shape, anywhere(random), within(random, [0, 6.28]), within(random, [20, 42]), colour);
  }
}

function cloth(canvas: Canvas, random: Random): void {
  const tone = { l: within(random, [0.25, 0.92]), c: within(random, [0.005, 0.05]), h: within(random, [0, 360]) };
  wash(canvas, lit(tone, 1.05), lit(tone, 0.9));
  const slope = within(random, [-60, 60]);
  for (let i = 0; i < 7; i++) {
    const fold = lit(tone, chance(random, 0.5) ? 1.2 : 0.72);
    glow(
      canvas,
      anywhere(random),
      within(random, [30, 70]),
      fold,
      0.5,
      within(random, [0.06, 0.16]),
      slope + about(random, 0, 15),
    );
  }
}
