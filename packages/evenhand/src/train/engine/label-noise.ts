import { keep, nn, type Tensor, tensor } from '@evenhand/torch';
import { expectedCounts, pathsRelativeTo, type Sample } from '../../data/index.js';
import { formatRate } from '../../format.js';
import { estimateLabels, type LabelEstimate } from '../../noise/index.js';
import type { JudgedLabel } from '../../run/index.js';
import { countLabels } from '../config/settings.js';
import { presetAt } from '../setup/backend.js';
import { extractFeatures } from './features.js';
import { evaluationLoader, type Labels, Meter, type Session } from './session.js';

/** Labels count as noisy where the lower bound of the estimated rate of wrong ones is above this share. */
export const NOISE_FOUND = 0.01;

/** Training images of each class: expected ones where labels are probabilities. */
export function classCounts({ labels, data }: Session): ArrayLike<number> {
  const numClasses = data.classes.length;
  if (labels.train === null) return countLabels(data.train, numClasses);
  return expectedCounts({ posterior: labels.train, numClasses });
}

/** What to train towards, on the device: classes int64 [N], or their probabilities float32 [N,K]. The caller frees it. */
export function targetsOf({ labels, data, device }: Session): Tensor {
  const n = data.train.length;
  if (labels.train !== null) return keep(tensor(labels.train, [n, data.classes.length], { device }));
  const classes = Int32Array.from(data.train, ({ label }) => label);
  return keep(tensor(classes, [n], { dtype: 'int64', device }));
}

/**
 * Judges every label by the features of the model as it is, and decides what to train towards from here on. It writes
 * what it found to the run folder. What validation images are taken for is decided once, by the first call, so that all
 * epochs are measured by one yardstick, and one that the trained network had no part in.
 *
 * @returns false where it was interrupted
 */
export async function judgeLabels(session: Session, first: boolean): Promise<boolean> {
  const { data, folder, onEvent, config } = session;
  nn.setTraining(session.model, false);
  const features = await viewsOf(session, data.train);
  if (!features) return false;
  const held = await viewsOf(session, data.val).catch((error: unknown) => {
    features.dispose();
    throw error;
  });
  if (!held) {
    features.dispose();
    return false;
  }
  try {
    const numClasses = data.classes.length;
    const given = (samples: readonly Sample[]) => Int32Array.from(samples, ({ label }) => label);
    const confirmed = (samples: readonly Sample[]) => samples.map((sample) => (data.confirmed.has(sample) ? 1 : 0));
    const { labels, heldOut } = estimateLabels({
      features,
      given: given(data.train),
      confirmed: confirmed(data.train),
      ...(data.groups ? { groups: data.groups } : {}),
      numClasses,
      seed: config.seed,
      heldOut: { features: held, given: given(data.val), confirmed: confirmed(data.val) },
    });
    const noisy = ({ rate, posterior }: LabelEstimate) =>
      rate.low > NOISE_FOUND ? Float32Array.from(posterior) : null;
    session.labels = first
      ? { train: noisy(labels), val: noisy(heldOut!) }
      : { train: Float32Array.from(labels.posterior), val: session.labels.val };
    const val = first ? judged(session, 'val', heldOut!) : folder.readLabels().filter(({ part }) => part === 'val');
    folder.writeLabels([...judged(session, 'train', labels), ...val].sort((a, b) => b.wrong - a.wrong));
    onEvent({
      type: 'note',
      text: first
        ? summary(session.labels, labels, heldOut!)
        : `Labels judged anew by the trained features: ${formatRate(labels.rate)} are probably wrong.`,
    });
  } finally {
    features.dispose();
    held.dispose();
  }
  return true;
}

async function viewsOf(session: Session, samples: readonly Sample[]): Promise<Tensor | null> {
  const { config, model, device, interrupted } = session;
  const loader = evaluationLoader(config, samples);
  const meter = new Meter(session, 'features', samples.length);
  try {
    return await extractFeatures({
      model,
      loader,
      preset: presetAt(config),
      device,
      count: samples.length,
      mirrored: true,
      onBatch: (done) => {
        meter.tell(done);
        return !interrupted();
      },
    });
  } finally {
    await loader.close();
  }
}

function judged({ data, config }: Session, part: 'train' | 'val', estimate: LabelEstimate): JudgedLabel[] {
  const { classes } = data;
  const pathOf = pathsRelativeTo(config.data);
  return data[part].map(({ file, label }, i) => {
    const row = estimate.posterior.subarray(i * classes.length, (i + 1) * classes.length);
    const suggested = estimate.suggested[i]!;
    return {
      file: pathOf(file),
      part,
      given: classes[label]!,
      wrong: rounded(estimate.wrong[i]!),
      suggested: classes[suggested]!,
      suggestedProbability: rounded(row[suggested]!),
      posterior: Object.fromEntries(
        Array.from(row, (p, c) => [classes[c]!, rounded(p)] as const).filter(([, p]) => p >= 0.001),
      ),
    };
  });
}

const rounded = (p: number): number => Math.round(p * 1e6) / 1e6;

function summary({ train, val }: Labels, labels: LabelEstimate, heldOut: LabelEstimate): string {
  const trained =
    train === null
      ? `Training labels: no sign of wrong ones (${formatRate(labels.rate)}); they are taken as given.`
      : `Training labels: ${formatRate(labels.rate)} are probably wrong` +
        `${labels.kind === 'pairs' ? ', some pairs of classes more than others' : ''}; training is on posterior labels.`;
  const validated =
    val === null
      ? `Validation labels: no sign of wrong ones (${formatRate(heldOut.rate)}); Macro F1 on them chooses the checkpoint.`
      : `Validation labels: ${formatRate(heldOut.rate)} are probably wrong; none is changed, but Macro F1 against posterior labels ` +
        'chooses the checkpoint.';
  return `${trained}\n${validated}`;
}
