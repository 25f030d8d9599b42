import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Occlusion } from './occlusion.js';

const white = (width: number, height: number) => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(255),
});
const black = { crop: 14, mean: [0, 0, 0] as const };

test('each cell of the crop is covered with its surroundings, in the mean colour', () => {
  const occlusion = new Occlusion(white(20, 14), { crop: 14, mean: [0.5, 0, 1] });
  const { width, data } = occlusion.covered(8);
  const covered: string[] = [];
  for (let i = 0; i < data.length / 3; i++) {
    const pixel = [...data.subarray(i * 3, i * 3 + 3)];
    if (pixel.join() === '255,255,255') continue;
    assert.deepEqual(pixel, [128, 0, 255]);
    covered.push(`${i % width},${Math.floor(i / width)}`);
  }
  // The cell in row 1, column 1 has the pixels 5 and 6 from the left, as the crop starts at 3, and 2 and 3 from the top.
  const expected = [1, 2, 3, 4].flatMap((y) => [4, 5, 6, 7].map((x) => `${x},${y}`));
  assert.deepEqual(covered, expected);
});

test('every pixel of the crop is covered by some cell, and none outside', () => {
  const occlusion = new Occlusion(white(14, 20), black);
  const seen = new Set<number>();
  for (let i = 0; i < occlusion.count; i++) {
    for (const [k, value] of occlusion.covered(i).data.entries()) if (value === 0) seen.add(Math.floor(k / 3 / 14));
  }
  assert.deepEqual(Math.min(...seen), 3);
  assert.deepEqual([seen.size, Math.max(...seen)], [14, 16]);
});

test('an explanation says how much the probability falls, and which part of the image the model sees', () => {
  const occlusion = new Occlusion(white(28, 14), black);
  const { box, drops, cells } = occlusion.explain(
    'rose',
    0.75,
    Array.from({ length: occlusion.count }, () => 0.5),
  );
  assert.deepEqual([box, cells], [{ left: 0.25, top: 0, width: 0.5, height: 1 }, 7]);
  assert.deepEqual(new Set(drops), new Set([0.25]));
  // An image smaller than the crop, as with a border, is seen whole.
  const small = new Occlusion(white(10, 8), black).explain('rose', 1, []);
  assert.deepEqual(small.box, { left: 0, top: 0, width: 1, height: 1 });
});
