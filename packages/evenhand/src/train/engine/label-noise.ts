import { nn, type Tensor } from '@evenhand/torch';
import { type Dataset, pathsRelativeTo, type Sample } from '../../data/index.js';
import { formatRate } from '../../format.js';
import { estimateLabels, type LabelEstimate } from '../../noise/index.js';
import type { JudgedLabel } from '../../run/index.js';
import type { Config } from '../config/fields.js';
import { ProgressMeter, type TrainingContext } from './context.js';
import type { Features, ImageFeatures } from './frozen-features.js';
import { isMain } from './group.js';
import { labelsOfMain } from './labels-of-main.js';
import type { SoftLabels, TrainingState } from './state.js';

/** Labels count as noisy if the lower bound of their estimated error rate is above this. */
export const NOISE_FOUND = 0.01;

/**
 * Judges every label by the features of the model as it is, sets the training targets in `state.labels`, and writes the
 * judgement to the run folder. The targets of the validation images are set by the first call only, so that all epochs are
 * compared by the same score, and the trained network has no part in it.
 *
 * @param images by the model as it is
 * @returns false if it was interrupted
 */
export async function judgeLabels(
  context: TrainingContext,
  state: TrainingState,
  images: ImageFeatures,
): Promise<boolean> {
  const { model, group } = context;
  nn.setTraining(model, false);
  const features: Features[] = [];
  try {
    for (const part of ['train', 'val'] as const) {
      const computed = await images.of(part, 'mirrored');
      if (!computed) return false;
      features.push(computed);
    }
    // It is computed once, since every process trains on the same targets.
    if (isMain(group)) judgeAndWrite(context, state, features);
    state.labels = labelsOfMain(group, state.labels);
  } finally {
    for (const { values } of features) values.dispose();
  }
  return true;
}

/** Judges the labels of all images by their features, those of the training images first. */
function judgeAndWrite(context: TrainingContext, state: TrainingState, features: readonly Features[]): void {
  const { data, folder, onEvent, config, budget } = context;
  const previous = state.labels;
  const labelled = (samples: readonly Sample[], values: Tensor) => ({
    features: values,
    given: Int32Array.from(samples, ({ label }) => label),
    confirmed: samples.map((sample) => (data.confirmed.has(sample) ? 1 : 0)),
  });
  const numImages = data.train.length + data.val.length;
  const meter = new ProgressMeter(context, state, 'labels', numImages);
  const { labels, heldOut } = estimateLabels({
    ...labelled(data.train, features[0]!.values),
    ...(data.groups ? { groups: data.groups } : {}),
    numClasses: data.classes.length,
    seed: config.seed,
    heldOut: labelled(data.val, features[1]!.values),
    onProgress: (done) => meter.report(Math.round(done * numImages)),
  });
  if (budget) budget.note(state.position).judging = meter.seconds;
  state.labels = previous
    ? { train: Float32Array.from(labels.posterior), val: previous.val }
    : { train: posteriorIfNoisy(labels), val: posteriorIfNoisy(heldOut!) };
  const validationRows = previous
    ? folder.readLabels().filter(({ part }) => part === 'val')
    : judgedLabels(context, 'val', heldOut!);
  folder.writeLabels([...judgedLabels(context, 'train', labels), ...validationRows].sort((a, b) => b.wrong - a.wrong));
  const text = previous
    ? `Labels judged again by the trained features: ${formatRate(labels.rate)} are probably wrong.`
    : summarize(state.labels, labels, heldOut!);
  onEvent({ type: 'note', text });
}

const posteriorIfNoisy = ({ rate, posterior }: LabelEstimate): Float32Array | null =>
  rate.low > NOISE_FOUND ? Float32Array.from(posterior) : null;

/** The judgement of the images of a part, as it is written. */
export function judgedLabels(
  { data, config }: { readonly data: Dataset; readonly config: Config },
  part: 'train' | 'val',
  estimate: Pick<LabelEstimate, 'posterior' | 'wrong' | 'suggested'>,
): JudgedLabel[] {
  const { classes } = data;
  const relativePath = pathsRelativeTo(config.data);
  return data[part].map(({ file, label }, i) => {
    const row = estimate.posterior.subarray(i * classes.length, (i + 1) * classes.length);
    const suggested = estimate.suggested[i]!;
    return {
      file: relativePath(file),
      part,
      given: classes[label]!,
      wrong: roundTo6(estimate.wrong[i]!),
      suggested: classes[suggested]!,
      suggestedProbability: roundTo6(row[suggested]!),
      posterior: Object.fromEntries(
        Array.from(row, (p, c) => [classes[c]!, roundTo6(p)] as const).filter(([, p]) => p >= 0.001),
      ),
    };
  });
}

const roundTo6 = (p: number): number => Math.round(p * 1e6) / 1e6;

function summarize({ train, val }: SoftLabels, labels: LabelEstimate, heldOut: LabelEstimate): string {
  const pairs = labels.kind === 'pairs' ? ', between some pairs of classes more than others' : '';
  const trained =
    train === null
      ? `Training labels: no sign of label errors (${formatRate(labels.rate)}); they are taken as given.`
      : `Training labels: ${formatRate(labels.rate)} are probably wrong${pairs}; training on noise-robust soft labels.`;
  const validated =
    val === null
      ? `Validation labels: no sign of label errors (${formatRate(heldOut.rate)}); Macro F1 on them selects the checkpoint.`
      : `Validation labels: ${formatRate(heldOut.rate)} are probably wrong; they are kept, but Macro F1 against posterior ` +
        'labels selects the checkpoint.';
  return `${trained}\n  ${validated}`;
}
