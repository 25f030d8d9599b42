import type { Candidate } from './facts.js';

const MAX_CANDIDATES = 3;

/**
 * The likeliest classes of an image besides its label, likeliest first.
 *
 * @param probabilities [K] of the true class
 * @param given class index of the label
 */
export function likeliestCandidates(probabilities: ArrayLike<number>, given: number): Candidate[] {
  const candidates: Candidate[] = [];
  for (let label = 0; label < probabilities.length; label++) {
    const probability = probabilities[label]!;
    if (label === given || probability <= (candidates[MAX_CANDIDATES - 1]?.probability ?? -1)) continue;
    const place = candidates.findIndex((other) => other.probability < probability);
    candidates.splice(place < 0 ? candidates.length : place, 0, { label, probability });
    candidates.length = Math.min(candidates.length, MAX_CANDIDATES);
  }
  return candidates;
}
