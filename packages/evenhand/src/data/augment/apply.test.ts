import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Interpolation } from '@evenhand/predict';
import { applyAugment } from './apply.js';
import type { AugmentParams, JitterOp } from './params.js';
import type { PolicyOpName } from './policy.js';

interface Case<Op> {
  op: Op;
  value: number;
  /** The pixels, base64. */
  out: string;
}
interface Golden {
  size: number;
  image: string;
  cases: Case<JitterOp | 'rotation' | 'horizontalFlip' | 'verticalFlip'>[];
  policy: Case<PolicyOpName>[];
}

interface Crops {
  size: number;
  width: number;
  height: number;
  image: string;
  cases: { box: [left: number, top: number, width: number, height: number]; filter: Interpolation; out: string }[];
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../golden/data/${name}.json`, import.meta.url), 'utf8'));
const golden = read('augment-pixels') as Golden;
const crops = read('augment-crops') as Crops;
const { size } = golden;
const decoded = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const image = (): Uint8Array => decoded(golden.image);
const NOTHING: AugmentParams = {
  crop: { left: 0, top: 0, width: size, height: size },
  horizontalFlip: false,
  verticalFlip: false,
  jitter: [],
  angle: 0,
  policy: [],
  erase: undefined,
};
const PRESET = { interpolation: 'bilinear', mean: [0.485, 0.456, 0.406] } as const;

/** Augments the whole of an image of the same size, so that nothing is resized. */
const augmented = (params: AugmentParams, data = image()): Uint8Array =>
  applyAugment({ data, width: size, height: size }, params.crop, size, params, PRESET);

describe('the pixels of torchvision on PIL images, bit for bit', () => {
  for (const { op, value, out } of golden.cases) {
    it(`${op} ${value}`, () => {
      const params: AugmentParams =
        op === 'rotation'
          ? { ...NOTHING, angle: value }
          : op === 'horizontalFlip' || op === 'verticalFlip'
            ? { ...NOTHING, [op]: true }
            : { ...NOTHING, jitter: [[op, value]] };
      assert.deepEqual(augmented(params), decoded(out));
    });
  }

  for (const { op, value, out } of golden.policy) {
    it(`policy ${op} ${value}`, () => {
      assert.deepEqual(augmented({ ...NOTHING, policy: [[op, value]] }), decoded(out));
    });
  }
});

describe('the resized crop of torchvision for whole boxes, of Pillow for fractional ones, bit for bit', () => {
  const { width, height } = crops;
  const whole = decoded(crops.image);
  for (const { box, filter, out } of crops.cases) {
    it(`${filter} ${box.join(' ')}`, () => {
      const [left, top, boxWidth, boxHeight] = box;
      const crop = { left, top, width: boxWidth, height: boxHeight };
      const cropped = (params: AugmentParams): Uint8Array =>
        applyAugment({ data: whole, width, height }, crop, crops.size, params, { ...PRESET, interpolation: filter });
      const expected = decoded(out);
      assert.deepEqual(cropped(NOTHING), expected);
      const turned = { ...NOTHING, horizontalFlip: true, verticalFlip: true };
      const pixels = crops.size ** 2;
      for (let i = 0; i < pixels; i++) {
        expected.set(decoded(out).subarray((pixels - 1 - i) * 3, (pixels - i) * 3), i * 3);
      }
      assert.deepEqual(cropped(turned), expected, 'flipped both ways');
    });
  }
});

describe('applyAugment', () => {
  it('covers the erased rectangle, and nothing else, with the mean colour', () => {
    const erase = { left: 3, top: 5, width: 7, height: 2 };
    const out = augmented({ ...NOTHING, erase });
    const before = image();
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const inside = x >= 3 && x < 10 && y >= 5 && y < 7;
        const i = (y * size + x) * 3;
        assert.deepEqual([...out.subarray(i, i + 3)], inside ? [124, 116, 104] : [...before.subarray(i, i + 3)]);
      }
    }
  });

  it('applies the parts of the jitter in the given order', () => {
    const both = (jitter: AugmentParams['jitter']): Uint8Array => augmented({ ...NOTHING, jitter });
    const contrastOnly = both([['contrast', 0.7]]);
    const then = augmented({ ...NOTHING, jitter: [['brightness', 1.9]] }, contrastOnly);
    assert.deepEqual(both([['contrast', 0.7], ['brightness', 1.9]]), then); // biome-ignore format: one line
    assert.notDeepEqual(both([['brightness', 1.9], ['contrast', 0.7]]), then); // biome-ignore format: one line
  });
});
