import type { Random } from 'evenhand/random';
import { PETAL_COLOURS } from '../traits.js';
import { type Canvas, type Point, polygon, rectangle } from './canvas.js';
import { about, pick, type Range, within } from './chance.js';
import { type Colour, css, lit } from './colour.js';

/** A green of leaves with a lightness in a range. */
export const green = (random: Random, l: Range): Colour => ({
  l: within(random, l),
  c: within(random, [0.05, 0.13]),
  h: within(random, [108, 152]),
});

/** Fills the image with a gradient from top to bottom. */
export function wash(canvas: Canvas, top: Colour, bottom: Colour): void {
  const fill = canvas.linear(
    [0, 0],
    [0, 100],
    [
      [0, css(top)],
      [1, css(bottom)],
    ],
  );
  canvas.path(rectangle(), { fill });
}

/** A random point in the image or slightly outside. */
export function anywhere(random: Random): Point {
  return [within(random, [-10, 110]), within(random, [-10, 110])];
}

/** A soft patch of light or dark. */
export function glow(
  canvas: Canvas,
  middle: Point,
  radius: number,
  colour: Colour,
  opacity: number,
  ratio = 1,
  degrees = 0,
): void {
  const tone = css(colour);
  const fill = canvas.radial(
    middle,
    radius,
    [
      [0, tone, opacity],
      [0.55, tone, opacity * 0.55],
      [1, tone, 0],
    ],
    ratio,
    degrees,
  );
  canvas.ellipse(middle, radius, radius * ratio, { fill }, degrees);
}

/** Out-of-focus points of light: discs that are brighter at their rim. */
export function bokeh(canvas: Canvas, random: Random, count: number, colour: () => Colour, sizes: Range): void {
  for (let i = 0; i < count; i++) {
    const middle = anywhere(random);
    const radius = within(random, sizes);
    const tone = css(colour());
    const opacity = within(random, [0.12, 0.5]);
    const fill = canvas.radial(middle, radius, [
      [0, tone, opacity * 0.7],
      [0.82, tone, opacity],
      [1, tone, 0],
    ]);
    canvas.ellipse(middle, radius, radius, { fill });
  }
}

/** Blades of grass that grow from the bottom. */
export function grass(canvas: Canvas, random: Random, count: number, colour: () => Colour, width: Range): void {
  for (let i = 0; i < count; i++) {
    const x = within(random, [-10, 110]);
    const lean = about(random, 0, 30);
    const top = within(random, [-10, 70]);
    const w = within(random, width);
    const points: Point[] = [
      [x - w, 104],
      [x - w * 0.6 + lean * 0.3, (104 + top) / 2],
      [x + lean, top],
    ];
    const back: Point[] = [
      [x + lean * 0.3 + w * 0.6, (104 + top) / 2],
      [x + w, 104],
    ];
    canvas.path(polygon([...points, ...back]), { fill: css(colour()), 'fill-opacity': within(random, [0.4, 0.95]) });
  }
}

/** Distant flowers of any kind, as blots of colour. */
export function blots(canvas: Canvas, random: Random, count: number, sizes: Range): void {
  const colours = [pick(random, PETAL_COLOURS), pick(random, PETAL_COLOURS)];
  for (let i = 0; i < count; i++) {
    const middle = anywhere(random);
    const radius = within(random, sizes);
    const tone = pick(random, colours);
    const petals = 5 + random.int(4);
    for (let k = 0; k < petals; k++) {
      const angle = (k / petals) * 6.283;
      const spot: Point = [middle[0] + 0.55 * radius * Math.cos(angle), middle[1] + 0.4 * radius * Math.sin(angle)];
      canvas.ellipse(
        spot,
        radius * 0.5,
        radius * 0.3,
        { fill: css(lit(tone, within(random, [0.72, 1.03]))) },
        (angle * 180) / Math.PI,
      );
    }
    canvas.ellipse(middle, radius * 0.2, radius * 0.17, { fill: css({ l: 0.75, c: 0.14, h: 85 }) });
  }
}
