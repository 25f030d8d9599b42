/**
 * How logits become a prediction: p = softmax(logits / temperature), and the predicted class has the greatest
 * `scale[k] * p[k] + offset[k]`. Without scale and offset it is the most probable class, which is best for accuracy;
 * a rule for Macro F1 is affine in the probabilities (Schultheis et al., arXiv 2401.16594).
 */
export interface DecisionRule {
  /** Above 0; 1 leaves the probabilities unchanged, larger values make them less confident. */
  readonly temperature: number;
  /** [K]; null means 1 for every class. */
  readonly scale: readonly number[] | null;
  /** [K]; null means 0 for every class. */
  readonly offset: readonly number[] | null;
}

/** Predicts the most probable class and leaves the probabilities unchanged. */
export const MOST_PROBABLE: DecisionRule = { temperature: 1, scale: null, offset: null };

export interface Decision {
  /** Index of the predicted class. */
  readonly index: number;
  /** [K], sums to 1. */
  readonly probabilities: Float64Array;
  /** [K]: the scores by which the rule ranks the classes; the predicted class has the greatest. */
  readonly scores: Float64Array;
}

/**
 * Applies a decision rule to the logits [K] of one image. Among equal scores the lowest class index wins.
 *
 * @throws RangeError if a logit is not finite, as in a model whose training diverged
 */
export function decide(logits: ArrayLike<number>, rule: DecisionRule): Decision {
  const numClasses = logits.length;
  let maximum = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < numClasses; k++) {
    const logit = logits[k]!;
    if (!Number.isFinite(logit)) throw new RangeError(`Logit ${k} is ${logit}: expected a finite number.`);
    maximum = Math.max(maximum, logit);
  }
  const probabilities = new Float64Array(numClasses);
  let sum = 0;
  for (let k = 0; k < numClasses; k++) {
    probabilities[k] = Math.exp((logits[k]! - maximum) / rule.temperature);
    sum += probabilities[k]!;
  }
  for (let k = 0; k < numClasses; k++) probabilities[k]! /= sum;
  const scores = scoreClasses(probabilities, rule);
  return { index: indexOfGreatest(scores), probabilities, scores };
}

/** The scores [K] by which a rule ranks classes of the probabilities [K]. */
export function scoreClasses(
  probabilities: Float64Array,
  { scale, offset }: Pick<DecisionRule, 'scale' | 'offset'>,
): Float64Array {
  return probabilities.map((p, k) => (scale?.[k] ?? 1) * p + (offset?.[k] ?? 0));
}

/** The index of the greatest score; among equal scores the lowest index. */
export function indexOfGreatest(scores: Float64Array): number {
  let index = 0;
  for (let k = 1; k < scores.length; k++) if (scores[k]! > scores[index]!) index = k;
  return index;
}

/** The indices of the `k` greatest scores in descending order; among equal scores the lower index first. */
export function topIndices(scores: Float64Array, k: number): number[] {
  return Array.from(scores.keys())
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, k);
}
