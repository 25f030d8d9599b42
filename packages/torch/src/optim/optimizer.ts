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

/** Learning rate and step count of a group, as scalars on its device: what changes between the runs of a CUDA graph. */
export interface StepNumbers {
  readonly learningRate: Tensor;
  readonly steps: Tensor;
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
  /** By group: the parameters that the last step updated. */
  #updated: readonly (readonly Tensor[])[] = [];
  /** By group: learning rate and step count, float32 [G,2]. Made when first needed. */
  #numbers: Tensor | null = null;

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

  /**
   * Updates one group. It is called inside a scope and `noGrad`.
   *
   * @param numbers given if the update becomes part of a CUDA graph: to be used in place of `learningRate` and `steps`
   */
  protected abstract update(batch: Batch, group: ParameterGroup, numbers?: StepNumbers): void;

  /** Whether `update` takes `numbers` on this device. */
  protected takesNumbers(_device: string): boolean {
    return false;
  }

  /** Updates all parameters by their gradients. */
  step(): void {
    scope(() =>
      noGrad(() => {
        const batches = this.groups.map((group) => this.#collect(group, 1));
        this.#updated = batches.map(({ parameters }) => parameters);
        for (const [g, batch] of batches.entries()) {
          if (batch.parameters.length > 0) this.update(batch, this.groups[g]!);
        }
      }),
    );
  }

  /**
   * The first half of a step that a CUDA graph repeats: counts a step of the parameters that the last `step` updated. Call it
   * before each run of the graph, which contains `applyStep`.
   *
   * @throws TorchError if the parameters of a group differ in their number of steps
   */
  countStep(): void {
    const numbers = this.groups.flatMap(({ learningRate }, g) => {
      const states = (this.#updated[g] ?? []).map((parameter) => this.#state.get(parameter)!);
      for (const state of states) state.steps++;
      const counts = new Set(states.map(({ steps }) => steps));
      if (counts.size > 1)
        throw badArgument('a CUDA graph needs parameters of a group that were all updated equally often');
      return [learningRate, ...counts, 0].slice(0, 2);
    });
    const { device } = this.groups[0]!.parameters[0]!;
    if (!this.takesNumbers(device)) return;
    scope(() => {
      this.#numbers ??= keep(ops.zeros([this.groups.length, 2], { dtype: 'float32', device }));
      ops.copy_(this.#numbers, tensor(Float32Array.from(numbers), [this.groups.length, 2], { device }));
    });
  }

  /**
   * The second half of a step that a CUDA graph repeats: updates all parameters by their gradients.
   *
   * @throws TorchError if this optimizer cannot be part of a CUDA graph
   */
  applyStep(): void {
    const { device } = this.groups[0]!.parameters[0]!;
    if (device.startsWith('cuda') && !this.#numbers)
      throw badArgument(`${this.constructor.name} cannot be part of a CUDA graph in this libtorch`);
    scope(() =>
      noGrad(() => {
        for (const [g, group] of this.groups.entries()) {
          const batch = this.#collect(group, 0);
          if (batch.parameters.some((parameter, i) => parameter !== this.#updated[g]?.[i]))
            throw badArgument('a CUDA graph needs gradients of the same parameters in each step');
          const numbers = this.#numbers && this.#numbersOf(this.#numbers, g);
          if (batch.parameters.length > 0) this.update(batch, group, numbers ?? undefined);
        }
      }),
    );
  }

  #numbersOf(numbers: Tensor, group: number): StepNumbers {
    const row = ops.select(numbers, 0, group);
    return { learningRate: ops.select(row, 0, 0), steps: ops.select(row, 0, 1) };
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
    this.#updated = [];
    this.#numbers?.dispose();
    this.#numbers = null;
  }

  *#keys(): Iterable<[string, Tensor]> {
    for (const [g, group] of this.groups.entries()) {
      for (const [p, parameter] of group.parameters.entries()) yield [`${g}.${p}`, parameter];
    }
  }

  /** @param counted what is added to the number of steps of each parameter */
  #collect(group: ParameterGroup, counted: 0 | 1): Batch {
    const batch: Batch = { parameters: [], gradients: [], moments: this.momentNames.map(() => []), steps: [] };
    for (const parameter of group.parameters) {
      const gradient = parameter.grad;
      if (!gradient) continue;
      let state = this.#state.get(parameter);
      if (!state) {
        state = { steps: 0, moments: this.momentNames.map(() => keep(ops.zerosLike(parameter))) };
        this.#state.set(parameter, state);
      }
      state.steps += counted;
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
