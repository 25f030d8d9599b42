import { type Dataset, splitFold, splitFraction } from '../data/index.js';
import { formatScore, plural } from '../format.js';
import { classCounts, expectedMacroF1IntervalWidth, WIDEST_INTERVAL } from '../metrics/index.js';
import { countLabels, fields } from '../train/index.js';

/** What a validation set can tell, before anything is trained. */
export interface Validation {
  readonly images: number;
  /** Classes that have a validation image. */
  readonly classes: number;
  readonly numClasses: number;
  /** Expected width of the 95 % interval of Macro F1 over the classes present, at recall 0.8; null without images. */
  readonly intervalWidth: number | null;
  readonly widestInterval: number;
  readonly canChooseCheckpoint: boolean;
  /** What it means, in sentences. */
  readonly verdict: string;
  /** Flags that would do better, with the interval that they would give. */
  readonly remedies: readonly { readonly flags: string; readonly images: number; readonly intervalWidth: number }[];
}

export function judgeValidation({ classes, train, val }: Dataset): Validation {
  const numClasses = classes.length;
  const supports = countLabels(val, numClasses);
  const present = supports.filter((n) => n > 0).length;
  const width = present === 0 ? null : expectedMacroF1IntervalWidth(supports);
  const can = width !== null && width <= WIDEST_INTERVAL;
  const remedies = can
    ? []
    : remediesFor(
        train.map(({ label }) => label),
        numClasses,
        width ?? 1,
      );
  return {
    images: val.length,
    classes: present,
    numClasses,
    intervalWidth: width,
    widestInterval: WIDEST_INTERVAL,
    canChooseCheckpoint: can,
    verdict: verdictOf(val.length, present, numClasses, width),
    remedies,
  };
}

function verdictOf(images: number, present: number, numClasses: number, width: number | null): string {
  if (width === null)
    return 'There are no validation images: evenhand train holds out 15 % of the training images by default.';
  const set = `${plural(images, 'image')} of ${plural(present, 'class', 'classes')}`;
  const absent = numClasses - present;
  const silent =
    absent === 0 ? '' : ` It says nothing of the ${plural(absent, 'class', 'classes')} without a validation image.`;
  const interval =
    `the 95 % interval of Macro F1 over the classes present would be about ${formatScore(width)} wide ` +
    `at a recall of 0.8, where ${WIDEST_INTERVAL} at most is wanted to tell epochs apart`;
  return width <= WIDEST_INTERVAL
    ? `${set} can choose a checkpoint: ${interval}.${silent}`
    : `${set} cannot choose a checkpoint: ${interval}.${silent}`;
}

/** Holding out a share or a fold of the training images, each where that narrows the interval; the best first. */
function remediesFor(labels: readonly number[], numClasses: number, width: number): Validation['remedies'] {
  const seed = fields.seed.default;
  const ways = [
    { flags: '--val-fraction 0.15', needs: 2, split: () => splitFraction(labels, 0.15, seed) },
    { flags: '--folds 5 --fold 0', needs: 5, split: () => splitFold(labels, 5, 0, seed) },
  ];
  return ways
    .filter(({ needs }) => labels.length >= needs)
    .map(({ flags, split }) => ({ flags, held: Array.from(split().val, (i) => labels[i]!) }))
    .filter(({ held }) => held.length > 0)
    .map(({ flags, held }) => ({
      flags,
      images: held.length,
      intervalWidth: expectedMacroF1IntervalWidth(classCounts(Int32Array.from(held), numClasses)),
    }))
    .filter(({ intervalWidth }) => intervalWidth < width);
}
