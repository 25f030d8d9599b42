import { Random } from '../random.js';
import { confusionMatrix } from './confusion.js';
import { classificationReport, type MacroF1Average } from './report.js';

/** A score with its 95 % interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The difference of two models' scores on the same images. */
export interface PairedDifference extends Interval {
  /** The share of resamples in which the difference is above zero; near 1 where B is better. */
  readonly shareAboveZero: number;
}

export interface BootstrapOptions {
  /** Over which classes the Macro F1 is the mean; `present` are those in the truth or the model's predictions given. */
  readonly average: MacroF1Average;
  /** How many resamples are drawn [1000]. */
  readonly resamples?: number;
  /** Equal seeds give equal intervals, on every machine [0]. */
  readonly seed?: number;
}

/** The weight, in images, of what is known of all classes against a class's own images. */
const PRIOR_IMAGES = 2;

/**
 * The 95 % percentile-bootstrap interval of Macro F1 over images (Efron and Tibshirani 1993, chapter 13), stratified and
 * smoothed. It tells where the mean score of this model lies over fresh images **with the same number of images of each
 * class**; it tells nothing of classes without images, which count 0 in `all` and are left out of `present`.
 *
 * Stratified: each resample keeps every class's support. The plain bootstrap loses a class of one image in 37 % of the
 * resamples, where it then counts 0 in the mean over all classes. Smoothed: a single image of a class resamples to itself
 * for ever, which makes the stratified bootstrap alone too narrow. Hence an image of a class with n images is drawn, with
 * probability 2 / (n + 2), from all images instead, and its being right or wrong is carried over to the class: two
 * images' worth of trust that a class is like the others. One image that is right and one that is wrong are added to
 * "all images", so that a perfect score has an interval, too.
 *
 * Of 100 simulated intervals that should hold the true mean score in 95 cases (mean recall 0.8, recalls and confusions
 * differing by class) so many do, for the plain, the stratified and this bootstrap: with 50 images of 37 of 102 classes
 * 0, 39 and 97, the plain one lying wholly below the score itself; with three images of each of 102 classes 37, 88 and
 * 93; with ten of each of 30 classes 95, 96 and 96.
 *
 * @param truth [N] class indices
 * @param predicted [N] class indices
 * @throws RangeError when there is no image, labels do not match or are out of range, or resamples is no positive integer
 */
export function macroF1Interval(
  truth: Int32Array,
  predicted: Int32Array,
  numClasses: number,
  options: BootstrapOptions,
): Interval {
  const a = new Scorer(truth, predicted, numClasses, options.average);
  const { low, high } = percentiles(resample(truth, [a], numClasses, options));
  // With hardly an image a class, what is borrowed can lift all resamples above a low score.
  return { value: a.value, low: Math.min(low, a.value), high: Math.max(high, a.value) };
}

/**
 * Whether model B has a better Macro F1 than model A on the same images: Macro F1 of B minus that of A, with the 95 %
 * interval over the same kind of resamples as {@link macroF1Interval}. Each resampled image is scored by both models, so
 * what is hard for both cancels, and the interval is much narrower than those of the two scores. A gain whose interval
 * is above zero is real for images like these.
 *
 * @param truth [N] class indices
 * @param predictedA [N] class indices
 * @param predictedB [N] class indices
 * @throws RangeError as {@link macroF1Interval}
 */
export function pairedBootstrap(
  truth: Int32Array,
  predictedA: Int32Array,
  predictedB: Int32Array,
  numClasses: number,
  options: BootstrapOptions,
): PairedDifference {
  const a = new Scorer(truth, predictedA, numClasses, options.average);
  const b = new Scorer(truth, predictedB, numClasses, options.average);
  const differences = resample(truth, [a, b], numClasses, options);
  let above = 0;
  for (const difference of differences) if (difference > 0) above++;
  return { value: b.value - a.value, ...percentiles(differences), shareAboveZero: above / differences.length };
}

/**
 * Macro F1, the mean over all classes, where the true classes are known as probabilities: F1 of each class from the expected
 * counts. The 95 % interval is that of {@link macroF1Interval} with the true classes drawn anew by their probabilities for
 * each resample, so that it holds both what the images and what the labels leave open.
 *
 * @param posterior [N,K] probabilities of the true class; rows sum to 1
 * @param predicted [N] class indices
 * @throws RangeError as {@link macroF1Interval}, or when posterior is not [N,K]
 */
export function posteriorMacroF1(
  posterior: ArrayLike<number>,
  predicted: Int32Array,
  numClasses: number,
  { resamples = 500, seed = 0 }: Omit<BootstrapOptions, 'average'> = {},
): Interval {
  const n = predicted.length;
  if (posterior.length !== n * numClasses) {
    throw new RangeError(`${posterior.length} probabilities are not rows of ${numClasses} classes for ${n} images.`);
  }
  const size = new Float64Array(numClasses);
  const right = new Float64Array(numClasses);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < numClasses; k++) size[k]! += posterior[i * numClasses + k]!;
    size[predicted[i]!]! += 1;
    right[predicted[i]!]! += posterior[i * numClasses + predicted[i]!]!;
  }
  const value = right.reduce((sum, each, k) => sum + (size[k]! > 0 ? (2 * each) / size[k]! : 0), 0) / numClasses;
  const random = new Random(seed, 1);
  const truth = new Int32Array(n);
  const scores = Float64Array.from({ length: resamples }, (_, r) => {
    for (let i = 0; i < n; i++) truth[i] = drawClass(posterior, i, numClasses, random.uniform());
    const scorer = new Scorer(truth, predicted, numClasses, 'all');
    return resample(truth, [scorer], numClasses, { resamples: 1, seed, stream: r })[0]!;
  }).sort();
  const { low, high } = percentiles(scores);
  return { value, low: Math.min(low, value), high: Math.max(high, value) };
}

function drawClass(posterior: ArrayLike<number>, row: number, numClasses: number, uniform: number): number {
  let left = uniform;
  for (let k = 0; k < numClasses - 1; k++) {
    left -= posterior[row * numClasses + k]!;
    if (left < 0) return k;
  }
  return numClasses - 1;
}

/** One model's predictions, and the counts of its right and of all its predictions a class in the resample at hand. */
class Scorer {
  readonly value: number;
  readonly #predicted: Int32Array;
  readonly #support: Float64Array;
  readonly #numAveraged: number;
  readonly #right: Float64Array;
  readonly #counts: Float64Array;

  constructor(truth: Int32Array, predicted: Int32Array, numClasses: number, average: MacroF1Average) {
    const report = classificationReport(confusionMatrix(truth, predicted, numClasses));
    this.value = average === 'all' ? report.macroF1 : report.macroF1Present;
    // Fixed for all resamples: a class that is in none of the given labels has no right image in any of them.
    this.#numAveraged = average === 'all' ? numClasses : report.numPresent;
    this.#support = Float64Array.from(report.perClass, (score) => score.support);
    this.#predicted = predicted;
    this.#right = new Float64Array(numClasses);
    this.#counts = new Float64Array(numClasses);
  }

  /** The prediction for an image; of an image of another class, carried over to class `label`. */
  add(label: number, image: number, imageLabel: number): void {
    const prediction = this.#predicted[image]!;
    // An image taken for `label` was confused with it; an image of `label` is then taken for that image's class.
    if (prediction === imageLabel) this.addPrediction(label, label);
    else this.addPrediction(label, prediction === label ? imageLabel : prediction);
  }

  addPrediction(label: number, prediction: number): void {
    if (prediction === label) this.#right[label]! += 1;
    this.#counts[prediction]! += 1;
  }

  /** Macro F1 of what was added, and a fresh start. */
  take(): number {
    let sum = 0;
    for (let i = 0; i < this.#support.length; i++) {
      const size = this.#support[i]! + this.#counts[i]!;
      if (size > 0) sum += (2 * this.#right[i]!) / size;
    }
    this.#right.fill(0);
    this.#counts.fill(0);
    return sum / this.#numAveraged;
  }
}

/** The score of each resample: of one model, or of the second minus the first; sorted. */
function resample(
  truth: Int32Array,
  models: readonly [Scorer] | readonly [Scorer, Scorer],
  numClasses: number,
  { resamples = 1000, seed = 0, stream }: Omit<BootstrapOptions, 'average'> & { readonly stream?: number },
): Float64Array {
  if (truth.length === 0) throw new RangeError('An interval of Macro F1 needs at least one image, but there is none.');
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new RangeError(`resamples expects an integer from 1, not ${resamples}.`);
  }
  const images = imagesByClass(truth, numClasses);
  const random = stream === undefined ? new Random(seed) : new Random(seed, 2, stream);
  const scores = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    for (const [label, own] of images.entries()) {
      for (let i = 0; i < own.length; i++) {
        const draw = random.int(own.length + PRIOR_IMAGES);
        if (draw < own.length) {
          for (const model of models) model.add(label, own[draw]!, label);
          continue;
        }
        const donor = random.int(truth.length + 2);
        if (donor < truth.length) {
          for (const model of models) model.add(label, donor, truth[donor]!);
          continue;
        }
        // The two added images: of two models, each is right on one of them.
        const wrong = numClasses === 1 ? label : (label + 1 + random.int(numClasses - 1)) % numClasses;
        for (const [m, model] of models.entries()) {
          model.addPrediction(label, donor - truth.length === m ? label : wrong);
        }
      }
    }
    const first = models[0].take();
    scores[r] = models.length === 1 ? first : models[1].take() - first;
  }
  return scores.sort();
}

/** For each class, the indices of its images. */
function imagesByClass(truth: Int32Array, numClasses: number): Int32Array[] {
  const lists = Array.from({ length: numClasses }, (): number[] => []);
  for (const [i, label] of truth.entries()) lists[label]!.push(i);
  return lists.map((list) => Int32Array.from(list));
}

/** The 2.5 % and 97.5 % points of sorted numbers, interpolated linearly (numpy's default). */
function percentiles(sorted: Float64Array): { low: number; high: number } {
  const at = (share: number): number => {
    const position = share * (sorted.length - 1);
    const below = Math.floor(position);
    const low = sorted[below]!;
    return low + (position - below) * (sorted[Math.min(below + 1, sorted.length - 1)]! - low);
  };
  return { low: at(0.025), high: at(0.975) };
}
