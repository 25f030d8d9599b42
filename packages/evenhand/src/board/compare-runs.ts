import { classificationReport, confusionMatrix, macroF1Difference } from '../metrics/index.js';
import { describeValue } from '../printable.js';
import type { ChangedClass, ChangedImage, ComparedRun, Comparison, RunSummary } from '../report/index.js';
import { type EpochMetrics, RunError, RunFolder } from '../run/index.js';
import { type PredictionCache, type Predictions, scoresOf } from './predictions.js';

/** Classes that are shown of those that got better, and of those that got worse. */
const MOST_CLASSES = 12;
/** Images that are shown of a class. */
const MOST_IMAGES = 8;

export interface RunToCompare {
  readonly path: string;
  readonly summary: RunSummary;
}

/**
 * Compares runs with the first of them, each on the validation images that both have with the same label.
 *
 * @param second the run of which classes are compared with those of the first; by default the first that can be
 */
export function compareRuns(runs: readonly RunToCompare[], cache: PredictionCache, second?: string): Comparison {
  const opened = runs.map((run) => open(run, cache));
  const [first, ...others] = opened;
  const pairs = others.map((run) => pairWith(first!, run));
  const chosen = pairs.find((pair) => 'places' in pair && pair.run.summary.id === second) ?? pairs.find(isPair);
  return {
    runs: [...(first === undefined ? [] : [ownScores(first)]), ...pairs.map(scorePair)],
    settings: differingSettings(opened.map(({ config }) => config)),
    ...(chosen !== undefined && isPair(chosen) ? { classes: changedClasses(chosen) } : {}),
  };
}

/** Two runs on the images that they share: [N] of both, and the place of each image among all of the first run. */
interface Pair {
  readonly run: Opened;
  readonly first: Predictions;
  readonly second: Predictions;
  readonly places: readonly number[];
}

interface NoPair {
  readonly run: Opened;
  readonly reason: string;
}

const isPair = (pair: Pair | NoPair): pair is Pair => 'places' in pair;

function ownScores({ summary, epochs, predictions, reason }: Opened): ComparedRun {
  if (predictions === undefined || predictions.files.length === 0) {
    return { summary, epochs, reason: reason ?? 'It has no predictions yet.' };
  }
  return { summary, epochs, images: predictions.files.length, ...scoresOf(predictions) };
}

function scorePair(pair: Pair | NoPair): ComparedRun {
  const { summary, epochs } = pair.run;
  if (!isPair(pair)) return { summary, epochs, reason: pair.reason };
  const { first, second } = pair;
  const difference = macroF1Difference(first.truth, first.predicted, second.predicted, first.classes.length, {
    average: 'all',
  });
  return { summary, epochs, images: first.files.length, ...scoresOf(second), difference };
}

function pairWith(one: Opened, run: Opened): Pair | NoPair {
  const [a, b] = [one.predictions, run.predictions];
  if (b === undefined) return { run, reason: run.reason ?? 'It has no predictions yet.' };
  if (a === undefined) return { run, reason: 'The first run has no predictions to compare with.' };
  if (a.classes.length !== b.classes.length || a.classes.some((name, k) => b.classes[k] !== name)) {
    return { run, reason: 'It has other classes than the first run.' };
  }
  const [keysOfA, keysOfB] = [imageKeys(a), imageKeys(b)];
  const placesInB = new Map(keysOfB.map((key, i) => [key, i]));
  const places: number[] = [];
  const others: number[] = [];
  for (const [i, key] of keysOfA.entries()) {
    const other = placesInB.get(key);
    if (other === undefined) continue;
    places.push(i);
    others.push(other);
  }
  if (places.length === 0) return { run, reason: 'It shares no validation image with the first run.' };
  return { run, first: pick(a, places), second: pick(b, others), places };
}

interface Opened {
  readonly summary: RunSummary;
  readonly config: Readonly<Record<string, unknown>>;
  readonly epochs: readonly EpochMetrics[];
  readonly predictions: Predictions | undefined;
  readonly reason: string | undefined;
}

function open({ path, summary }: RunToCompare, cache: PredictionCache): Opened {
  const opened: Opened = { summary, config: {}, epochs: [], predictions: undefined, reason: undefined };
  try {
    const run = RunFolder.open(path);
    const withConfig = { ...opened, config: run.readConfig(), epochs: run.readEpochs() };
    try {
      return { ...withConfig, predictions: cache.read(run) };
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      return { ...withConfig, reason: error.message };
    }
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return { ...opened, reason: error.message };
  }
}

/** Names images by file and label; the same one may be in the data several times. */
function imageKeys({ files, truth }: Predictions): string[] {
  const seen = new Map<string, number>();
  return files.map((file, i) => {
    const key = `${truth[i]} ${file}`;
    const times = seen.get(key) ?? 0;
    seen.set(key, times + 1);
    return `${times} ${key}`;
  });
}

const pick = ({ classes, files, truth, predicted }: Predictions, places: readonly number[]): Predictions => ({
  classes,
  files: places.map((i) => files[i]!),
  truth: Int32Array.from(places, (i) => truth[i]!),
  predicted: Int32Array.from(places, (i) => predicted[i]!),
});

/** The settings that are not the same in all runs, as text. */
function differingSettings(configs: readonly Readonly<Record<string, unknown>>[]): Comparison['settings'] {
  const names = new Set(configs.flatMap((config) => Object.keys(config)));
  return Array.from(names, (name) => ({ name, values: configs.map((config) => settingText(config[name])) })).filter(
    ({ values }) => values.some((value) => value !== values[0]),
  );
}

/** A setting as it is shown; empty if it is not set. */
export const settingText = (value: unknown): string =>
  value === undefined
    ? ''
    : [value]
        .flat()
        .map((part) => (typeof part === 'string' ? part : describeValue(part)))
        .join(', ');

/** The classes whose F1 differs most, each with the images that only one of the runs predicts right. */
function changedClasses({ first, second, places, run }: Pair): NonNullable<Comparison['classes']> {
  const { classes, truth, files } = first;
  const scoreOf = ({ predicted }: Predictions) =>
    classificationReport(confusionMatrix(truth, predicted, classes.length)).perClass;
  const [a, b] = [scoreOf(first), scoreOf(second)];
  const imagesOf = new Map<number, ChangedImage[]>();
  for (const [i, label] of truth.entries()) {
    const [one, other] = [first.predicted[i]!, second.predicted[i]!];
    if ((one === label) === (other === label)) continue;
    const list = imagesOf.get(label) ?? [];
    list.push({
      index: places[i]!,
      file: files[i]!,
      label: classes[label]!,
      first: classes[one]!,
      second: classes[other]!,
    });
    imagesOf.set(label, list);
  }
  const changed = classes
    .map((name, k): ChangedClass & { readonly gain: number } => {
      const gain = b[k]!.f1 - a[k]!.f1;
      // Those that say why the class is in the list come first.
      const isReason = ({ second: other }: ChangedImage): boolean => gain > 0 === (other === name);
      const images = (imagesOf.get(k) ?? []).sort((x, y) => Number(isReason(y)) - Number(isReason(x)));
      const scores = { support: a[k]!.support, first: a[k]!.f1, second: b[k]!.f1 };
      return { name, ...scores, gain, images: images.slice(0, MOST_IMAGES) };
    })
    .filter(({ gain }) => gain !== 0)
    .sort((x, y) => y.gain - x.gain);
  const better = changed.filter(({ gain }) => gain > 0);
  const worse = changed.filter(({ gain }) => gain < 0).reverse();
  return {
    second: run.summary,
    better: better.slice(0, MOST_CLASSES),
    worse: worse.slice(0, MOST_CLASSES),
    numBetter: better.length,
    numWorse: worse.length,
  };
}
