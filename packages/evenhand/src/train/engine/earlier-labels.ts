import { pathsRelativeTo, type Sample } from '../../data/index.js';
import { formatPercent, plural } from '../../format.js';
import { heldOutLabels, type JudgedLabel, type RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import type { TrainingContext } from './context.js';
import { NOISE_FOUND } from './label-noise.js';
import type { TrainingState } from './state.js';

/** Finds the judgement of an image with the label that it has now. */
type FindJudged = (sample: Sample) => JudgedLabel | undefined;

/**
 * Takes the training targets from the judgement of an earlier run, and writes it to the run folder. Scores are against the
 * judgement of held-out images by that run's pretrained features, where it has one, so that no network grades itself.
 *
 * @throws ConfigError if that run has judged none of these labels
 */
export function takeLabels(context: TrainingContext, state: TrainingState, earlier: RunFolder): void {
  const { data, folder, config, onEvent } = context;
  const all = earlier.readLabels();
  const held = heldOutLabels(earlier);
  const [findAny, findHeld] = [
    finder(context, [...held, ...all.filter(({ part }) => part === 'train')]),
    finder(context, [...all, ...held]),
  ];
  const [train, val] = [take(context, data.train, findAny), take(context, data.val, findHeld)];
  if (train.rows.length === 0) {
    throw new ConfigError(
      `labelNoise is ${earlier.path}, which has judged none of the labels of ${config.data}: give a run that was trained on this data with labelNoise auto`,
    );
  }
  state.labels = { train: train.posterior, val: val.posterior };
  const rows = [
    ...train.rows.map((row) => ({ ...row, part: 'train' as const })),
    ...val.rows.map((row) => ({ ...row, part: 'val' as const })),
  ];
  folder.writeLabels(rows.sort((a, b) => b.wrong - a.wrong));
  const missing = data.train.length - train.rows.length;
  const asGiven =
    missing > 0
      ? ` ${plural(missing, 'label')} that it has not judged ${missing === 1 ? 'is' : 'are'} taken as given.`
      : '';
  const use = train.posterior ? 'training on noise-robust soft labels' : 'they are taken as given';
  onEvent({
    type: 'note',
    text: `Training labels as judged by ${earlier.path}: ${formatPercent(train.rate)} are probably wrong; ${use}.${asGiven}`,
  });
}

/** The last judgement of each label counts. */
function finder({ data, config }: TrainingContext, judged: readonly JudgedLabel[]): FindJudged {
  const keyOf = (file: string, label: string): string => JSON.stringify([file, label]);
  const byKey = new Map(judged.map((row) => [keyOf(row.file, row.given), row]));
  const relativePath = pathsRelativeTo(config.data);
  // What a person has confirmed since then is not doubted.
  return (sample) =>
    data.confirmed.has(sample) ? undefined : byKey.get(keyOf(relativePath(sample.file), data.classes[sample.label]!));
}

/** The posterior [N,K] of the labels of images, null if there are no label errors among them; those not judged are right. */
function take({ data: { classes } }: TrainingContext, samples: readonly Sample[], find: FindJudged) {
  const found = samples.map(find);
  const rows = found.filter((row) => row !== undefined);
  const rate = rows.reduce((sum, { wrong }) => sum + wrong, 0) / Math.max(1, samples.length);
  if (rate <= NOISE_FOUND) return { rows, rate, posterior: null };
  const posterior = new Float32Array(samples.length * classes.length);
  for (const [i, { label }] of samples.entries()) {
    const target = posterior.subarray(i * classes.length, (i + 1) * classes.length);
    const judged = found[i];
    if (judged === undefined) target[label] = 1;
    else fillPosterior(target, judged, classes);
  }
  return { rows, rate, posterior };
}

/** Writes the probabilities [K] of the classes, which sum to 1. */
export function fillPosterior(
  target: Float32Array | Float64Array,
  { posterior }: JudgedLabel,
  classes: readonly string[],
): void {
  const sum = Object.values(posterior).reduce((a, b) => a + b, 0);
  for (const [c, name] of classes.entries()) target[c] = (posterior[name] ?? 0) / sum;
}
