import { nn, saveTensors } from '@evenhand/torch';
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
import { remedyOf, TrainingError } from '../config/settings.js';
import type { Session } from './session.js';

/** Scores of logits [N,K] against the truth, all from one confusion matrix. */
export interface Scores {
  readonly report: ClassificationReport;
  /** Of Macro F1 over all classes. */
  readonly interval: Interval;
  /** Mean negative log-likelihood, without smoothing or weights. */
  readonly loss: number;
}

export function score(logits: Float32Array, truth: Int32Array, numClasses: number, seed: number): Scores {
  const predicted = argmax(logits, numClasses);
  return {
    report: classificationReport(confusionMatrix(truth, predicted, numClasses)),
    interval: macroF1Interval(truth, predicted, numClasses, { average: 'all', seed }),
    loss: negativeLogLikelihood(logits, truth, numClasses),
  };
}

/** What training knows of the epoch that ends. */
export interface EpochFacts {
  readonly size: number;
  readonly trainLoss: number;
  readonly backboneRate: number;
  readonly headRate: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

/**
 * How many epochs of the full phase there are since the last whose chosen score was better than all before by more than
 * `minGain`. An epoch that gains less counts as none, but what several gain adds up.
 */
export function epochsWithoutGain(
  epochs: readonly Pick<EpochMetrics, 'phase' | 'macroF1' | 'macroF1Posterior'>[],
  minGain: number,
): number {
  let reached = Number.NEGATIVE_INFINITY;
  let count = 0;
  for (const epoch of epochs) {
    const reaches = chosenScore(epoch);
    if (reaches > reached + minGain) {
      reached = reaches;
      count = 0;
    } else if (epoch.phase === 'full') count++;
  }
  return count;
}

/**
 * Scores the epoch, and where it is the best so far, or the last is kept, writes its weights and predictions. The model's
 * tensors must be those that gave the logits. The caller saves the checkpoint after, so that a kill in between repeats
 * the epoch.
 *
 * @throws TrainingError, and nothing is written, where logits are not finite
 */
export function endEpoch(session: Session, logits: Float32Array, facts: EpochFacts): EpochMetrics {
  const { config, data, labels, position, folder, model, onEvent } = session;
  const phase = position.phase === 'head' ? 'head' : 'full';
  if (!logits.every(Number.isFinite)) {
    const where = `${phase} epoch ${position.epoch + 1}`;
    throw new TrainingError(
      `after ${where} the model's logits are not finite: ${remedyOf(phase)}; the best checkpoint before is kept`,
    );
  }
  const truth = Int32Array.from(data.val, ({ label }) => label);
  const { report, interval, loss } = score(logits, truth, data.classes.length, config.seed);
  const against =
    labels.val &&
    posteriorMacroF1(labels.val, argmax(logits, data.classes.length), data.classes.length, { seed: config.seed });
  const posterior = against
    ? { macroF1Posterior: against.value, macroF1PosteriorLow: against.low, macroF1PosteriorHigh: against.high }
    : {};
  const before = position.epochs.findLast((each) => each.best);
  const reached = chosenScore({ macroF1: report.macroF1, ...posterior });
  const gain = reached - (before ? chosenScore(before) : Number.NEGATIVE_INFINITY);
  const best = config.keep === 'last' || gain > 0 || (gain === 0 && loss < before!.valLoss);
  const metrics: EpochMetrics = {
    phase,
    epoch: position.epoch + 1,
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
    best,
  };
  if (best) {
    saveTensors(folder.best, nn.stateDict(model));
    const classes = data.classes.length;
    const pathOf = pathsRelativeTo(config.data);
    folder.writePredictions(
      data.val.map(({ file, label }, i) => ({
        file: pathOf(file),
        label: data.classes[label]!,
        logits: Array.from(logits.subarray(i * classes, (i + 1) * classes)),
      })),
    );
  }
  position.epochs.push(metrics);
  position.epoch++;
  position.step = 0;
  position.lossSum = 0;
  position.seconds = 0;
  onEvent({ type: 'epoch', metrics });
  return metrics;
}
