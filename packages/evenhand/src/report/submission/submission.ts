import { formatScore } from '../../format.js';
import { argmax, type ClassScore, classificationReport, confusionMatrix } from '../../metrics/index.js';
import {
  type Environment,
  type EpochMetrics,
  predictionArrays,
  type RunFolder,
  type ValidationPrediction,
} from '../../run/index.js';
import { describeMethod, describeWeights } from './method.js';
import { Pages } from './pdf.js';

export interface SubmissionFacts {
  readonly team: string;
  /** How the predicted class follows from the logits, in words. */
  readonly decision: string;
  /**
   * Macro F1 over all classes on the validation images with this decision, with its 95 % interval; null if unknown. If
   * there are label errors among them, it is against the most probable labels.
   */
  readonly validation: {
    readonly images: number;
    readonly macroF1: number;
    readonly low: number;
    readonly high: number;
  } | null;
  /** Settings that differ from the defaults or matter most. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Commands that reproduce training and prediction. */
  readonly commands: readonly string[];
}

/** The number of classes in the table of the hardest ones. */
const HARDEST = 8;

/** The two-page PDF report on a run for a submission. */
export async function submissionReport(run: RunFolder, facts: SubmissionFacts): Promise<Uint8Array> {
  const environment = run.readEnvironment();
  const epochs = run.readEpochs();
  const best = epochs.findLast((epoch) => epoch.best);
  const pages = new Pages(`${facts.team}: image classification by Macro F1`, facts.team, new Date(environment.started));
  const footer = (page: number): string =>
    `${facts.team}, page ${page} of 2. Written by evenhand ${environment.versions.evenhand ?? ''} from the files of the run folder.`;

  pages.page(footer(1));
  pages.title(facts.team, 'Fine-grained image classification, scored by Macro F1');
  const config = run.readConfig();
  resultSection(pages, facts, best, environment, config);
  curveSection(pages, epochs, best);
  methodSection(pages, facts, `${describeMethod(config)}${describeWeights(run.readModel())}`);

  pages.page(footer(2));
  classSection(pages, run.readPredictions(), environment.dataset.classes);
  dataSection(pages, environment);
  repeatSection(pages, facts, environment);
  return pages.end();
}

function resultSection(
  pages: Pages,
  { validation, decision }: SubmissionFacts,
  best: EpochMetrics | undefined,
  { dataset }: Environment,
  { keep }: Readonly<Record<string, unknown>>,
): void {
  pages.heading('Result');
  pages.paragraph(
    `Macro F1 is the mean of the F1 of all ${dataset.classes.length} classes, so the rarest class counts as much as the most ` +
      `frequent one. ${keep === 'last' ? 'The checkpoint of the last epoch was kept' : 'The checkpoint with the best Macro F1 was kept'}. ` +
      'The validation images were not trained on. The interval shows how much the score could differ on another validation set of this size.',
  );
  if (best === undefined) return;
  const showInterval = ({ macroF1, low, high }: { macroF1: number; low: number; high: number }): string =>
    `${formatScore(macroF1)}, 95 % interval ${formatScore(low)} to ${formatScore(high)}`;
  const asGiven = { macroF1: best.macroF1, low: best.macroF1Low, high: best.macroF1High };
  const isNoisy = best.macroF1Posterior !== undefined;
  const scores =
    validation === null || isNoisy
      ? [['Macro F1 on validation (most probable class)', showInterval(asGiven)]]
      : [['Macro F1 on validation', showInterval(validation)]];
  if (validation !== null && isNoisy) {
    scores.push([
      'Macro F1 against likely labels',
      `${showInterval(validation)}; there are label errors among the validation images, so this is an estimate and not a score to publish`,
    ]);
  }
  pages.table(
    [
      ...scores,
      ['Accuracy, balanced accuracy', `${formatScore(best.accuracy)}, ${formatScore(best.balancedAccuracy)}`],
      [
        'Validation images',
        `${validation?.images ?? dataset.val}; ${best.numPresent} of ${best.numClasses} classes are present or predicted`,
      ],
      ['Best epoch', describeBest(best)],
      ['Decision', decision],
    ],
    [1, 2.4],
  );
}

function curveSection(pages: Pages, epochs: readonly EpochMetrics[], best: EpochMetrics | undefined): void {
  if (epochs.length === 0) return;
  pages.heading('Macro F1 and accuracy per epoch');
  const points = (value: (epoch: EpochMetrics) => number) => epochs.map((epoch, i) => ({ x: i + 1, y: value(epoch) }));
  const mark = best && { x: epochs.indexOf(best) + 1, y: best.macroF1 };
  pages.chart(
    [
      { name: 'Macro F1 (point: the kept checkpoint)', points: points(({ macroF1 }) => macroF1) },
      { name: 'accuracy', points: points(({ accuracy }) => accuracy), dashed: true },
    ],
    'epoch, head phase first',
    130,
    mark,
  );
}

function methodSection(pages: Pages, { settings }: SubmissionFacts, method: string): void {
  pages.heading('Method');
  pages.paragraph(`${method} The most important settings:`);
  const half = Math.ceil(settings.length / 2);
  const rows = settings.slice(0, half).map(([name, value], i) => {
    const [second = '', secondValue = ''] = settings[half + i] ?? [];
    return [name, value, second, secondValue];
  });
  pages.table(rows, [1, 1.2, 1, 1.2]);
}

function classSection(pages: Pages, predictions: readonly ValidationPrediction[], classes: readonly string[]): void {
  if (predictions.length === 0) return;
  const { truth, logits } = predictionArrays(predictions, classes);
  const predicted = argmax(logits, classes.length);
  const { perClass } = classificationReport(confusionMatrix(truth, predicted, classes.length));
  const scored = perClass
    .map((score, i) => ({ ...score, label: classes[i]! }))
    .filter(({ support }) => support > 0)
    .sort((a, b) => b.f1 - a.f1);
  pages.heading(`F1 of the ${scored.length} classes with validation images, best first`);
  pages.bars(
    scored.map(({ f1 }) => f1),
    80,
  );
  const row = ({ label, f1, precision, recall, support }: ClassScore & { label: string }) => [
    label.length > 34 ? `${label.slice(0, 33)}...` : label,
    formatScore(f1),
    formatScore(precision),
    formatScore(recall),
    String(support),
  ];
  pages.heading('The hardest classes');
  const hardest = scored.slice(-HARDEST).reverse().map(row);
  pages.table([['Class', 'F1', 'Precision', 'Recall', 'Images'], ...hardest], [2.4, 1, 1, 1, 1], true);
}

function dataSection(pages: Pages, { dataset }: Environment): void {
  const counts = dataset.classCounts ?? [];
  pages.heading('Data');
  pages.table(
    [
      ['Images', `${dataset.train} for training, ${dataset.val} for validation, ${dataset.classes.length} classes`],
      ...(counts.length > 0
        ? [['Images per class', `${Math.min(...counts)} to ${Math.max(...counts)} in training`]]
        : []),
      ['Unreadable, skipped', String(dataset.skipped.length)],
      ['Fingerprint (SHA-256)', dataset.fingerprint],
    ],
    [1, 2.4],
  );
}

function repeatSection(pages: Pages, { commands }: SubmissionFacts, environment: Environment): void {
  pages.heading('How to reproduce it');
  pages.table(
    [
      ...commands.map((command, i) => [i === 0 ? 'Commands' : '', command]),
      [
        'Versions',
        Object.entries(environment.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
      ['Machine', `${environment.cpu}, ${environment.threads} threads, ${environment.device}, ${environment.os}`],
      [
        'Commit',
        environment.git === null
          ? 'none'
          : `${environment.git.commit}${environment.git.dirty ? ', with uncommitted changes' : ''}`,
      ],
      ['Started', environment.started],
    ],
    [1, 2.4],
  );
  pages.paragraph(
    'All random choices follow from the seed: on the same machine, with the same libtorch and number of threads, training ' +
      'again gives the same weights bit for bit. Prediction needs no network. Predictions do not depend on the number of ' +
      'threads; under a time limit, views are dropped before rows.',
  );
}

function describeBest({ phase, epoch, averaged }: EpochMetrics): string {
  if (averaged !== undefined) return `the mean of the last ${averaged} of the whole network`;
  return `${epoch} of ${{ head: 'the head phase', full: 'the whole network', 'new-head': 'the new head' }[phase]}`;
}
