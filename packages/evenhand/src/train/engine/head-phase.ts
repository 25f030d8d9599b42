import { manualSeed, nn, noGrad, ops, optim, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Loader, PassOptions } from '../../data/index.js';
import { headParameters } from '../../models/index.js';
import { Random } from '../../random.js';
import { decayGroups, remedyOf, TrainingError } from '../config/settings.js';
import { makeLoss } from '../objective/losses.js';
import { breathe, presetAt } from '../setup/backend.js';
import { saveCheckpoint, under } from './checkpoint.js';
import { endEpoch } from './epoch-end.js';
import { extractFeatures } from './features.js';
import { classCounts, targetsOf } from './label-noise.js';
import { batchesOf, epochNumber, evaluationLoader, Meter, orderOf, type Session, trainingLoader } from './session.js';

/**
 * Phase 1: the backbone is frozen, its BatchNorm statistics too, and only the head is trained, at a rate that falls by a
 * cosine. Nothing before the head changes, so its features are computed once and the head is trained on them `headPasses`
 * times. The first epoch takes the images as they are, as predictions will; each later one adds a new augmented view of
 * each beside them. MixUp and CutMix mix images, and have no part in it.
 *
 * @returns false where it was interrupted; the checkpoint is that of the last epoch that ended
 */
export async function headPhase(session: Session): Promise<boolean> {
  const { config, data, model, device, position } = session;
  // Killed between the phases, there is nothing left to do, and no features are worth their time.
  if (position.epoch >= config.headEpochs) return true;
  const count = data.train.length;
  nn.setTraining(model, false);
  const optimizer = new optim.AdamW(decayGroups(headParameters(model), config.headPhaseRate, config.weightDecay));
  optimizer.loadStateDict(under('optimizer', session.restored));
  const loss = makeLoss(config, classCounts(session), device);
  const targets = targetsOf(session);
  const { crop: size } = presetAt(config);
  const [plain, training] = [evaluationLoader(config, data.train), trainingLoader(session, size)];
  const kept: Tensor[] = [];
  try {
    const validation = await features(session, session.validation, data.val.length);
    if (!validation) return false;
    kept.push(validation);
    const begin = performance.now();
    const asTheyAre = await features(session, plain, count);
    if (!asTheyAre) return false;
    kept.push(asTheyAre);
    const secondsAsTheyAre = (performance.now() - begin) / 1000;
    while (position.epoch < config.headEpochs) {
      const first = position.epoch === 0;
      const meter = new Meter(session, 'features', count);
      const view = first ? null : await features(session, training, count, { epoch: epochNumber(session) });
      if (!first && !view) return false;
      const viewSeconds = first ? secondsAsTheyAre : meter.seconds;
      const views = view ? [asTheyAre, view] : [asTheyAre];
      const trained = await trainHead(session, optimizer, views, (logits, rows) =>
        loss(logits, { a: ops.indexSelect(targets, 0, rows), lambda: 1 }),
      ).finally(() => view?.dispose());
      const logits = scope(() => noGrad(() => model.classifier.forward(validation).toArray() as Float32Array));
      endEpoch(session, logits, {
        size,
        trainLoss: trained.loss,
        backboneRate: 0,
        headRate: trained.rate,
        seconds: meter.seconds + (first ? secondsAsTheyAre : 0),
        imagesPerSecond: count / viewSeconds,
      });
      saveCheckpoint(session, { optimizer });
      session.folder.writeEpochs(position.epochs);
    }
  } finally {
    for (const each of kept) each.dispose();
    targets.dispose();
    optimizer.dispose();
    await plain.close();
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

/** Trains the head on the features [N,F] of each view, `headPasses` times over; returns the mean loss and the last rate. */
async function trainHead(
  session: Session,
  optimizer: optim.Optimizer,
  views: readonly Tensor[],
  loss: (logits: Tensor, rows: Tensor) => Tensor,
): Promise<{ loss: number; rate: number }> {
  const { config, data, model, device, position } = session;
  const { batchSize, headPasses, headPhaseRate, seed } = config;
  const count = data.train.length;
  const { batches } = batchesOf(session);
  const epoch = epochNumber(session);
  const passes = views.length * headPasses;
  // The first epoch has one view, each other two.
  const stepsOf = (epochs: number): number => Math.max(0, 2 * epochs - 1) * headPasses * batches;
  const schedule = optim.cosine({ totalSteps: stepsOf(config.headEpochs) });
  const stepsBefore = stepsOf(position.epoch);
  const meter = new Meter(session, 'head', passes * count);
  let [sum, rate] = [0, headPhaseRate];
  nn.setTraining(model.classifier, true);
  for (let pass = 0; pass < passes; pass++) {
    const order = orderOf(session, new Random(seed, epoch, pass).uint32());
    for (let batch = 0; batch < batches; batch++) {
      manualSeed(new Random(seed, epoch, pass, batch).uint32());
      rate = headPhaseRate * schedule(stepsBefore + pass * batches + batch);
      for (const group of optimizer.groups) group.learningRate = rate;
      const rows = order.subarray(batch * batchSize, (batch + 1) * batchSize);
      // Views take turns within a batch, and begin in turn from pass to pass.
      const rowsOfView = views.map((_, v) => rows.filter((_, i) => (i + pass) % views.length === v));
      sum += scope(() => {
        optimizer.zeroGrad();
        const index = (some: Int32Array) => tensor(some, [some.length], { dtype: 'int64', device });
        const indices = rowsOfView.map(index);
        const inputs = views.map((view, v) => ops.indexSelect(view, 0, indices[v]!));
        const value = loss(model.classifier.forward(ops.cat(inputs, 0)), ops.cat(indices, 0));
        value.backward();
        optimizer.step();
        return value.item();
      });
    }
    meter.tell((pass + 1) * count, { loss: sum / ((pass + 1) * batches), learningRate: rate });
    await breathe();
  }
  nn.setTraining(model.classifier, false);
  optimizer.zeroGrad();
  const mean = sum / (passes * batches);
  if (!Number.isFinite(mean))
    throw new TrainingError(`the loss of head epoch ${position.epoch + 1} is ${mean}: ${remedyOf('head')}`);
  return { loss: mean, rate };
}
