import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import { printable } from '../printable.js';
import { keep, scope } from '../scope.js';
import { type Tensor, tensor } from '../tensor.js';

/** Parameters with common settings. `learningRate` may change between steps, for example by a schedule. */
export interface ParameterGroup {
  readonly parameters: readonly Tensor[];
  learningRate: number;
  weightDecay: number;
}

export type ParameterGroupInput = Pick<ParameterGroup, 'parameters'> & Partial<ParameterGroup>;

/** The state of the optimizer for one parameter. */
interface ParameterState {
  steps: number;
  readonly moments: Tensor[];
}

/** The parameters that have a gradient, with their state, as parallel lists for the `_foreach_` operations. */
export interface Batch {
  readonly parameters: Tensor[];
  readonly gradients: Tensor[];
  /** One list per moment, with one tensor per parameter. */
  readonly moments: Tensor[][];
  /** Number of steps of each parameter, including this one. */
  readonly steps: number[];
}

/**
 * The common part of AdamW and SGD: parameter groups, state, saving. As in PyTorch, parameters without a gradient are not
 * changed, and their steps are not counted.
 */
export abstract class Optimizer {
  readonly groups: readonly ParameterGroup[];
  readonly #state = new Map<Tensor, ParameterState>();

  /** @param momentNames PyTorch's names of the tensors that are kept per parameter; keys of the state dict end with them */
  protected constructor(
    groups: readonly ParameterGroupInput[],
    defaults: { learningRate: number; weightDecay: number },
    private readonly momentNames: readonly string[],
  ) {
    this.groups = groups.map((group) => ({ ...defaults, ...group }));
    const seen = new Set<Tensor>();
    for (const { parameters, learningRate, weightDecay } of this.groups) {
      requireAtLeastZero('learningRate', learningRate);
      requireAtLeastZero('weightDecay', weightDecay);
      for (const parameter of parameters) {
        if (seen.has(parameter))
          throw badArgument('the optimizer was given the same parameter twice; groups must not overlap');
        seen.add(parameter);
      }
    }
  }

  /** Updates one group. It is called inside a scope and `noGrad`. */
  protected abstract update(batch: Batch, group: ParameterGroup): void;

  /** Updates all parameters by their gradients. */
  step(): void {
    scope(() =>
      noGrad(() => {
        for (const group of this.groups) {
          const batch = this.#collect(group);
          if (batch.parameters.length > 0) this.update(batch, group);
        }
      }),
    );
  }

  /** Drops all gradients, so that the next `backward` starts without. */
  zeroGrad(): void {
    for (const group of this.groups) for (const parameter of group.parameters) parameter.grad = null;
  }

  /**
   * The state of the optimizer: its own tensors with keys such as `GROUP.PARAMETER.exp_avg`, and step counts as int64.
   * Together with the parameters it is all that is needed to resume training bit for bit.
   */
  stateDict(): Map<string, Tensor> {
    const tensors = new Map<string, Tensor>();
    for (const [key, parameter] of this.#keys()) {
      const state = this.#state.get(parameter);
      if (!state) continue;
      tensors.set(`${key}.step`, tensor(BigInt64Array.of(BigInt(state.steps)), []));
      for (const [i, name] of this.momentNames.entries()) tensors.set(`${key}.${name}`, state.moments[i]!);
    }
    return tensors;
  }

  /**
   * Loads the state that `stateDict` returned for the same groups.
   *
   * @throws TorchError when a tensor is missing, unexpected or has another shape or type; the state is then unchanged
   */
  loadStateDict(tensors: ReadonlyMap<string, Tensor>): void {
    const expected = new Set<string>();
    const saved = new Map<Tensor, ParameterState>();
    for (const [key, parameter] of this.#keys()) {
      const step = tensors.get(`${key}.step`);
      if (!step) continue; // the parameter had no gradient before
      expected.add(`${key}.step`);
      const moments = this.momentNames.map((name) => {
        expected.add(`${key}.${name}`);
        const moment = tensors.get(`${key}.${name}`);
        if (!moment)
          throw badArgument(
            `the optimizer's state has no ${key}.${name}; it was saved by another optimizer, or the file is damaged`,
          );
        if (describe(moment) !== describe(parameter)) {
          throw badArgument(
            `the optimizer's ${key}.${name} is ${describe(moment)}, but its parameter is ${describe(parameter)}`,
          );
        }
        return moment;
      });
      const steps = step.item();
      if (!Number.isInteger(steps) || steps < 1)
        throw badArgument(`the optimizer's ${key}.step must be a whole number of at least 1, got ${steps}`);
      saved.set(parameter, { steps, moments });
    }
    const unexpected = [...tensors.keys()].find((key) => !expected.has(key));
    if (unexpected)
      throw badArgument(
        `the optimizer's state has an unexpected ${printable(unexpected)}; it was saved with other parameter groups`,
      );
    const copies = [...saved].map(([parameter, { steps, moments }]) => {
      // In the parameter's memory format, which kernels for all tensors at once need.
      const copy = (moment: Tensor): Tensor =>
        scope(() => noGrad(() => keep(ops.copy_(ops.zerosLike(parameter), moment))));
      return [parameter, { steps, moments: moments.map(copy) }] as const;
    });
    this.dispose(); // after copying, because the tensors may be this optimizer's own
    for (const [parameter, state] of copies) this.#state.set(parameter, state);
  }

  /** Frees the state, but not the parameters. */
  dispose(): void {
    for (const { moments } of this.#state.values()) for (const moment of moments) moment.dispose();
    this.#state.clear();
  }

  *#keys(): Iterable<[string, Tensor]> {
    for (const [g, group] of this.groups.entries()) {
      for (const [p, parameter] of group.parameters.entries()) yield [`${g}.${p}`, parameter];
    }
  }

  #collect(group: ParameterGroup): Batch {
    const batch: Batch = { parameters: [], gradients: [], moments: this.momentNames.map(() => []), steps: [] };
    for (const parameter of group.parameters) {
      const gradient = parameter.grad;
      if (!gradient) continue;
      let state = this.#state.get(parameter);
      if (!state) {
        state = { steps: 0, moments: this.momentNames.map(() => keep(ops.zerosLike(parameter))) };
        this.#state.set(parameter, state);
      }
      state.steps++;
      batch.parameters.push(parameter);
      batch.gradients.push(gradient);
      batch.steps.push(state.steps);
      for (const [i, moment] of state.moments.entries()) batch.moments[i]!.push(moment);
    }
    return batch;
  }
}

function describe({ dtype, shape }: Tensor): string {
  return `${dtype}[${shape}]`;
}

/** Throws TorchError unless `value` is a number of at least 0. */
export function requireAtLeastZero(name: string, value: number): void {
  if (!(value >= 0)) throw badArgument(`${name} must be a number of at least 0, got ${value}`);
}
