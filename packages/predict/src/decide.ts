/**
 * How logits become an answer: p = softmax(logits / temperature), and the answer is the class with the greatest
 * `scale[k] * p[k] + offset[k]`. Without scale and offset it is the most probable class, which is best for accuracy;
 * a rule for Macro F1 is affine in the probabilities (Schultheis et al., arXiv 2401.16594).
 */
export interface DecisionRule {
  /** Above 0; 1 leaves the probabilities as they are, more makes them less sure. */
  readonly temperature: number;
  /** [K], or null for 1. */
  readonly scale: readonly number[] | null;
  /** [K], or null for 0. */
  readonly offset: readonly number[] | null;
}

/** The most probable class, with the probabilities as the model gives them. */
export const MOST_PROBABLE: DecisionRule = { temperature: 1, scale: null, offset: null };

export interface Decision {
  /** Class index of the answer. */
  readonly index: number;
  /** [K], sums to 1. */
  readonly probabilities: Float64Array;
  /** [K]: what the rule ranks the classes by; the answer has the greatest. */
  readonly scores: Float64Array;
}

/**
 * Applies a decision rule to the logits [K] of one image. Of equal scores the lowest class index wins.
 *
 * @throws RangeError where a logit is not a finite number, as a model gives whose training diverged
 */
export function decide(logits: ArrayLike<number>, { temperature, scale, offset }: DecisionRule): Decision {
  const numClasses = logits.length;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < numClasses; k++) {
    const logit = logits[k]!;
    if (!Number.isFinite(logit)) throw new RangeError(`The model's logit ${k} is ${logit}: expected a finite number.`);
    greatest = Math.max(greatest, logit);
  }
  const probabilities = new Float64Array(numClasses);
  let sum = 0;
  for (let k = 0; k < numClasses; k++) {
    probabilities[k] = Math.exp((logits[k]! - greatest) / temperature);
    sum += probabilities[k]!;
  }
  const scores = new Float64Array(numClasses);
  let index = 0;
  for (let k = 0; k < numClasses; k++) {
    probabilities[k]! /= sum;
    scores[k] = (scale?.[k] ?? 1) * probabilities[k]! + (offset?.[k] ?? 0);
    if (scores[k]! > scores[index]!) index = k;
  }
  return { index, probabilities, scores };
}

/** The indices of the `k` greatest scores, greatest first; of equal ones the lower index first. */
export function topOf(scores: Float64Array, k: number): number[] {
  return Array.from(scores.keys())
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, k);
}
