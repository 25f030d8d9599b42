import { assignFolds } from '../folds.js';
import { leastPoint } from '../golden-section.js';
import { Random } from '../random.js';
import { pairedBootstrap } from './bootstrap.js';
import { argmax, type Logits, softmax } from './logits.js';

/**
 * How an answer follows from logits: of p = softmax(logits / temperature), the class with the greatest
 * `scale[k] * p[k] + offset[k]`; the most probable one where both are null.
 */
export interface MacroF1Rule {
  readonly temperature: number;
  /** [K] */
  readonly scale: number[] | null;
  /** [K] */
  readonly offset: number[] | null;
}

export interface FittedDecision {
  readonly rule: MacroF1Rule;
  /** [N]: each image's answer by a rule that was fitted without it, so that scores of these are honest. */
  readonly predicted: Int32Array;
}

const FOLDS = 5;
const MOST_ITERATIONS = 50;

/** Logits of one part of the images, in double precision. */
interface Part {
  readonly logits: Float64Array;
  readonly truth: Int32Array;
}

/**
 * How logits are best turned into answers where Macro F1 counts: calibrated by one temperature (Guo et al., arXiv
 * 1706.04599), and by a rule for Macro F1 in place of the most probable class.
 *
 * Little is fitted, and only what has shown its worth on images that had no part in its fit: in five folds, each
 * image is judged by a temperature and a rule from the other four. The temperature is kept where it lowers their negative
 * log-likelihood, the rule where the 95 % interval of its gain in Macro F1 (paired bootstrap) lies above zero.
 *
 * @param logits [N,K] of images that the model was not trained on
 * @param truth [N] class indices
 * @param seed decides the folds and the resamples
 * @throws RangeError where logits or truth are malformed
 */
export function fitDecision(logits: Logits, truth: Int32Array, numClasses: number, seed: number): FittedDecision {
  const all: Part = { logits: Float64Array.from(logits), truth };
  const mostProbable = argmax(logits, numClasses);
  const plain = { temperature: 1, scale: null, offset: null };
  if (truth.length < 2 * FOLDS) return { rule: plain, predicted: mostProbable };

  const foldOf = assignFolds(truth, FOLDS, new Random(seed).permutation(truth.length));
  const byRule = new Int32Array(truth.length);
  let gain = 0;
  for (let fold = 0; fold < FOLDS; fold++) {
    const fitted = pick(all, numClasses, (i) => foldOf[i] !== fold);
    const held = pick(all, numClasses, (i) => foldOf[i] === fold);
    if (held.truth.length === 0) continue;
    const temperature = fitTemperature(fitted, numClasses);
    gain += held.truth.length * (lossAt(held, numClasses, 1) - lossAt(held, numClasses, temperature));
    const answers = applyRule(held.logits, numClasses, macroF1Rule(fitted.logits, numClasses, temperature));
    let next = 0;
    for (let i = 0; i < truth.length; i++) if (foldOf[i] === fold) byRule[i] = answers[next++]!;
  }
  const temperature = gain > 0 ? fitTemperature(all, numClasses) : 1;
  const { low } = pairedBootstrap(truth, mostProbable, byRule, numClasses, { average: 'all', seed });
  if (low <= 0) return { rule: { ...plain, temperature }, predicted: mostProbable };
  return { rule: macroF1Rule(all.logits, numClasses, fitTemperature(all, numClasses)), predicted: byRule };
}

/**
 * The rule that is best for the expected Macro F1 of these images, where their probabilities are right. With p_j the share
 * of class j, q_j the rate at which it is answered and F_j its F1, Macro F1 linearised in the decision on one image is
 * greatest for the class with the greatest (2 p(j|x) - F_j) / (p_j + q_j). The three follow from the probabilities alone,
 * so that the rule has no free number a class; they and the decisions are iterated to a fixed point. One image that is
 * half right is added to each class, so that a class without images keeps a rule.
 * The form of the optimum: Schultheis et al., arXiv 2401.16594.
 */
export function macroF1Rule(logits: Float64Array, numClasses: number, temperature: number): MacroF1Rule {
  const probabilities = softmax(
    logits.map((each) => each / temperature),
    numClasses,
  );
  const mass = new Float64Array(numClasses).fill(1);
  for (const [i, p] of probabilities.entries()) mass[i % numClasses]! += p;
  /** Of these answers: how often each class is given, with the added image, and its expected F1. */
  const score = (answers: Int32Array) => {
    const right = new Float64Array(numClasses).fill(0.5);
    const answered = new Float64Array(numClasses).fill(1);
    for (const [i, answer] of answers.entries()) {
      right[answer]! += probabilities[i * numClasses + answer]!;
      answered[answer]! += 1;
    }
    const f1 = right.map((each, j) => (2 * each) / (mass[j]! + answered[j]!));
    return { answered, f1, sum: f1.reduce((total, each) => total + each, 0) };
  };
  const total = logits.length / numClasses + numClasses;
  let best = score(argmax(logits, numClasses));
  let rule: MacroF1Rule = { temperature, scale: null, offset: null };
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const size = mass.map((each, j) => (each + best.answered[j]!) / total);
    const next = {
      temperature,
      scale: Array.from(size, (each) => 2 / each),
      offset: Array.from(size, (each, j) => -best.f1[j]! / each),
    };
    const scored = score(greatest(probabilities, numClasses, next));
    if (scored.sum <= best.sum) break;
    best = scored;
    rule = next;
  }
  return rule;
}

/** The answers [N] of a rule to logits [N,K]; of equal scores the lowest class index. */
export function applyRule(logits: Logits, numClasses: number, { temperature, scale, offset }: MacroF1Rule): Int32Array {
  const probabilities = softmax(
    Float64Array.from(logits, (each) => each / temperature),
    numClasses,
  );
  if (scale === null || offset === null) return argmax(probabilities, numClasses);
  return greatest(probabilities, numClasses, { scale, offset });
}

/** The class [N] with the greatest affine score of probabilities [N,K]; of equal ones the lowest. */
function greatest(
  probabilities: Float64Array,
  numClasses: number,
  { scale, offset }: { readonly scale: readonly number[]; readonly offset: readonly number[] },
): Int32Array {
  const best = new Int32Array(probabilities.length / numClasses);
  for (let i = 0; i < best.length; i++) {
    let most = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < numClasses; k++) {
      const score = scale[k]! * probabilities[i * numClasses + k]! + offset[k]!;
      if (score > most) {
        most = score;
        best[i] = k;
      }
    }
  }
  return best;
}

/** The temperature with the least negative log-likelihood, between 1/20 and 20: golden section over its logarithm. */
export function fitTemperature({ logits, truth }: Part, numClasses: number): number {
  const part = { logits, truth };
  const most = Math.log(20);
  return Math.exp(leastPoint((x) => lossAt(part, numClasses, Math.exp(x)), -most, most, 1e-4));
}

/** The mean negative log-likelihood, as `negativeLogLikelihood` has it, but without arrays: fits ask for it often. */
function lossAt({ logits, truth }: Part, numClasses: number, temperature: number): number {
  let total = 0;
  for (let i = 0; i < truth.length; i++) {
    const from = i * numClasses;
    let maximum = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < numClasses; k++) maximum = Math.max(maximum, logits[from + k]! / temperature);
    let sum = 0;
    for (let k = 0; k < numClasses; k++) sum += Math.exp(logits[from + k]! / temperature - maximum);
    total -= logits[from + truth[i]!]! / temperature - maximum - Math.log(sum);
  }
  return truth.length === 0 ? 0 : total / truth.length;
}

function pick({ logits, truth }: Part, numClasses: number, wanted: (i: number) => boolean): Part {
  const indices = Array.from(truth.keys()).filter(wanted);
  const rows = new Float64Array(indices.length * numClasses);
  for (const [to, from] of indices.entries()) {
    rows.set(logits.subarray(from * numClasses, (from + 1) * numClasses), to * numClasses);
  }
  return { logits: rows, truth: Int32Array.from(indices, (i) => truth[i]!) };
}
