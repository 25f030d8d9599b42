import { nn, noGrad, ops, scope, type Tensor } from '@evenhand/torch';
import { yieldToEventLoop } from '../setup/device.js';
import { ToInput } from '../setup/model.js';
import type { TrainingContext } from './context.js';
import { averaged, copyOfWeights, setWeights, withWeights } from './ema.js';
import { anyOf } from './group.js';
import { evaluationLoader } from './loaders.js';
import { averageStatistics } from './step-exchange.js';

/**
 * The mean of the weights after each of the last epochs, evaluated beside those of the last: stochastic weight averaging
 * (Izmailov et al., arXiv 1803.05407) at the low learning rates at the end of a cosine.
 */
export class WeightAverage {
  /** By the keys of the model; empty before the first epoch is taken in. */
  #means = new Map<string, Tensor>();
  #count = 0;

  constructor(private readonly model: nn.Module) {}

  /** The number of epochs in the mean. */
  get count(): number {
    return this.#count;
  }

  /** Takes in the weights as they are. */
  add(): void {
    this.#count++;
    if (this.#count === 1) {
      this.#means = copyOfWeights(this.model);
      return;
    }
    scope(() =>
      noGrad(() => {
        const means = [...this.#means.values()];
        ops.foreachMulScalar_(means, 1 - 1 / this.#count);
        ops.foreachAdd_(means, [...averaged(this.model).values()], { alpha: 1 / this.#count });
      }),
    );
  }

  /** Runs `action` with the means in the place of the weights. */
  evaluate<T>(action: () => Promise<T>): Promise<T> {
    return withWeights(this.model, this.#means, action);
  }

  /** Copies the means to the model. */
  apply(): void {
    setWeights(this.model, this.#means);
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return this.#means;
  }

  /** Takes over saved means of `count` epochs. */
  loadStateDict(tensors: ReadonlyMap<string, Tensor>, count: number): void {
    if (count === 0) return;
    this.#means = copyOfWeights(this.model);
    this.#count = count;
    noGrad(() => {
      for (const [key, mean] of this.#means) ops.copy_(mean, tensors.get(key)!);
    });
  }

  dispose(): void {
    for (const mean of this.#means.values()) mean.dispose();
  }
}

/**
 * Computes the statistics of BatchNorm anew, as the mean over batches of the training images without augmentation: those of
 * averaged weights are not the average of their statistics.
 *
 * @returns false if it was interrupted
 */
export async function estimateStatistics(context: TrainingContext): Promise<boolean> {
  const { config, data, model, preset, device, cache, isInterrupted, group } = context;
  const layers = nn.modules(model).filter((layer) => layer instanceof nn.BatchNorm2d);
  if (layers.length === 0) return true;
  const momenta = layers.map(({ momentum }) => momentum);
  const loader = evaluationLoader(config, preset, data.train, device, cache, group);
  const toInput = new ToInput(preset, device);
  nn.setTraining(model, false);
  let batches = 0;
  let interrupted = false;
  try {
    for await (const batch of loader.batches()) {
      batches++;
      for (const layer of layers) Object.assign(layer, { training: true, momentum: 1 / batches });
      scope(() => noGrad(() => void model.forwardFeatures(toInput.of(batch))));
      interrupted = isInterrupted();
      if (interrupted) break;
      await yieldToEventLoop();
    }
    interrupted = anyOf(group, interrupted);
    averageStatistics(group, model);
  } finally {
    for (const [i, layer] of layers.entries()) Object.assign(layer, { training: false, momentum: momenta[i]! });
    toInput.dispose();
    await loader.close();
  }
  return !interrupted;
}
