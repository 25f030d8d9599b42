import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Random } from '../../random.js';
import { type AugmentOptions, colorJitter, randomErasing, randomResizedCrop, sampleAugment } from './params.js';
import { type PolicyOp, sampleRandAugment, sampleTrivialAugment } from './policy.js';

/** An empirical distribution function of torchvision's draws: the share of them at or below each point. */
interface Cdf {
  points: number[];
  below: number[];
}
interface Golden {
  draws: number;
  crops: { size: [number, number]; scale: [number, number]; ratio: [number, number]; cdf: Record<string, Cdf> }[];
  jitter: { factors: Record<string, Cdf>; place: Record<string, Cdf> };
  erasing: Record<string, Cdf>;
  policies: Record<'randAugment' | 'trivialAugment', Record<string, { levels: number[]; signed: boolean }>>;
}

const url = new URL('../../../golden/data/augment-distributions.json', import.meta.url);
const golden = JSON.parse(readFileSync(url, 'utf8')) as Golden;
const DRAWS = golden.draws;

/** Fails if the two-sample Kolmogorov-Smirnov statistic exceeds its 0.1 % limit. */
function assertSameDistribution(values: number[], { points, below }: Cdf, name: string): void {
  const limit = 1.95 * Math.sqrt(2 / DRAWS);
  for (const [k, point] of points.entries()) {
    const share = values.filter((v) => v <= point + 1e-6 * Math.abs(point)).length / values.length;
    assert.ok(Math.abs(share - below[k]!) < limit, `${name}: P(X <= ${point}) is ${share}, torchvision's ${below[k]}`);
  }
}

const draws = <T>(draw: (random: Random) => T): T[] => Array.from({ length: DRAWS }, (_, i) => draw(new Random(3, i)));

describe('the distributions of torchvision', () => {
  for (const { size, scale, ratio, cdf } of golden.crops) {
    it(`RandomResizedCrop of ${size[0]} x ${size[1]}, scale ${scale}`, () => {
      const boxes = draws((random) => randomResizedCrop(random, size[0], size[1], scale, ratio));
      assert.ok(boxes.every((b) => b.left >= 0 && b.left + b.width <= size[0] && b.top + b.height <= size[1]));
      for (const field of ['left', 'top', 'width', 'height'] as const) {
        assertSameDistribution(boxes.map((box) => box[field]), cdf[field]!, field); // biome-ignore format: one line a check
      }
      assertSameDistribution(boxes.map((box) => box.width * box.height), cdf.area!, 'area'); // biome-ignore format: as above
      assertSameDistribution(boxes.map((box) => box.width / box.height), cdf.aspect!, 'aspect'); // biome-ignore format: as above
    });
  }

  it('ColorJitter: factors and order', () => {
    const all = draws((random) => colorJitter(random, { brightness: 0.2, contrast: 0.3, saturation: 0.4, hue: 0.1 }));
    for (const op of ['brightness', 'contrast', 'saturation', 'hue']) {
      const place = all.map((ops) => ops.findIndex(([name]) => name === op));
      const factors = all.map((ops, i) => ops[place[i]!]![1]);
      assertSameDistribution(factors, golden.jitter.factors[op]!, `factor of ${op}`);
      assertSameDistribution(place, golden.jitter.place[op]!, `place of ${op}`);
    }
    assert.deepEqual(colorJitter(new Random(1), { hue: 0 }), [], 'what is off is not drawn');
  });

  it('RandomErasing', () => {
    const boxes = draws((random) => randomErasing(random, 224)!);
    for (const field of ['left', 'top', 'width', 'height'] as const) {
      assertSameDistribution(boxes.map((box) => box[field]), golden.erasing[field]!, field); // biome-ignore format: as above
    }
    assertSameDistribution(boxes.map((box) => box.height / box.width), golden.erasing.aspect!, 'aspect'); // biome-ignore format: as above
  });

  it('RandAugment and TrivialAugmentWide: every operation, equally often, with the magnitudes and signs of the tables', () => {
    const { randAugment, trivialAugment } = golden.policies;
    const nine = Object.entries(randAugment).map(([op, { levels, signed }]) => [op, [levels[9] ?? levels[0]!], signed]);
    const any = Object.entries(trivialAugment).map(([op, { levels, signed }]) => [op, levels, signed]);
    const tables = [
      [nine, draws((random) => sampleRandAugment(random, 224, 1)[0]!)],
      [any, draws((random) => sampleTrivialAugment(random))],
    ] as [[string, number[], boolean][], PolicyOp[]][];
    for (const [table, ops] of tables) {
      assert.deepEqual(new Set(ops.map(([op]) => op)), new Set(table.map(([op]) => op)));
      for (const [op, levels, signed] of table) {
        const drawn = ops.filter(([name]) => name === op).map(([, magnitude]) => magnitude);
        assert.ok(Math.abs(drawn.length / DRAWS - 1 / 14) < 0.008, `${op} is ${drawn.length} of ${DRAWS}`);
        const expected = new Set(levels.flatMap((level) => (signed ? [level, -level] : [level])).map(rounded));
        assert.deepEqual(new Set(drawn.map(rounded)), expected, op);
        const negative = drawn.filter((magnitude) => magnitude < 0).length / drawn.length;
        if (signed) assert.ok(Math.abs(negative - 0.5) < 0.08, `${op}: ${negative} of the signs are negative`);
      }
    }
    assert.equal(sampleRandAugment(new Random(1), 224, 3).length, 3);
  });
});

describe('sampleAugment', () => {
  const all: AugmentOptions = {
    horizontalFlip: 0.5,
    verticalFlip: 0.25,
    colorJitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.1 },
    rotation: 15,
    policy: { kind: 'randAugment' },
    erasing: 0.1,
  };

  it('is a pure function of the random stream', () => {
    const once = sampleAugment(new Random(1, 2, 3), 667, 500, 224, all);
    assert.deepEqual(sampleAugment(new Random(1, 2, 3), 667, 500, 224, all), once);
    assert.notDeepEqual(sampleAugment(new Random(1, 2, 4), 667, 500, 224, all), once);
  });

  it('applies each transform with its probability', () => {
    const params = draws((random) => sampleAugment(random, 667, 500, 224, all));
    const share = (of: (p: (typeof params)[number]) => boolean): number => params.filter(of).length / DRAWS;
    assert.ok(Math.abs(share((p) => p.horizontalFlip) - 0.5) < 0.015);
    assert.ok(Math.abs(share((p) => p.verticalFlip) - 0.25) < 0.015);
    assert.ok(Math.abs(share((p) => p.erase !== undefined) - 0.1) < 0.01);
    assert.ok(Math.abs(share((p) => p.angle > 7.5) - 0.25) < 0.015);
    assert.ok(params.every((p) => Math.abs(p.angle) <= 15 && p.jitter.length === 4 && p.policy.length === 2));
  });

  it('only crops by default', () => {
    for (let i = 0; i < 50; i++) {
      const { crop, ...rest } = sampleAugment(new Random(1, i), 300, 200, 224, { scale: [1, 1] });
      assert.ok(crop.width * crop.height > 50_000);
      assert.deepEqual(rest, {
        horizontalFlip: false,
        verticalFlip: false,
        jitter: [],
        angle: 0,
        policy: [],
        erase: undefined,
      });
    }
  });
});

/** Levels are single precision in torchvision, and -0 is 0. */
function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4 + 0;
}
