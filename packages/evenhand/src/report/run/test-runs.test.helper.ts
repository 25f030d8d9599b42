// Run folders with chosen epochs and predictions, for tests of the report.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type EpochMetrics, type JudgedLabel, RunFolder, type ValidationPrediction } from '../../run/index.js';

export const root = mkdtempSync(join(tmpdir(), 'evenhand-report-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;

export const epoch: EpochMetrics = {
  phase: 'full',
  epoch: 1,
  size: 32,
  trainLoss: 1,
  backboneRate: 1e-4,
  headRate: 1e-3,
  valLoss: 1,
  accuracy: 0.75,
  balancedAccuracy: 0.7,
  macroF1: 0.6,
  macroF1Low: 0.5,
  macroF1High: 0.7,
  macroF1Present: 0.6,
  numClasses: 3,
  numPresent: 3,
  seconds: 1,
  imagesPerSecond: 1,
  peakMemoryMB: 1,
  best: true,
};

export interface RunParts {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly classes?: readonly string[];
  readonly epochs?: readonly EpochMetrics[];
  readonly predictions?: readonly ValidationPrediction[];
  readonly classCounts?: readonly number[];
  readonly labels?: readonly JudgedLabel[];
  /** The number of training images. */
  readonly train?: number;
  /** Epochs of each fold of a cross-validation. */
  readonly folds?: readonly (readonly EpochMetrics[])[];
}

export function runOf(parts: RunParts): RunFolder {
  const run = writeRun(join(root, `run-${++made}`), parts);
  for (const [fold, epochs] of (parts.folds ?? []).entries()) writeRun(run.foldPath(fold), { ...parts, epochs });
  return run;
}

function writeRun(
  path: string,
  {
    config,
    classes = ['a', 'b', 'c'],
    epochs = [epoch],
    predictions = [],
    classCounts,
    labels = [],
    train = 9,
  }: RunParts,
): RunFolder {
  const run = RunFolder.create(path);
  run.writeConfig({ model: 'mobilenet_v2', seed: 1, ...config });
  const dataset = { fingerprint: 'ff', path: root, classes, train, val: predictions.length, skipped: [] };
  run.writeEnvironment({
    versions: { evenhand: '0.1.0' },
    os: 'Linux',
    cpu: 'a processor',
    cores: 2,
    threads: 2,
    device: 'cpu',
    memoryMB: 4096,
    git: null,
    // Old runs did not record it.
    dataset: { ...dataset, ...(classCounts && { classCounts }) } as ReturnType<RunFolder['readEnvironment']>['dataset'],
    started: '2026-01-01T00:00:00.000Z',
  });
  run.writeEpochs(epochs);
  if (predictions.length > 0) run.writePredictions(predictions);
  if (labels.length > 0) run.writeLabels(labels);
  return run;
}

/** The prediction for an image with label `label`: `logit` for the class `predicted`, 0 for the others. */
export const prediction = (
  label: string,
  predicted: string,
  logit = 2,
  classes = ['a', 'b', 'c'],
): ValidationPrediction => ({
  file: `${label}/${predicted}-${logit}.jpg`,
  label,
  logits: classes.map((name) => (name === predicted ? logit : 0)),
});

/** Twelve images of three classes, of which three are predicted wrong. */
export const twelve = [
  ...Array.from({ length: 4 }, () => prediction('a', 'a')),
  ...Array.from({ length: 4 }, () => prediction('b', 'b')),
  prediction('c', 'c'),
  prediction('c', 'a', 1),
  prediction('c', 'a', 5),
  prediction('b', 'c', 3),
];
