import { Random } from '../random.js';
import type { LabelEstimate, Rate } from './label-estimate.js';
import { type Densities, fitNoiseModel, labelProbabilities, type NoiseModel } from './noise-model.js';

const MOST_RESAMPLES = 200;
/** With many images and classes, this number is drawn instead, so that it does not take minutes. */
const FEWEST_RESAMPLES = 40;
const MOST_CELLS = 4e8;
const RESAMPLE_ITERATIONS = 3;

/** Number of bootstrap resamples for scores with this number of values (images times classes). */
export const resamplesFor = (cells: number): number =>
  Math.min(MOST_RESAMPLES, Math.max(FEWEST_RESAMPLES, Math.round(MOST_CELLS / cells)));

/**
 * Error rates with percentile-bootstrap intervals: each resample draws images with replacement, fits the noise model to
 * them, starting from `noise`, and draws whether each label is wrong by its probability.
 *
 * @param wrong [N]: the probability that each label is wrong
 * @param onResample called after each resample
 */
export function errorRates(
  densities: Densities,
  wrong: Float64Array,
  noise: NoiseModel,
  confusionPrior: number,
  seed: number,
  onResample: () => void,
): Pick<LabelEstimate, 'rate' | 'rateByLabel'> {
  const { given, numClasses: k, values } = densities;
  const n = given.length;
  const resampledRates: number[] = [];
  const resampledRatesByLabel = Array.from({ length: k }, (): number[] => []);
  for (let resample = 0; resample < resamplesFor(values.length); resample++) {
    const random = new Random(seed, 1, resample);
    const rows = Int32Array.from({ length: n }, () => random.int(n));
    const model = fitNoiseModel(densities, rows, { confusionPrior, from: noise, iterations: RESAMPLE_ITERATIONS });
    const right = labelProbabilities(densities, rows, model);
    const count = new Int32Array(k);
    const errors = new Int32Array(k);
    let allErrors = 0;
    for (const [position, row] of rows.entries()) {
      const y = given[row]!;
      count[y]!++;
      if (random.uniform() < right[position]!) continue;
      errors[y]!++;
      allErrors++;
    }
    resampledRates.push(allErrors / n);
    for (let c = 0; c < k; c++) if (count[c]! > 0) resampledRatesByLabel[c]!.push(errors[c]! / count[c]!);
    onResample();
  }
  const sums = new Float64Array(k);
  const counts = new Int32Array(k);
  for (const [i, y] of given.entries()) {
    sums[y]! += wrong[i]!;
    counts[y]!++;
  }
  const rate = sums.reduce((total, sum) => total + sum, 0) / n;
  return {
    rate: withInterval(rate, resampledRates),
    rateByLabel: resampledRatesByLabel.map((resampled, c) => {
      return withInterval(counts[c]! === 0 ? 0 : sums[c]! / counts[c]!, resampled);
    }),
  };
}

function withInterval(value: number, resampled: readonly number[]): Rate {
  const sorted = [...resampled].sort((a, b) => a - b);
  const quantile = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? value;
  return { value, low: Math.min(value, quantile(0.025)), high: Math.max(value, quantile(0.975)) };
}
