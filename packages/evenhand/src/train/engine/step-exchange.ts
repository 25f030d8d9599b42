import { distributed, keep, nn, noGrad, ops, scope, type Tensor, tensor } from '@evenhand/torch';

/**
 * What processes that train together exchange in a step, after which the state of all of them is the same: gradients, the loss,
 * the wish to stop, and the running statistics of BatchNorm.
 *
 * Each process normalizes with the statistics of its part of the batch, as in PyTorch's DistributedDataParallel. Running
 * statistics are averaged, so that they are those of all images.
 */
export class StepExchange {
  readonly #group: distributed.ProcessGroup;
  readonly #buckets: distributed.GradientBuckets;
  readonly #statistics: readonly Tensor[];
  /** Loss and stop, then the statistics: float32 [2 + S]. */
  readonly #values: Tensor;
  /** The statistics in `#values`, in their shapes. */
  readonly #views: readonly Tensor[];

  constructor(group: distributed.ProcessGroup, model: nn.Module) {
    this.#group = group;
    this.#buckets = new distributed.GradientBuckets(group, nn.parameters(model));
    this.#statistics = runningStatistics(model);
    const sizes = this.#statistics.map(({ shape }) => shape[0]!);
    const { device } = nn.parameters(model)[0]!;
    this.#values = keep(ops.zeros([2 + sizes.reduce((a, b) => a + b, 0)], { device }));
    let start = 2;
    this.#views = sizes.map((size) => {
      const view = keep(ops.narrow(this.#values, 0, start, size));
      start += size;
      return view;
    });
  }

  /** Makes the gradients zero. */
  zeroGradients(): void {
    this.#buckets.zero();
  }

  /** The next backward pass is the last before an update: gradients are summed as they become complete. */
  expectUpdate(): void {
    this.#buckets.arm();
  }

  /** Waits for the sums of the gradients. */
  finishGradients(): void {
    this.#buckets.finish();
  }

  /**
   * Averages the running statistics.
   *
   * @param loss the share of this process in the loss of the batch
   * @param stop whether this process wants to stop
   * @returns the loss of the batch, and the number of processes that want to stop: float32 [2]
   */
  share(loss: Tensor, stop: boolean): Tensor {
    return scope(() =>
      noGrad(() => {
        const { device } = this.#values;
        const own = ops.stack([ops.to(ops.detach(loss), { dtype: 'float32' }), tensor(stop ? 1 : 0, { device })]);
        ops.copy_(ops.narrow(this.#values, 0, 0, 2), own);
        copyAll(this.#views, this.#statistics, 1 / this.#group.worldSize);
        this.#group.allReduce(this.#values);
        copyAll(this.#statistics, this.#views, 1);
        // A copy, as the values are those of the next step before they are read.
        return ops.mulScalar(ops.narrow(this.#values, 0, 0, 2), 1);
      }),
    );
  }

  dispose(): void {
    this.#buckets.dispose();
    for (const value of [this.#values, ...this.#views]) value.dispose();
  }
}

/** Averages the running statistics of BatchNorm over the processes. */
export function averageStatistics(group: distributed.ProcessGroup | null, model: nn.Module): void {
  if (!group) return;
  noGrad(() => {
    for (const values of runningStatistics(model)) {
      group.allReduce(values);
      ops.mulScalar_(values, 1 / group.worldSize);
    }
  });
}

/** Those that training changes. */
const runningStatistics = (model: nn.Module): Tensor[] =>
  nn
    .modules(model)
    .filter((layer) => layer instanceof nn.BatchNorm2d && !layer.frozenStatistics)
    .flatMap((layer) => [(layer as nn.BatchNorm2d).runningMean, (layer as nn.BatchNorm2d).runningVar]);

function copyAll(targets: readonly Tensor[], sources: readonly Tensor[], factor: number): void {
  if (targets.length === 0) return;
  ops.foreachMulScalar_([...targets], 0);
  ops.foreachAdd_([...targets], [...sources], { alpha: factor });
}
