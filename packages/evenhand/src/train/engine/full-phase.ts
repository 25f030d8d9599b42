import { autocast, keep, manualSeed, nn, noGrad, ops, optim, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Batch, Loader } from '../../data/index.js';
import { Random } from '../../random.js';
import { discriminativeGroups, remedyOf, sizeAt, TrainingError } from '../config/settings.js';
import { type Loss, makeLoss, type Targets } from '../objective/losses.js';
import { applyMix, drawMix } from '../objective/mix.js';
import { breathe, presetAt, toInput } from '../setup/backend.js';
import { type Extras, saveCheckpoint, under } from './checkpoint.js';
import { endEpoch, epochsWithoutGain } from './epoch-end.js';
import { classCounts, judgeLabels, targetsOf } from './label-noise.js';
import { predictLogits } from './predict-logits.js';
import { batchesOf, epochNumber, Meter, orderOf, type Session, trainingLoader } from './session.js';

/** Seconds between checkpoints inside an epoch. When they are written changes nothing in the result. */
const CHECKPOINT_SECONDS = 300;

/**
 * Phase 2: everything is trained, with discriminative learning rates, warm-up and cosine, until the last epoch or until
 * `patience` epochs have brought no better Macro F1.
 *
 * @returns false where it was interrupted; the checkpoint is that of the last step
 */
export async function fullPhase(session: Session): Promise<boolean> {
  const { config, model, device, position } = session;
  const { batches } = batchesOf(session);
  const updates = Math.ceil(batches / config.accumulate);
  const schedule = optim.cosine({
    totalSteps: config.epochs * updates,
    warmupSteps: Math.round(config.warmupEpochs * updates),
  });
  const optimizer = new optim.AdamW(discriminativeGroups(model, config));
  const baseRates = optimizer.groups.map(({ learningRate }) => learningRate);
  optimizer.loadStateDict(under('optimizer', session.restored));
  const ema = config.ema > 0 ? startAverages(session) : undefined;
  const extras: Extras = { optimizer, ...(ema ? { ema } : {}) };
  let loss = makeLoss(config, classCounts(session), device);
  let targets = targetsOf(session);
  const finalSize = presetAt(config).crop;
  let loader: Loader | undefined;
  let loaderSize = 0;
  try {
    while (position.epoch < config.epochs) {
      const size = sizeAt(config, finalSize, position.epoch);
      if (!loader || size !== loaderSize) {
        await loader?.close();
        loader = trainingLoader(session, size);
        loaderSize = size;
      }
      if (refreshesLabels(session)) {
        if (!(await judgeLabels(session, false))) {
          saveCheckpoint(session, extras);
          return false;
        }
        position.refreshed = true;
        targets.dispose();
        targets = targetsOf(session);
        loss = makeLoss(config, classCounts(session), device);
      }
      const order = orderOf(session, config.seed);
      const ran = await trainEpoch(session, { loader, size, order, optimizer, loss, targets, ema, extras }, (step) => {
        const factor = schedule(position.epoch * updates + Math.floor(step / config.accumulate));
        for (const [i, group] of optimizer.groups.entries()) group.learningRate = baseRates[i]! * factor;
      });
      if (!ran) return false;
      const factor = schedule((position.epoch + 1) * updates - 1);
      const swapBack = ema && swapIn(model, ema);
      let logits: Float32Array | null;
      try {
        logits = await validate(session);
        if (logits) {
          endEpoch(session, logits, {
            size,
            trainLoss: position.lossSum / batches,
            backboneRate: config.backboneRate * factor,
            headRate: config.headRate * factor,
            seconds: ran.seconds,
            imagesPerSecond: ran.imagesPerSecond,
          });
        }
      } finally {
        swapBack?.();
      }
      if (!logits) {
        saveCheckpoint(session, extras);
        return false;
      }
      if (config.patience > 0 && epochsWithoutGain(position.epochs, config.minGain) >= config.patience) {
        position.stoppedEarly = position.epoch < config.epochs;
        position.epoch = config.epochs;
      }
      saveCheckpoint(session, extras);
      session.folder.writeEpochs(position.epochs);
    }
  } finally {
    optimizer.dispose();
    targets.dispose();
    for (const average of ema?.values() ?? []) average.dispose();
    await loader?.close();
  }
  return true;
}

/**
 * Whether labels are to be judged anew, by the features of the network as it has become: once, when half of the epochs of
 * this phase are over, and only where wrong ones had been found.
 */
function refreshesLabels({ config, labels, position }: Session): boolean {
  if (labels.train === null || position.refreshed || position.step > 0) return false;
  return position.epoch >= 1 && position.epoch === Math.ceil(config.epochs / 2);
}

interface Epoch {
  readonly loader: Loader;
  readonly size: number;
  readonly order: Int32Array;
  readonly optimizer: optim.Optimizer;
  readonly loss: Loss;
  /** What to train towards, a row a training image. */
  readonly targets: Tensor;
  readonly ema: ReadonlyMap<string, Tensor> | undefined;
  readonly extras: Extras;
}

async function trainEpoch(
  session: Session,
  { loader, size, order, optimizer, loss, targets: all, ema, extras }: Epoch,
  setRates: (step: number) => void,
): Promise<{ seconds: number; imagesPerSecond: number } | null> {
  const { config, model, device, position, interrupted } = session;
  const { batches, dropLast } = batchesOf(session);
  const { accumulate, batchSize } = config;
  const epoch = epochNumber(session);
  const preset = presetAt(config, size);
  const total = dropLast ? batches * batchSize : order.length;
  const before = Math.min(position.step * batchSize, total);
  const meter = new Meter(session, 'full', total, before);
  const secondsBefore = position.seconds;
  const parameters = nn.parameters(model);
  let saved = performance.now();
  nn.setTraining(model, true);
  optimizer.zeroGrad();
  for await (const batch of loader.batches(order, { epoch, startBatch: position.step, dropLast })) {
    const step = position.step;
    // the last group of batches may be shorter
    const group = Math.min(accumulate, batches - (step - (step % accumulate)));
    const updates = (step + 1) % accumulate === 0 || step + 1 === batches;
    setRates(step);
    manualSeed(new Random(config.seed, epoch, step, 1).uint32());
    const value = scope(() => {
      const images = toInput(batch, preset, device);
      const { mixed, targets } = mix(session, images, batch, all, step);
      const compute = () => loss(model.forward(mixed), targets);
      const value = config.autocast ? autocast({ device }, compute) : compute();
      ops.divScalar(value, group).backward();
      return value.item();
    });
    if (!Number.isFinite(value)) throw divergence(session, value);
    if (updates) {
      if (config.clipNorm > 0) optim.clipGradNorm(parameters, config.clipNorm);
      optimizer.step();
      optimizer.zeroGrad();
      if (ema) updateAverages(model, ema, config.ema);
    }
    position.lossSum += value;
    position.step = step + 1;
    position.seconds = secondsBefore + meter.seconds;
    meter.tell(Math.min(position.step * batchSize, total), {
      loss: position.lossSum / position.step,
      learningRate: optimizer.groups.at(-1)!.learningRate,
    });
    await breathe();
    // half-summed gradients are not saved, so only after an update
    if (updates && (interrupted() || performance.now() - saved > CHECKPOINT_SECONDS * 1000)) {
      saveCheckpoint(session, extras);
      saved = performance.now();
      if (interrupted()) return null;
    }
  }
  return { seconds: position.seconds, imagesPerSecond: (total - before) / meter.seconds };
}

function mix(
  { config, position }: Session,
  images: Tensor,
  { indices }: Batch,
  all: Tensor,
  step: number,
): { mixed: Tensor; targets: Targets } {
  const rows = tensor(indices, [indices.length], { dtype: 'int64', device: images.device });
  const classes = ops.indexSelect(all, 0, rows);
  const random = new Random(config.seed, config.headEpochs + position.epoch, step, 0);
  const plan = drawMix(config, random, indices.length, images.shape[2]!);
  if (!plan) return { mixed: images, targets: { a: classes, lambda: 1 } };
  const { images: mixed, targets } = applyMix(images, classes, plan);
  return { mixed, targets };
}

function validate(session: Session): Promise<Float32Array | null> {
  const { config, data, model, device, validation, interrupted } = session;
  const meter = new Meter(session, 'validate', data.val.length);
  return predictLogits(model, validation, presetAt(config), data.val.length, data.classes.length, device, (done) => {
    meter.tell(done);
    return !interrupted();
  });
}

function divergence({ position }: Session, value: number): TrainingError {
  return new TrainingError(
    `the loss is ${value} in epoch ${position.epoch + 1}, step ${position.step + 1}: ${remedyOf('full')}; ` +
      'the best checkpoint so far is kept',
  );
}

/** Averages of all floating-point parameters, from the checkpoint or equal to the parameters. */
function startAverages({ model, restored }: Session): Map<string, Tensor> {
  const saved = under('ema', restored);
  const startOf = (key: string, parameter: Tensor) =>
    scope(() => noGrad(() => ops.copy_(ops.emptyLike(parameter), saved.get(key) ?? parameter)));
  return new Map(
    [...nn.namedParameters(model)].map(([key, parameter]) => [key, keep(startOf(key, parameter))] as const),
  );
}

function updateAverages(model: nn.Module, ema: ReadonlyMap<string, Tensor>, decay: number): void {
  scope(() =>
    noGrad(() => {
      const averages = [...ema.values()];
      ops.foreachMulScalar_(averages, decay);
      ops.foreachAdd_(averages, [...nn.namedParameters(model).values()], { alpha: 1 - decay });
    }),
  );
}

/** Puts the averages in the parameters' place; the function it returns puts the parameters back. No value is copied. */
function swapIn(model: nn.Module, ema: ReadonlyMap<string, Tensor>): () => void {
  const own = [...nn.namedParameters(model)].map(([key, parameter]) => {
    const original = keep(ops.detach(parameter));
    parameter.setData(ema.get(key)!);
    return { parameter, original };
  });
  return () => {
    for (const { parameter, original } of own) {
      parameter.setData(original);
      original.dispose();
    }
  };
}
