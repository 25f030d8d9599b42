import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { applyAugment, applyPolicyOp } from './apply.js';
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

const url = new URL('../../../golden/data/augment-pixels.json', import.meta.url);
const golden = JSON.parse(readFileSync(url, 'utf8')) as Golden;
const { size } = golden;
const decoded = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const image = (): Uint8Array => decoded(golden.image);
const MEAN = [0.485, 0.456, 0.406] as const;
const NOTHING: AugmentParams = {
  crop: { left: 0, top: 0, width: size, height: size },
  horizontalFlip: false,
  verticalFlip: false,
  jitter: [],
  angle: 0,
  policy: [],
  erase: undefined,
};

describe('the pixels of torchvision on PIL images, bit for bit', () => {
  for (const { op, value, out } of golden.cases) {
    it(`${op} ${value}`, () => {
      const params: AugmentParams =
        op === 'rotation'
          ? { ...NOTHING, angle: value }
          : op === 'horizontalFlip' || op === 'verticalFlip'
            ? { ...NOTHING, [op]: true }
            : { ...NOTHING, jitter: [[op, value]] };
      assert.deepEqual(applyAugment(image(), size, params, MEAN), decoded(out));
    });
  }

  for (const { op, value, out } of golden.policy) {
    it(`policy ${op} ${value}`, () => {
      assert.deepEqual(applyPolicyOp(image(), size, [op, value]), decoded(out));
    });
  }
});

describe('applyAugment', () => {
  it('covers the erased rectangle, and nothing else, with the mean colour', () => {
    const erase = { left: 3, top: 5, width: 7, height: 2 };
    const out = applyAugment(image(), size, { ...NOTHING, erase }, MEAN);
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
    const both = (jitter: AugmentParams['jitter']): Uint8Array =>
      applyAugment(image(), size, { ...NOTHING, jitter }, MEAN);
    const contrastOnly = both([['contrast', 0.7]]);
    const then = applyAugment(contrastOnly, size, { ...NOTHING, jitter: [['brightness', 1.9]] }, MEAN);
    assert.deepEqual(both([['contrast', 0.7], ['brightness', 1.9]]), then); // biome-ignore format: one line
    assert.notDeepEqual(both([['brightness', 1.9], ['contrast', 0.7]]), then); // biome-ignore format: one line
  });
});
