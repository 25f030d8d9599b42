import { type Dataset, splitFold, splitFraction } from '../../data/index.js';
import { formatScore, plural } from '../../format.js';
import { classCounts, expectedMacroF1IntervalWidth, WIDEST_INTERVAL } from '../../metrics/index.js';
import { fields } from '../config/fields.js';
import { countLabels } from '../objective/balance.js';

/** Whether a validation set is large enough to choose a checkpoint, before anything is trained. */
export interface Validation {
  readonly images: number;
  /** Number of classes with validation images. */
  readonly classes: number;
  readonly numClasses: number;
  /** Expected width of the 95 % interval of Macro F1 over the classes present, at recall 0.8; null without images. */
  readonly intervalWidth: number | null;
  readonly widestInterval: number;
  readonly canChooseCheckpoint: boolean;
  /** An explanation in sentences. */
  readonly verdict: string;
  /** Flags that would give a narrower interval, with that interval. */
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
  const uncovered =
    absent === 0 ? '' : ` It does not cover the ${plural(absent, 'class', 'classes')} without validation images.`;
  const interval =
    `the 95 % interval of Macro F1 over the classes present is expected to be ${formatScore(width)} wide at a recall of ` +
    `0.8, and at most ${WIDEST_INTERVAL} is needed to distinguish epochs`;
  return width <= WIDEST_INTERVAL
    ? `${set} can choose a checkpoint: ${interval}.${uncovered}`
    : `${set} cannot choose a checkpoint: ${interval}.${uncovered}`;
}

/** Holding out a fraction or a fold of the training images, if that narrows the interval. */
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
