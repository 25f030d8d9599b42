import { keep, nn, noGrad, ops, scope, type Tensor } from '@evenhand/torch';

/**
 * Exponential moving averages of the parameters and of the BatchNorm statistics of a model, evaluated in their place.
 *
 * The decay warms up: update t uses min(decay, (1 + t) / (10 + t)), so that the averages do not remember the initial
 * weights for long (TensorFlow's `ExponentialMovingAverage` with `num_updates`). Counters are not averaged.
 */
export class Ema {
  /** By the keys of the model. */
  readonly #averages: Map<string, Tensor>;

  /** @param decay share of the old average that each update keeps in the end, in [0, 1) */
  constructor(
    private readonly model: nn.Module,
    private readonly decay: number,
  ) {
    this.#averages = copyOfWeights(model);
  }

  /** Takes in the weights after update number `update` of the training, counted from 0. */
  update(update: number): void {
    const decay = Math.min(this.decay, (1 + update) / (10 + update));
    scope(() =>
      noGrad(() => {
        const averages = [...this.#averages.values()];
        ops.foreachMulScalar_(averages, decay);
        ops.foreachAdd_(averages, [...averaged(this.model).values()], { alpha: 1 - decay });
      }),
    );
  }

  /** Runs `action` with the averages in the place of the weights. */
  evaluate<T>(action: () => Promise<T>): Promise<T> {
    return withWeights(this.model, this.#averages, action);
  }

  /** Copies the averages to the model. */
  apply(): void {
    setWeights(this.model, this.#averages);
  }

  /** The averages themselves, not copies. */
  stateDict(): ReadonlyMap<string, Tensor> {
    return this.#averages;
  }

  /** Takes over saved averages. Those that are missing, as statistics in a checkpoint of version 0.1, stay as they are. */
  loadStateDict(tensors: ReadonlyMap<string, Tensor>): void {
    noGrad(() => {
      for (const [key, average] of this.#averages) {
        const saved = tensors.get(key);
        if (saved) ops.copy_(average, saved);
      }
    });
  }

  dispose(): void {
    for (const average of this.#averages.values()) average.dispose();
  }
}

/** Runs `action` with other values in the place of parameters and statistics. No value is copied. */
export async function withWeights<T>(
  model: nn.Module,
  weights: ReadonlyMap<string, Tensor>,
  action: () => Promise<T>,
): Promise<T> {
  const swapped = [...averaged(model)].map(([key, value]) => {
    const original = keep(ops.detach(value));
    value.setData(weights.get(key)!);
    return { value, original };
  });
  try {
    return await action();
  } finally {
    for (const { value, original } of swapped) {
      value.setData(original);
      original.dispose();
    }
  }
}

/** Copies values to the parameters and statistics of a model, by key. */
export function setWeights(model: nn.Module, weights: ReadonlyMap<string, Tensor>): void {
  scope(() => noGrad(() => void [...averaged(model)].map(([key, value]) => ops.copy_(value, weights.get(key)!))));
}

/** A copy of the parameters and statistics, by key. The caller disposes of the tensors. */
export const copyOfWeights = (model: nn.Module): Map<string, Tensor> =>
  new Map([...averaged(model)].map(([key, value]) => [key, keep(copyOf(value))] as const));

/** Parameters and statistics by key, without integer counters. */
export const averaged = (model: nn.Module): Map<string, Tensor> =>
  new Map([...nn.stateDict(model)].filter(([, { dtype }]) => dtype.includes('float')));

const copyOf = (source: Tensor): Tensor => scope(() => noGrad(() => ops.copy_(ops.emptyLike(source), source)));
