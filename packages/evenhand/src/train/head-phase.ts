import { manualSeed, nn, noGrad, ops, optim, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Loader, PassOptions } from '../data/index.js';
import { headParameters } from '../models/index.js';
import { Random } from '../random.js';
import { breathe, presetAt } from './backend.js';
import { saveCheckpoint, under } from './checkpoint.js';
import { endEpoch } from './epoch-end.js';
import { extractFeatures } from './features.js';
import { classCounts, targetsOf } from './label-noise.js';
import { makeLoss } from './losses.js';
import { batchesOf, epochNumber, Meter, orderOf, type Session, trainingLoader } from './session.js';
import { decayGroups, remedyOf, TrainingError } from './settings.js';

/**
 * Phase 1: the backbone is frozen, its BatchNorm statistics too, and only the head is trained. Nothing before the head
 * changes, so each epoch runs the backbone once over a new augmented view of each picture and trains the head on these
 * features `headPasses` times. MixUp and CutMix mix pictures, and have no part in it.
 *
 * @returns false where it was interrupted; the checkpoint is that of the last epoch that ended
 */
export async function headPhase(session: Session): Promise<boolean> {
  const { config, data, model, device, position } = session;
  nn.setTraining(model, false);
  const optimizer = new optim.AdamW(decayGroups(headParameters(model), config.headPhaseRate, config.weightDecay));
  optimizer.loadStateDict(under('optimizer', session.restored));
  const loss = makeLoss(config, classCounts(session), device);
  const targets = targetsOf(session);
  const { crop: size } = presetAt(config);
  const training = trainingLoader(session, size);
  let validation: Tensor | null = null;
  try {
    validation = await features(session, session.validation, data.val.length);
    if (!validation) return false;
    while (position.epoch < config.headEpochs) {
      const meter = new Meter(session, 'features', data.train.length);
      const view = await features(session, training, data.train.length, { epoch: epochNumber(session) });
      if (!view) return false;
      const imagesPerSecond = data.train.length / meter.seconds;
      const trainLoss = await trainHead(session, optimizer, view, (logits, rows) =>
        loss(logits, { a: ops.indexSelect(targets, 0, rows), lambda: 1 }),
      ).finally(() => view.dispose());
      const logits = scope(() => noGrad(() => model.classifier.forward(validation!).toArray() as Float32Array));
      endEpoch(session, logits, {
        size,
        trainLoss,
        backboneRate: 0,
        headRate: config.headPhaseRate,
        seconds: meter.seconds,
        imagesPerSecond,
      });
      saveCheckpoint(session, { optimizer });
      session.folder.writeEpochs(position.epochs);
    }
  } finally {
    validation?.dispose();
    targets.dispose();
    optimizer.dispose();
    await training.close();
  }
  return true;
}

/** The backbone's features [count,F] of a pass of `loader`, rows in the order of its samples; null if interrupted. */
function features(session: Session, loader: Loader, count: number, pass: PassOptions = {}): Promise<Tensor | null> {
  const { config, model, device, interrupted } = session;
  const meter = new Meter(session, 'features', count);
  const onBatch = (done: number): boolean => {
    meter.tell(done);
    return !interrupted();
  };
  return extractFeatures({ model, loader, preset: presetAt(config), device, count, pass, onBatch });
}

/** Trains the head on one view's features, `headPasses` times over; returns the mean loss. */
async function trainHead(
  session: Session,
  optimizer: optim.Optimizer,
  view: Tensor,
  loss: (logits: Tensor, rows: Tensor) => Tensor,
): Promise<number> {
  const { config, data, model, device } = session;
  const { batchSize, headPasses, seed } = config;
  const count = data.train.length;
  const { batches } = batchesOf(session);
  const epoch = epochNumber(session);
  const meter = new Meter(session, 'head', headPasses * count);
  let sum = 0;
  nn.setTraining(model.classifier, true);
  for (let pass = 0; pass < headPasses; pass++) {
    const order = orderOf(session, new Random(seed, epoch, pass).uint32());
    for (let batch = 0; batch < batches; batch++) {
      manualSeed(new Random(seed, epoch, pass, batch).uint32());
      const rows = order.subarray(batch * batchSize, (batch + 1) * batchSize);
      sum += scope(() => {
        optimizer.zeroGrad();
        const index = tensor(rows, [rows.length], { dtype: 'int64', device });
        const value = loss(model.classifier.forward(ops.indexSelect(view, 0, index)), index);
        value.backward();
        optimizer.step();
        return value.item();
      });
    }
    meter.tell((pass + 1) * count, { loss: sum / ((pass + 1) * batches), learningRate: config.headPhaseRate });
    await breathe();
  }
  nn.setTraining(model.classifier, false);
  optimizer.zeroGrad();
  const mean = sum / (headPasses * batches);
  if (!Number.isFinite(mean))
    throw new TrainingError(`the loss of head epoch ${session.position.epoch + 1} is ${mean}: ${remedyOf('head')}`);
  return mean;
}
