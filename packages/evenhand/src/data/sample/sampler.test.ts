import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { epochOrder, expectedCounts, softEpochOrder } from './sampler.js';

/** Classes of 900, 90 and 10 samples; class 1 has none. */
const labels = Int32Array.from({ length: 1000 }, (_, i) => (i < 900 ? 0 : i < 990 ? 2 : 3));

/** How often each class is drawn in many epochs, as a share. */
function shares(exponent?: number): number[] {
  const counts = [0, 0, 0, 0];
  const epochs = 40;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const options = exponent === undefined ? {} : { exponent };
    for (const i of epochOrder(labels, { kind: 'balanced', ...options }, 5, epoch)) counts[labels[i]!]!++;
  }
  return counts.map((count) => count / (epochs * labels.length));
}

function assertClose(actual: number[], expected: number[]): void {
  for (const [i, share] of actual.entries()) {
    assert.ok(Math.abs(share - expected[i]!) < 0.012, `class ${i}: ${share}, expected ${expected[i]}`);
  }
}

describe('epochOrder', () => {
  it('is a pure function of seed and epoch', () => {
    for (const kind of ['shuffle', 'balanced'] as const) {
      const once = epochOrder(labels, { kind }, 1, 2);
      assert.deepEqual(epochOrder(labels, { kind }, 1, 2), once);
      assert.notDeepEqual(epochOrder(labels, { kind }, 1, 3), once);
      assert.notDeepEqual(epochOrder(labels, { kind }, 2, 2), once);
    }
  });

  it('shuffle: every sample once', () => {
    const order = epochOrder(labels, { kind: 'shuffle' }, 1, 0);
    assert.equal(order.length, 1000);
    assert.equal(new Set(order).size, 1000);
  });

  it('balanced: classes equally frequent, each sample of a class equally likely', () => {
    assertClose(shares(), [1 / 3, 0, 1 / 3, 1 / 3]);
    const counts = new Map<number, number>();
    for (let epoch = 0; epoch < 30; epoch++) {
      for (const i of epochOrder(labels, { kind: 'balanced' }, 1, epoch)) {
        if (labels[i] === 3) counts.set(i, (counts.get(i) ?? 0) + 1);
      }
    }
    assert.equal(counts.size, 10);
    for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 150, `${count}`);
  });

  it('tempered: n_c^(1 - exponent)', () => {
    const roots = [Math.sqrt(900), 0, Math.sqrt(90), Math.sqrt(10)];
    const total = roots.reduce((a, b) => a + b);
    assertClose(shares(0.5), roots.map((root) => root / total)); // biome-ignore format: one line
    assertClose(shares(0), [0.9, 0, 0.09, 0.01]);
  });
});

describe('softEpochOrder', () => {
  const oneHot = (): { posterior: Float64Array; numClasses: number } => {
    const posterior = new Float64Array(labels.length * 4);
    for (const [i, label] of labels.entries()) posterior[i * 4 + label] = 1;
    return { posterior, numClasses: 4 };
  };

  it('draws like epochOrder if labels are certain', () => {
    const counts = [0, 0, 0, 0];
    for (let epoch = 0; epoch < 40; epoch++) {
      for (const i of softEpochOrder(oneHot(), { kind: 'balanced' }, 5, epoch)) counts[labels[i]!]!++;
    }
    assertClose(
      counts.map((count) => count / 40_000),
      [1 / 3, 0, 1 / 3, 1 / 3],
    );
    assert.deepEqual([...expectedCounts(oneHot())], [900, 0, 90, 10]);
  });

  it('draws a sample in proportion to its probability of the drawn class', () => {
    // Two classes; the last sample belongs to the second with probability 0.25.
    const soft = { posterior: [1, 0, 1, 0, 0, 1, 0.75, 0.25], numClasses: 2 };
    const counts = [0, 0, 0, 0];
    for (let epoch = 0; epoch < 5000; epoch++) {
      for (const i of softEpochOrder(soft, { kind: 'balanced' }, 5, epoch)) counts[i]!++;
    }
    const [a, b] = [2.75, 1.25];
    assertClose(
      counts.map((count) => count / 20_000),
      [0.5 / a, 0.5 / a, 0.5 / b, 0.375 / a + 0.125 / b],
    );
    assert.deepEqual([...expectedCounts(soft)], [a, b]);
  });

  it('does not draw a class of a thousandth of a sample as often as others', () => {
    const soft = { posterior: [1, 0, 1, 0, 0.999, 0.001], numClasses: 2 };
    const last = Array.from({ length: 500 }, (_, epoch) => [...softEpochOrder(soft, { kind: 'balanced' }, 5, epoch)])
      .flat()
      .filter((i) => i === 2).length;
    assert.ok(Math.abs(last / 1500 - 1 / 3) < 0.05, `${last}`);
  });
});
