import { Random } from '../random.js';
import { classificationReport, confusionMatrix, type Interval } from './index.js';
import { macroF1Difference, macroF1Interval, posteriorMacroF1 } from './intervals.js';

/** Images per class: the numbers of the data sets in which intervals are simulated. */
export const DESIGNS: Readonly<Record<string, readonly number[]>> = {
  '102 x 3': Array<number>(102).fill(3),
  '102 x 5': Array<number>(102).fill(5),
  '30 x 10': Array<number>(30).fill(10),
  // 50 images: the validation set of the competition in which the project began.
  '37 of 102 x 1 to 3': [
    ...Array(27).fill(1),
    ...Array(7).fill(2),
    ...Array(3).fill(3),
    ...Array(65).fill(0),
  ] as number[],
};

/** Recalls of the classes: their mean, or `U`, near 0 or 1 for most classes. */
export const RECALLS = ['U', 0.25, 0.5, 0.8, 0.97] as const;
export const STATISTICS = ['score', 'difference', 'posterior'] as const;

export interface Coverage {
  /** Numbers of intervals that contain the true mean, that lie below it, and that lie above it. */
  held: number;
  below: number;
  above: number;
}

/** Simulated models per cell; each has its own recalls and confusions. */
const MODELS = 10;
/** Simulated samples that the true mean score of a model is the mean of. Its error is a twentieth of a sample's. */
const SAMPLES = 400;

/** Counts how often the intervals of `intervals` samples contain the true mean, for one design, kind of recall, statistic. */
export function simulateCoverage(
  supports: readonly number[],
  recall: (typeof RECALLS)[number],
  statistic: (typeof STATISTICS)[number],
  intervals: number,
  seed: number,
): Coverage {
  const k = supports.length;
  const random = new Random(seed);
  const labels = Int32Array.from(supports.flatMap((n, label) => Array<number>(n).fill(label)));
  const coverage = { held: 0, below: 0, above: 0 };
  for (let i = 0; i < MODELS; i++) {
    const draw = samplerOf(statistic, labels, k, recall, random);
    let mean = 0;
    for (let s = 0; s < SAMPLES; s++) mean += draw().score() / SAMPLES;
    for (let s = i; s < intervals; s += MODELS) {
      const { low, high } = draw().interval();
      coverage[high < mean ? 'below' : low > mean ? 'above' : 'held']++;
    }
  }
  return coverage;
}

interface Sample {
  score(): number;
  interval(): Interval;
}

function samplerOf(
  statistic: (typeof STATISTICS)[number],
  labels: Int32Array,
  k: number,
  recall: (typeof RECALLS)[number],
  random: Random,
): () => Sample {
  const model = new Model(k, recall, random);
  if (statistic === 'score') {
    return () => {
      const predicted = model.predict(labels);
      return {
        score: () => macroF1(labels, predicted, k),
        interval: () => macroF1Interval(labels, predicted, k, { average: 'all' }),
      };
    };
  }
  if (statistic === 'difference') {
    const other = new Model(k, recall, random, model);
    return () => {
      const a = model.predict(labels);
      const independent = other.predict(labels);
      const b = a.map((prediction, i) => (random.uniform() < 0.5 ? prediction : independent[i]!));
      return {
        score: () => macroF1(labels, b, k) - macroF1(labels, a, k),
        interval: () => macroF1Difference(labels, a, b, k, { average: 'all' }),
      };
    };
  }
  // The true class of an image is the one that it looks like, by a known probability, or a class that is similar to it.
  return () => {
    const predicted = model.predict(labels);
    const posterior = new Float64Array(labels.length * k);
    const truth = labels.map((label, i) => {
      const other = model.similar[label]![random.int(2)]!;
      const probability = random.uniform() < 0.7 ? 0.97 : 0.6;
      posterior[i * k + label]! += probability;
      posterior[i * k + other]! += 1 - probability;
      return random.uniform() < probability ? label : other;
    });
    return { score: () => macroF1(truth, predicted, k), interval: () => posteriorMacroF1(posterior, predicted, k) };
  };
}

/** A classifier that confuses each class with two similar ones in half of its errors, and with any other in the rest. */
class Model {
  readonly similar: readonly (readonly number[])[];
  readonly #recalls: readonly number[];

  constructor(
    readonly k: number,
    recall: (typeof RECALLS)[number],
    readonly random: Random,
    base?: Model,
  ) {
    this.similar = Array.from({ length: k }, (_, label) => [0, 1].map(() => (label + 1 + random.int(k - 1)) % k));
    const recalls = Array.from({ length: k }, () => drawRecall(recall, random));
    this.#recalls = base === undefined ? recalls : recalls.map((r, label) => (r + base.#recalls[label]!) / 2);
  }

  predict(labels: Int32Array): Int32Array {
    const { random, k } = this;
    return labels.map((label) => {
      if (random.uniform() < this.#recalls[label]!) return label;
      return random.uniform() < 0.5 ? this.similar[label]![random.int(2)]! : (label + 1 + random.int(k - 1)) % k;
    });
  }
}

function drawRecall(recall: (typeof RECALLS)[number], random: Random): number {
  const [a, b] = recall === 'U' ? [0.3, 0.3] : [recall * 8, (1 - recall) * 8];
  const x = gamma(a, random);
  return Math.min(Math.max(x / (x + gamma(b, random)), 0.002), 0.998);
}

/** A draw from the gamma distribution (Marsaglia and Tsang 2000). */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * random.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

function macroF1(truth: Int32Array, predicted: Int32Array, k: number): number {
  return classificationReport(confusionMatrix(truth, predicted, k)).macroF1;
}
