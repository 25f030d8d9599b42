import { CudaGraphs, keep, type nn, noGrad, ops, type optim, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Loss } from '../objective/losses.js';
import type { Targets } from '../objective/targets.js';
import { type HalfType, inHalf } from '../setup/device.js';
import type { StepExchange } from './step-exchange.js';
import { type LossScale, update } from './update.js';

/** Steps before the first that is captured. PyTorch's examples have three. */
const WARM_UP = 3;

/** A batch on the device. */
export interface MixedBatch {
  /** float32 [N,3,H,W] */
  readonly images: Tensor;
  readonly targets: Targets;
}

export interface StepInputs {
  readonly model: nn.Module;
  readonly parameters: readonly Tensor[];
  readonly loss: Loss;
  readonly optimizer: optim.Optimizer;
  readonly device: string;
  readonly half: HalfType;
  /** Maximum norm of the gradients; 0 for none. */
  readonly clipNorm: number;
  /** Whether to run steps as CUDA graphs. Then every step is an update, without a loss scale. */
  readonly cudaGraph: boolean;
  /** With other processes; null for a training in one. */
  readonly exchange: StepExchange | null;
}

/** What differs between the steps of gradient accumulation. */
export interface StepPlace {
  /** Batches whose gradients make one update. */
  readonly groupSize: number;
  readonly isUpdate: boolean;
  readonly lossScale?: LossScale | undefined;
  /** The share of this process's images in the loss of the batch: 1 for one process. */
  readonly share: number;
  /** Whether the user has asked this process to stop. */
  readonly stop: boolean;
}

/**
 * A training step: loss, gradients and, if the step is an update, clipping and optimizer.
 *
 * As a CUDA graph it reads its batch from tensors of its own. Batches of another shape than the first run as they are, as
 * do the first few, with the same result.
 */
export class TrainingStep {
  readonly #graphs: CudaGraphs | null;
  #buffers: { images: Tensor; a: Tensor; b: Tensor; shares: Tensor } | null = null;
  #shape = '';
  #warmUps = 0;

  constructor(private readonly inputs: StepInputs) {
    this.#graphs = inputs.cudaGraph ? new CudaGraphs(inputs.device) : null;
  }

  /** Makes the gradients zero. */
  zeroGrad(): void {
    const { exchange, optimizer } = this.inputs;
    if (exchange) exchange.zeroGradients();
    else optimizer.zeroGrad();
  }

  /**
   * Runs the step. Returns the loss, with other processes how many of them want to stop, and after an update the norm of
   * the gradients before clipping: float32 [1] to [3]. Loss and norm are those of the whole batch.
   */
  run(batch: MixedBatch, place: StepPlace): Tensor {
    const graphs = this.#graphs;
    if (!graphs) return this.#compute(batch, place);
    const shape = batch.images.shape.join();
    this.#shape ||= shape;
    if (shape !== this.#shape) return this.#compute(batch, place);
    if (this.#warmUps++ < WARM_UP) return graphs.warmUp(() => this.#compute(batch, place));

    const { optimizer } = this.inputs;
    optimizer.countStep();
    const input = this.#fill(batch);
    return graphs.run(input.targets.b ? 'mixed' : 'plain', () =>
      this.#compute(input, place, () => optimizer.applyStep()),
    );
  }

  /** Frees the graphs and their buffers. */
  dispose(): void {
    this.#graphs?.dispose();
    for (const buffer of Object.values(this.#buffers ?? {})) buffer.dispose();
    this.#buffers = null;
  }

  #compute({ images, targets }: MixedBatch, place: StepPlace, step?: () => void): Tensor {
    const { model, parameters, loss, optimizer, device, half, clipNorm, exchange } = this.inputs;
    const { groupSize, isUpdate, lossScale, share, stop } = place;
    return scope(() => {
      const own = inHalf(half, device, () => loss(model.forward(images), targets));
      const batchLoss = exchange ? ops.mulScalar(own, share) : own;
      if (exchange && isUpdate) exchange.expectUpdate();
      ops.mulScalar(ops.divScalar(batchLoss, groupSize), lossScale?.factor ?? 1).backward();
      if (exchange && isUpdate) exchange.finishGradients();
      const shared = exchange?.share(batchLoss, stop);
      const actions = { ...(step ? { step } : {}), zeroGrad: () => this.zeroGrad() };
      const norm = isUpdate ? update(parameters, optimizer, clipNorm, lossScale, actions) : null;
      if (shared) return norm ? ops.cat([shared, ops.unsqueeze(norm, 0)], 0) : shared;
      return ops.stack(norm ? [ops.detach(batchLoss), norm] : [ops.detach(batchLoss)]);
    });
  }

  /** The batch in the tensors that the graph reads. */
  #fill({ images, targets: { a, b, lambda } }: MixedBatch): MixedBatch {
    this.#buffers ??= {
      images: keep(ops.emptyLike(images)),
      a: keep(ops.emptyLike(a)),
      b: keep(ops.emptyLike(a)),
      shares: keep(ops.zeros([2], { device: this.inputs.device })),
    };
    const buffers = this.#buffers;
    noGrad(() => {
      ops.copy_(buffers.images, images);
      ops.copy_(buffers.a, a);
      if (!b) return;
      ops.copy_(buffers.b, b);
      ops.copy_(buffers.shares, tensor([lambda, 1 - lambda], { device: this.inputs.device }));
    });
    if (!b) return { images: buffers.images, targets: { a: buffers.a, lambda: 1 } };
    const shares = [ops.select(buffers.shares, 0, 0), ops.select(buffers.shares, 0, 1)] as const;
    return { images: buffers.images, targets: { a: buffers.a, b: buffers.b, lambda, shares } };
  }
}
