import { keep, nn, noGrad, ops, scope, type Tensor } from '@evenhand/torch';

/** Exponential moving averages of the parameters of a model, evaluated in their place. */
export class Ema {
  /** By the keys of the model. */
  readonly #averages: Map<string, Tensor>;

  /** @param decay share of the old average that each update keeps, in [0, 1) */
  constructor(
    private readonly model: nn.Module,
    private readonly decay: number,
  ) {
    this.#averages = new Map(
      [...nn.namedParameters(model)].map(([key, parameter]) => [key, keep(copyOf(parameter))] as const),
    );
  }

  /** Takes in the parameters as they are. */
  update(): void {
    scope(() =>
      noGrad(() => {
        const averages = [...this.#averages.values()];
        ops.foreachMulScalar_(averages, this.decay);
        ops.foreachAdd_(averages, [...nn.namedParameters(this.model).values()], { alpha: 1 - this.decay });
      }),
    );
  }

  /** Runs `action` with the averages in the place of the parameters. No value is copied. */
  async evaluate<T>(action: () => Promise<T>): Promise<T> {
    const swapped = [...nn.namedParameters(this.model)].map(([key, parameter]) => {
      const original = keep(ops.detach(parameter));
      parameter.setData(this.#averages.get(key)!);
      return { parameter, original };
    });
    try {
      return await action();
    } finally {
      for (const { parameter, original } of swapped) {
        parameter.setData(original);
        original.dispose();
      }
    }
  }

  /** The averages themselves, not copies. */
  stateDict(): ReadonlyMap<string, Tensor> {
    return this.#averages;
  }

  /** Takes over saved averages; those that are missing stay as they are. */
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

const copyOf = (source: Tensor): Tensor => scope(() => noGrad(() => ops.copy_(ops.emptyLike(source), source)));
