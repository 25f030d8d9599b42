import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import * as ops from '../ops.js';
import { printable } from '../printable.js';
import { keep, scope } from '../scope.js';
import { type Tensor, tensor } from '../tensor.js';

/** Parameters that share their settings; `learningRate` may be changed between steps, by a schedule for example. */
export interface ParameterGroup {
  readonly parameters: readonly Tensor[];
  learningRate: number;
  weightDecay: number;
}

export type ParameterGroupInput = Pick<ParameterGroup, 'parameters'> & Partial<ParameterGroup>;

/** What one parameter's optimiser remembers between steps. */
interface ParameterState {
  steps: number;
  readonly moments: Tensor[];
}

/** Parameters that have a gradient, with their state, as the parallel lists that `_foreach_` operations take. */
export interface Batch {
  readonly parameters: Tensor[];
  readonly gradients: Tensor[];
  /** By moment, then by parameter. */
  readonly moments: Tensor[][];
  /** Steps taken by each parameter, this one included. */
  readonly steps: number[];
}

/**
 * What AdamW and SGD share: groups, state, saving. Parameters without a gradient are left as they are, and their
 * step count does not advance (PyTorch).
 */
export abstract class Optimizer {
  readonly groups: readonly ParameterGroup[];
  readonly #state = new Map<Tensor, ParameterState>();

  /** @param momentNames what is remembered of each parameter, in PyTorch's names; the state dict's keys end in them */
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
          throw badArgument('an optimiser was given the same parameter twice; groups must not overlap');
        seen.add(parameter);
      }
    }
  }

  /** Updates one group; called with gradients off and inside a scope. */
  protected abstract update(batch: Batch, group: ParameterGroup): void;

  /** Moves every parameter by its gradient. */
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

  /** Drops the gradients, so that the next `backward` starts from none. */
  zeroGrad(): void {
    for (const group of this.groups) for (const parameter of group.parameters) parameter.grad = null;
  }

  /**
   * The memory of the optimiser, `GROUP.PARAMETER.exp_avg` and the like: tensors that live on inside it, and the step
   * counts as int64. With the parameters themselves it is all that a run needs to go on bit for bit.
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
   * Takes over a state that `stateDict` gave for the same groups.
   *
   * @throws TorchError when a tensor is missing, unexpected or of another shape or type; nothing has changed then
   */
  loadStateDict(tensors: ReadonlyMap<string, Tensor>): void {
    const expected = new Set<string>();
    const saved = new Map<Tensor, ParameterState>();
    for (const [key, parameter] of this.#keys()) {
      const step = tensors.get(`${key}.step`);
      if (!step) continue; // the parameter had not been stepped yet
      expected.add(`${key}.step`);
      const moments = this.momentNames.map((name) => {
        expected.add(`${key}.${name}`);
        const moment = tensors.get(`${key}.${name}`);
        if (!moment)
          throw badArgument(
            `the optimiser's state has no ${key}.${name}; it comes from another optimiser or a broken file`,
          );
        if (describe(moment) !== describe(parameter)) {
          throw badArgument(
            `the optimiser's ${key}.${name} is ${describe(moment)}, its parameter ${describe(parameter)}`,
          );
        }
        return moment;
      });
      const steps = step.item();
      if (!Number.isInteger(steps) || steps < 1)
        throw badArgument(`the optimiser's ${key}.step must be a whole number of at least 1, got ${steps}`);
      saved.set(parameter, { steps, moments });
    }
    const unexpected = [...tensors.keys()].find((key) => !expected.has(key));
    if (unexpected)
      throw badArgument(
        `the optimizer's state has an unexpected ${printable(unexpected)}; it was saved with other parameter groups`,
      );
    const copies = [...saved].map(([parameter, { steps, moments }]) => {
      const copy = (moment: Tensor): Tensor => keep(ops.to(moment, { device: parameter.device, copy: true }));
      return [parameter, { steps, moments: moments.map(copy) }] as const;
    });
    this.dispose(); // after copying: the state may be this optimiser's own
    for (const [parameter, state] of copies) this.#state.set(parameter, state);
  }

  /** Frees the state; parameters are not touched. */
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

export function requireAtLeastZero(name: string, value: number): void {
  if (!(value >= 0)) throw badArgument(`${name} must be a number of at least 0, got ${value}`);
}
