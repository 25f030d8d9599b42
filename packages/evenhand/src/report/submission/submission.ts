import { argmax, type ClassScore, classificationReport, confusionMatrix } from '../../metrics/index.js';
import {
  chosenScore,
  type Environment,
  type EpochMetrics,
  predictionArrays,
  type RunFolder,
  type ValidationPrediction,
} from '../../run/index.js';
import { Pages } from './pdf.js';

export interface SubmissionFacts {
  readonly team: string;
  /** A sentence on how answers follow from logits. */
  readonly decision: string;
  /** Macro F1 over all classes on the validation images, with its 95 % interval, by that decision; null where unknown. */
  readonly validation: {
    readonly images: number;
    readonly macroF1: number;
    readonly low: number;
    readonly high: number;
  } | null;
  /** Each setting that differs from the defaults, or decides most. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Commands that repeat training and prediction. */
  readonly commands: readonly string[];
}

const EXTREMES = 8;
const share = (x: number): string => x.toFixed(3);

/** The two-page report on a run that goes with a submission, as a PDF. */
export async function submissionReport(run: RunFolder, facts: SubmissionFacts): Promise<Buffer> {
  const environment = run.readEnvironment();
  const epochs = run.readEpochs();
  const best = epochs.findLast((each) => each.best);
  const pages = new Pages(`${facts.team}: image classification by Macro F1`, facts.team, new Date(environment.started));
  const footer = (page: number): string =>
    `${facts.team}, page ${page} of 2. Written by evenhand ${environment.versions.evenhand ?? ''} from the run's own records.`;

  pages.page(footer(1));
  pages.title(facts.team, 'Fine-grained image classification, scored by Macro F1');
  resultSection(pages, facts, best, environment, run.readConfig());
  curveSection(pages, epochs, best);
  methodSection(pages, facts);

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
    `Macro F1 is the mean of the F1 of all ${dataset.classes.length} classes, so that the rarest counts as much as the ` +
      `commonest. The checkpoint is ${keep === 'last' ? 'that of the last epoch, scored' : 'the one with the best Macro F1'} ` +
      'on validation images that had no part in training; its interval says how far another set of as many images could differ.',
  );
  if (best === undefined) return;
  const shown = validation ?? {
    images: dataset.val,
    macroF1: best.macroF1,
    low: best.macroF1Low,
    high: best.macroF1High,
  };
  pages.table(
    [
      [
        `Macro F1 on validation${best.macroF1Posterior === undefined ? '' : ', most probable labels'}`,
        `${share(shown.macroF1)}, 95 % interval ${share(shown.low)} to ${share(shown.high)}`,
      ],
      ['Accuracy, balanced accuracy', `${share(best.accuracy)}, ${share(best.balancedAccuracy)}`],
      [
        'Validation images',
        `${shown.images}, of ${best.numPresent} of ${best.numClasses} classes (present or predicted)`,
      ],
      ['Chosen epoch', `${best.epoch} of the ${best.phase === 'head' ? 'head on frozen features' : 'whole network'}`],
      ['Decision', decision],
    ],
    [1, 2.4],
  );
}

function curveSection(pages: Pages, epochs: readonly EpochMetrics[], best: EpochMetrics | undefined): void {
  if (epochs.length === 0) return;
  pages.heading('Macro F1 and accuracy after each epoch');
  const points = (value: (epoch: EpochMetrics) => number) => epochs.map((epoch, i) => ({ x: i + 1, y: value(epoch) }));
  const mark = best && { x: epochs.indexOf(best) + 1, y: chosenScore(best) };
  pages.chart(
    [
      { name: 'Macro F1 (point: the chosen checkpoint)', points: points(chosenScore) },
      { name: 'accuracy', points: points(({ accuracy }) => accuracy), dashed: true },
    ],
    'epoch, those of the head first',
    130,
    mark,
  );
}

function methodSection(pages: Pages, { settings }: SubmissionFacts): void {
  pages.heading('Method');
  pages.paragraph(
    'A pretrained network is fine-tuned in two phases: a new head on frozen features, then everything, with a lower rate ' +
      'for the backbone, warm-up and cosine decay. Classes of unequal size are evened out once. Training stops when Macro ' +
      'F1 no longer grows. The settings that decide most:',
  );
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
  pages.heading(`F1 of the ${scored.length} classes with validation images, best first (most probable class)`);
  pages.bars(
    scored.map(({ f1 }) => f1),
    80,
  );
  const row = ({ label, f1, precision, recall, support }: ClassScore & { label: string }) => [
    label.length > 34 ? `${label.slice(0, 33)}...` : label,
    share(f1),
    share(precision),
    share(recall),
    String(support),
  ];
  pages.heading('The hardest classes');
  const hardest = scored.slice(-EXTREMES).reverse().map(row);
  pages.table([['Class', 'F1', 'Precision', 'Recall', 'Images'], ...hardest], [2.4, 1, 1, 1, 1], true);
}

function dataSection(pages: Pages, { dataset }: Environment): void {
  const counts = dataset.classCounts ?? [];
  pages.heading('Data');
  pages.table(
    [
      ['Training, validation', `${dataset.train} and ${dataset.val} images of ${dataset.classes.length} classes`],
      ...(counts.length > 0
        ? [['Images a class', `${Math.min(...counts)} to ${Math.max(...counts)} in training`]]
        : []),
      ['Left out as unreadable', String(dataset.skipped.length)],
      ['Fingerprint (SHA-256)', dataset.fingerprint],
    ],
    [1, 2.4],
  );
}

function repeatSection(pages: Pages, { commands }: SubmissionFacts, environment: Environment): void {
  pages.heading('To repeat it');
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
        environment.git === null ? 'none' : `${environment.git.commit}${environment.git.dirty ? ', with changes' : ''}`,
      ],
      ['Begun', environment.started],
    ],
    [1, 2.4],
  );
  pages.paragraph(
    'Every random choice follows from the seed; on the same machine and number of threads a repeated training ends with ' +
      'the same weights bit for bit. Prediction needs no network; its answers do not depend on the number of threads, and ' +
      'under a time limit views are dropped before rows are.',
  );
}
