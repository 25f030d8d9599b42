/// <reference lib="dom" preserve="true" />
import type { Explanation } from '@evenhand/predict/browser';
import { percent } from './percent.js';

/** The map is drawn with as many pixels in each direction, and smoothed. */
const PIXELS = 256;

/** How dark parts are that do not matter. */
const SHADE = 0.7;

/** A drop of the probability that is worth showing. */
const LEAST = 0.02;

/**
 * Darkens the parts whose covering does not lower the probability, and those that the model does not see. That shows on any
 * image and in any colour vision. The square root keeps parts visible that matter less than the most important one.
 */
export function drawExplanation(canvas: HTMLCanvasElement, { cells, drops, box }: Explanation): void {
  const small = document.createElement('canvas');
  small.width = cells;
  small.height = cells;
  const most = Math.max(LEAST, ...drops);
  const pixels = new ImageData(cells, cells);
  for (const [i, drop] of drops.entries()) {
    pixels.data[i * 4 + 3] = 255 * SHADE * (1 - Math.sqrt(Math.max(0, drop) / most));
  }
  small.getContext('2d')!.putImageData(pixels, 0, 0);
  canvas.width = PIXELS;
  canvas.height = PIXELS;
  const context = canvas.getContext('2d')!;
  context.fillStyle = `rgb(0 0 0 / ${SHADE})`;
  context.fillRect(0, 0, PIXELS, PIXELS);
  const [left, top, width, height] = [box.left, box.top, box.width, box.height].map((share) => share * PIXELS);
  context.clearRect(left!, top!, width!, height!);
  context.imageSmoothingQuality = 'high';
  context.drawImage(small, left!, top!, width!, height!);
}

/** Whether covering some part makes a difference that is worth showing. */
export const hasImportantPart = ({ drops }: Explanation): boolean => Math.max(...drops) >= LEAST;

export function describeExplanation(explanation: Explanation): string {
  const { label, probability, drops } = explanation;
  if (!hasImportantPart(explanation)) {
    return `No single part mattered: whichever is covered, the probability of ${label} changes by less than ${Math.round(LEAST * 100)}\u00a0%.`;
  }
  const lowest = percent(probability - Math.max(...drops));
  return `Bright parts mattered: with the brightest one covered, the probability of ${label} falls from ${percent(probability)} to ${lowest}.`;
}
