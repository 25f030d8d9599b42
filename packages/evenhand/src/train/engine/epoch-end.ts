import { nn, peakGpuMemory, saveTensors } from '@evenhand/torch';
import { pathsRelativeTo } from '../../data/index.js';
import {
  argmax,
  type ClassificationReport,
  classificationReport,
  confusionMatrix,
  type Interval,
  macroF1Interval,
  negativeLogLikelihood,
  posteriorMacroF1,
} from '../../metrics/index.js';
import { chosenScore, type EpochMetrics } from '../../run/index.js';
import { divergence } from '../training-error.js';
import type { TrainingContext } from './context.js';
import { computedOnce, isMain } from './group.js';
import type { TrainingState } from './state.js';

/** Scores of logits [N,K], all from one confusion matrix. */
export interface Scores {
  readonly report: ClassificationReport;
  /** 95 % interval of Macro F1 over all classes. */
  readonly interval: Interval;
  /** Mean negative log-likelihood, without smoothing or weights. */
  readonly loss: number;
}

export function score(logits: Float32Array, truth: Int32Array, numClasses: number): Scores {
  const predicted = argmax(logits, numClasses);
  return {
    report: classificationReport(confusionMatrix(truth, predicted, numClasses)),
    interval: macroF1Interval(truth, predicted, numClasses, { average: 'all' }),
    loss: negativeLogLikelihood(logits, truth, numClasses),
  };
}

/** The facts of an epoch that its scores do not give. */
export interface EpochFacts {
  readonly size: number;
  readonly trainLoss: number;
  readonly backboneRate: number;
  readonly headRate: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** The number of epochs whose weights were averaged. */
  readonly averaged?: number;
}

/**
 * Number of epochs of the full phase since the last one whose score was better than all before by more than `minGain`.
 * Smaller gains of several epochs add up.
 */
export function countEpochsWithoutGain(
  epochs: readonly Pick<EpochMetrics, 'phase' | 'macroF1' | 'macroF1Posterior'>[],
  minGain: number,
): number {
  let reached = Number.NEGATIVE_INFINITY;
  let count = 0;
  for (const epoch of epochs) {
    const score = chosenScore(epoch);
    if (score > reached + minGain) {
      reached = score;
      count = 0;
    } else if (epoch.phase === 'full') count++;
  }
  return count;
}

/**
 * Scores the epoch, and writes its weights and predictions if it is the best so far, or the last one is kept. The model
 * must be the one that gave the logits. The caller saves the checkpoint afterwards, so that a kill in between repeats the
 * epoch.
 *
 * @param logits of the validation images, float32 [M,K] in a row
 * @throws TrainingError if logits are not finite; then nothing is written
 */
export function endEpoch(
  { config, data, device, folder, model, onEvent, group }: TrainingContext,
  { labels, position }: TrainingState,
  logits: Float32Array,
  facts: EpochFacts,
): EpochMetrics {
  const phase = position.phase === 'done' ? 'full' : position.phase;
  if (!logits.every(Number.isFinite)) {
    throw divergence(
      config,
      phase,
      `The logits of the model are not finite after ${phase} epoch ${position.epoch + 1}`,
    );
  }
  const numClasses = data.classes.length;
  const truth = Int32Array.from(data.val, ({ label }) => label);
  const { report, interval, loss } = data.val.length > 0 ? score(logits, truth, numClasses) : unscored(numClasses);
  const posterior = labels?.val ? scorePosterior(labels.val, logits, numClasses, config.seed) : {};
  const previousBest = position.epochs.findLast((epoch) => epoch.best);
  const gain =
    chosenScore({ macroF1: report.macroF1, ...posterior }) -
    (previousBest ? chosenScore(previousBest) : Number.NEGATIVE_INFINITY);
  const best = config.keep === 'last' || gain > 0 || (gain === 0 && loss < previousBest!.valLoss);
  const gpuBytes = peakGpuMemory(device);
  // Also speed and memory, which each process has its own, since the state of all must be the same.
  const metrics = computedOnce<EpochMetrics>(group, () => ({
    phase,
    epoch: position.epoch + (facts.averaged === undefined ? 1 : 0),
    ...facts,
    valLoss: loss,
    accuracy: report.accuracy,
    balancedAccuracy: report.balancedAccuracy,
    macroF1: report.macroF1,
    macroF1Low: interval.low,
    macroF1High: interval.high,
    macroF1Present: report.macroF1Present,
    ...posterior,
    numClasses: report.numClasses,
    numPresent: report.numPresent,
    peakMemoryMB: (process.resourceUsage().maxRSS * 1024) / 1e6,
    ...(gpuBytes === null ? {} : { peakGpuMemoryMB: gpuBytes / 1e6 }),
    best,
  }));
  if (metrics.best && isMain(group)) {
    saveTensors(folder.best, nn.stateDict(model));
    const relativePath = pathsRelativeTo(config.data);
    folder.writePredictions(
      data.val.map(({ file, label }, i) => ({
        file: relativePath(file),
        label: data.classes[label]!,
        logits: Array.from(logits.subarray(i * numClasses, (i + 1) * numClasses)),
      })),
    );
  }
  position.epochs.push(metrics);
  Object.assign(position, { epoch: metrics.epoch, step: 0, lossSum: 0, seconds: 0 });
  onEvent({ type: 'epoch', metrics });
  return metrics;
}

/** The scores of a training without validation images. */
function unscored(numClasses: number): Scores {
  const [none, empty] = [Number.NaN, new Int32Array(0)];
  const report = classificationReport(confusionMatrix(empty, empty, numClasses));
  return {
    report: { ...report, accuracy: none, balancedAccuracy: none, macroF1: none, macroF1Present: none },
    interval: { value: none, low: none, high: none },
    loss: none,
  };
}

/** Macro F1 against posterior labels [M,K]. */
function scorePosterior(posterior: Float32Array, logits: Float32Array, numClasses: number, seed: number) {
  const { value, low, high } = posteriorMacroF1(posterior, argmax(logits, numClasses), numClasses, { seed });
  return { macroF1Posterior: value, macroF1PosteriorLow: low, macroF1PosteriorHigh: high };
}
