import { noGrad, openWeights, ops, readTensors, scope } from '@evenhand/torch';
import { argmax, fitDecision, meanAndDeviation, softmax } from '../../metrics/index.js';
import { predictionArrays, type RunFolder } from '../../run/index.js';
import type { RunConfig } from '../config/fields.js';
import type { Prepared } from '../setup/prepare.js';
import type { TrainingContext } from './context.js';
import { takeLabels } from './earlier-labels.js';
import { averaged } from './ema.js';
import { endEpoch } from './epoch-end.js';
import type { TrainingState } from './state.js';
import { type Phases, runPhases } from './training.js';
import { validate } from './validate.js';
import { estimateStatistics } from './weight-average.js';

/** The share of the labels in the targets of distillation; the rest is that of the held-out predictions. */
const LABEL_SHARE = 0.5;

/**
 * The phases that make one network of a cross-validation, in the run folder `final` and after all folds:
 * - `refit` trains on all images for as many epochs as the folds, on the labels as the held-out predictions judge them;
 * - `distil` trains on all images towards a mixture of the labels and the held-out predictions. Each image's prediction is
 *   that of the one network that has not seen it, because the others would teach what they have memorized;
 * - `soup` takes the mean of the weights of the folds (Wortsman et al., arXiv 2203.05482), with its own BatchNorm statistics.
 */
export function phasesOfFinal(cross: RunFolder, combine: 'refit' | 'distil' | 'soup'): Phases {
  return { refit, distil, soup }[combine](cross);
}

/** The configuration of a run on all training images: it holds nothing out, and its labels are judged already. */
export function configOfFinal(config: RunConfig, { val }: Prepared): RunConfig {
  const valFraction = val.length > 0 ? 'auto' : 0;
  return { ...config, folds: 0, fold: 0, valFraction, combine: 'ensemble', labelNoise: 'off' };
}

const refit =
  (cross: RunFolder): Phases =>
  (context, state) => {
    if (state.labels === null && cross.readLabels().length > 0) takeLabels(context, state, cross);
    return runPhases(context, state);
  };

/** Trains towards a mixture of labels and held-out predictions, whose temperature makes them probabilities. */
const distil =
  (cross: RunFolder): Phases =>
  (context, state) => {
    state.labels ??= { train: distilledTargets(cross, context, state), val: null };
    return runPhases(context, state);
  };

function distilledTargets(cross: RunFolder, context: TrainingContext, state: TrainingState): Float32Array {
  const { data, config } = context;
  const { classes, train } = data;
  const numClasses = classes.length;
  const { truth, logits } = predictionArrays(cross.readPredictions(), classes);
  if (cross.readLabels().length > 0) takeLabels(context, state, cross);
  const posterior = state.labels?.train;
  const likely = posterior ? argmax(posterior, numClasses) : truth;
  const { temperature } = fitDecision(logits, likely, numClasses, config.seed).rule;
  const predicted = softmax(
    logits.map((logit) => logit / temperature),
    numClasses,
  );
  const targets = new Float32Array(predicted.length);
  for (let i = 0; i < train.length; i++) {
    for (let at = i * numClasses; at < (i + 1) * numClasses; at++) {
      const label = posterior ? posterior[at]! : at - i * numClasses === truth[i] ? 1 : 0;
      targets[at] = LABEL_SHARE * label + (1 - LABEL_SHARE) * predicted[at]!;
    }
  }
  return targets;
}

/** Averages the weights of the folds. There is nothing to resume: it takes one pass over the images. */
const soup =
  (cross: RunFolder): Phases =>
  async (context, state) => {
    const { config, model, folder, data } = context;
    const { position } = state;
    const start = performance.now();
    const folds = cross.folds();
    averageWeights(
      model,
      folds.map(({ best }) => best),
    );
    if (!(await estimateStatistics(context))) return false;
    const logits = await validate(context, state);
    if (!logits) return false;
    const lastLosses = folds.map((fold) => fold.readEpochs().at(-1)!.trainLoss);
    position.phase = config.epochs > 0 ? 'full' : 'head';
    position.epoch = (config.epochs || config.headEpochs) - 1;
    const seconds = (performance.now() - start) / 1000;
    endEpoch(context, state, logits, {
      size: context.preset.crop,
      trainLoss: meanAndDeviation(lastLosses).mean,
      backboneRate: 0,
      headRate: 0,
      seconds,
      imagesPerSecond: data.train.length / seconds,
    });
    position.phase = 'done';
    state.save(folder.last, model);
    folder.writeEpochs(position.epochs);
    return true;
  };

/** Sets the weights of a model to the mean of those in files. */
function averageWeights(model: TrainingContext['model'], files: readonly string[]): void {
  noGrad(() => {
    const weights = averaged(model);
    for (const value of weights.values()) ops.zero_(value);
    for (const file of files) {
      const checkpoint = openWeights(file);
      try {
        scope(() => {
          const tensors = readTensors(checkpoint);
          for (const [key, value] of weights) {
            ops.add_(value, ops.to(tensors.get(key)!, { device: value.device }), { alpha: 1 / files.length });
          }
        });
      } finally {
        checkpoint.close();
      }
    }
  });
}
