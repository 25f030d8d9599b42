import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { noGrad, openWeights, ops, readTensors, scope } from '@evenhand/torch';
import { argmax, fitDecision, softmax } from '../../metrics/index.js';
import type { ModelSpec } from '../../models/index.js';
import { predictionArrays, RunFolder } from '../../run/index.js';
import type { RunConfig } from '../config/fields.js';
import type { TrainEvent } from '../events.js';
import { environmentOf } from '../setup/environment.js';
import type { Prepared } from '../setup/prepare.js';
import type { TrainingContext } from './context.js';
import { takeLabels } from './earlier-labels.js';
import { averaged } from './ema.js';
import { endEpoch } from './epoch-end.js';
import { readPosition, type TrainingState } from './state.js';
import { type Phases, runPhases, type SharedByFolds, type Trained, trained, trainWhatIsLeft } from './training.js';
import { validate } from './validate.js';
import { estimateStatistics } from './weight-average.js';

/** The share of the labels in the targets of distillation; the rest is that of the held-out predictions. */
const LABEL_SHARE = 0.5;

interface FinalOptions {
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal: AbortSignal | undefined;
  readonly shared: SharedByFolds;
}

/**
 * Makes one network of a cross-validation in `final`, a run of its own, or continues that:
 * - `refit` is trained on all images for as many epochs as the folds, on the labels as the held-out predictions judge them;
 * - `distil` is trained on all images towards a mixture of the labels and the held-out predictions. Each image's prediction
 *   is that of the one network that has not seen it, because the others would teach what they have memorised;
 * - `soup` has the mean of the weights of the folds (Wortsman et al., arXiv 2203.05482), with its own BatchNorm statistics.
 *
 * @param cross the folder of the cross-validation, whose folds have ended
 * @param config that of the cross-validation
 * @param data all training images, and the validation images of the data, which may be none
 */
export async function trainFinal(
  cross: RunFolder,
  config: RunConfig,
  spec: ModelSpec,
  data: Prepared,
  options: FinalOptions,
): Promise<Trained> {
  const path = cross.final;
  const isNew = !existsSync(`${path}/config.json`);
  const folder = isNew ? RunFolder.create(path) : RunFolder.open(path);
  const unlock = folder.lock();
  try {
    folder.removeLeftovers();
    const position = readPosition(folder.last);
    if (position?.phase === 'done') {
      folder.writeEpochs(position.epochs);
      return { ...trained(position, false), wasFinished: true };
    }
    const finalConfig = configOfFinal(cross, config, data);
    if (!isNew) folder.writeConfig(finalConfig);
    const start = (): void => {
      folder.writeEnvironment(environmentOf(finalConfig, data));
      folder.writeModel({ ...spec });
      folder.writeConfig(finalConfig);
    };
    const phases = config.combine === 'soup' ? soup(cross) : config.combine === 'distil' ? distil(cross) : runPhases;
    return await trainWhatIsLeft(folder, finalConfig, spec, data, { ...options, phases, ...(isNew ? { start } : {}) });
  } finally {
    unlock();
  }
}

/** The configuration of a run that holds nothing out. */
function configOfFinal(cross: RunFolder, config: RunConfig, { val }: Prepared): RunConfig {
  const judged = config.labelNoise === 'off' || config.combine !== 'refit' ? 'off' : resolve(cross.path);
  return {
    ...config,
    folds: 0,
    fold: 0,
    valFraction: val.length > 0 ? 'auto' : 0,
    combine: 'ensemble',
    labelNoise: judged,
  };
}

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
  if (cross.readLabels().length > 0) takeLabels({ ...context, config: { ...config, labelNoise: cross.path } }, state);
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
    scope(() =>
      noGrad(() =>
        averageWeights(
          model,
          folds.map(({ best }) => best),
        ),
      ),
    );
    if (!(await estimateStatistics(context))) return false;
    const logits = await validate(context, state);
    if (!logits) return false;
    const last = folds.map((fold) => fold.readEpochs().at(-1)!);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    position.phase = config.epochs > 0 ? 'full' : 'head';
    position.epoch = (config.epochs || config.headEpochs) - 1;
    const seconds = (performance.now() - start) / 1000;
    endEpoch(context, state, logits, {
      size: context.preset.crop,
      trainLoss: mean(last.map(({ trainLoss }) => trainLoss)),
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
}
