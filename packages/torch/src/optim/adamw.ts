import { badArgument } from '../errors.js';
import { isAvailable, op } from '../op.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';
import {
  type Batch,
  Optimizer,
  type ParameterGroup,
  type ParameterGroupInput,
  requireAtLeastZero,
  type StepNumbers,
} from './optimizer.js';

export interface AdamWOptions {
  learningRate?: number;
  /** Decay rates of the running means of the gradient and of its square, each in [0, 1). */
  betas?: readonly [number, number];
  eps?: number;
  /** Decoupled: each step multiplies the parameters by `1 - learningRate * weightDecay`, independent of the gradient. */
  weightDecay?: number;
}

/** One kernel for all that a step does to all parameters. The schema is that of libtorch 2.0 to 2.13; it may change. */
const fusedAdamW_ = op(
  'aten::_fused_adamw_(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] exp_avgs, Tensor(d!)[] exp_avg_sqs, Tensor(e!)[] max_exp_avg_sqs, Tensor[] state_steps, *, float lr, float beta1, float beta2, float weight_decay, float eps, bool amsgrad, bool maximize, Tensor? grad_scale=None, Tensor? found_inf=None) -> ()',
);

/** The same with the learning rate in a tensor on the device: libtorch 2.1 to 2.13. */
const fusedAdamWTensor_ = op(
  'aten::_fused_adamw_.tensor_lr(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] exp_avgs, Tensor(d!)[] exp_avg_sqs, Tensor(e!)[] max_exp_avg_sqs, Tensor[] state_steps, *, Tensor lr, float beta1, float beta2, float weight_decay, float eps, bool amsgrad, bool maximize, Tensor? grad_scale=None, Tensor? found_inf=None) -> ()',
);

/** Whether AdamW uses libtorch's fused kernel for parameters on `device`: on CUDA, if this libtorch has it. */
export function usesFusedAdamW(device: string): boolean {
  return device.startsWith('cuda') && isAvailable(fusedAdamW_);
}

/**
 * Adam with decoupled weight decay: Loshchilov & Hutter, arXiv 1711.05101. PyTorch's `AdamW(foreach=True)`, bit for bit; on
 * CUDA its `AdamW(fused=True)`, which differs in the last bits.
 */
export class AdamW extends Optimizer {
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #eps: number;

  constructor(
    groups: readonly ParameterGroupInput[],
    { learningRate = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 1e-2 }: AdamWOptions = {},
  ) {
    super(groups, { learningRate, weightDecay }, ['exp_avg', 'exp_avg_sq']);
    for (const beta of betas) if (!(beta >= 0 && beta < 1)) throw badArgument(`betas must be in [0, 1), got ${betas}`);
    requireAtLeastZero('eps', eps);
    [this.#beta1, this.#beta2] = betas;
    this.#eps = eps;
  }

  protected override takesNumbers(device: string): boolean {
    return usesFusedAdamW(device) && isAvailable(fusedAdamWTensor_);
  }

  protected override update(
    { parameters, gradients, moments, steps }: Batch,
    group: ParameterGroup,
    numbers?: StepNumbers,
  ): void {
    const [mean = [], meanSquare = []] = moments;
    const { learningRate, weightDecay } = group;
    const { device } = parameters[0]!;
    if (usesFusedAdamW(device)) {
      const lists = [parameters, gradients, mean, meanSquare, []] as const;
      const options = {
        beta1: this.#beta1,
        beta2: this.#beta2,
        weightDecay,
        eps: this.#eps,
        amsgrad: false,
        maximize: false,
      };
      if (numbers) {
        fusedAdamWTensor_(...lists, Array(steps.length).fill(numbers.steps), { lr: numbers.learningRate, ...options });
        return;
      }
      // The kernel only reads the step counts, so parameters with the same count share a tensor.
      const counts = new Map<number, Tensor>();
      for (const step of steps) {
        if (!counts.has(step)) counts.set(step, ops.full([], step, { dtype: 'float32', device }));
      }
      // Rounded as in a tensor, so that a CUDA graph gives the same bits.
      const lr = Math.fround(learningRate);
      fusedAdamW_(
        ...lists,
        steps.map((step) => counts.get(step)!),
        { lr, ...options },
      );
      return;
    }
    ops.foreachMulScalar_(parameters, 1 - learningRate * weightDecay);

    ops.foreachMulScalar_(mean, this.#beta1);
    ops.foreachAdd_(mean, gradients, { alpha: 1 - this.#beta1 });
    ops.foreachMulScalar_(meanSquare, this.#beta2);
    ops.foreachAddcmul_(meanSquare, gradients, gradients, 1 - this.#beta2);

    // Both means start at zero; dividing by 1 - beta^steps corrects this bias.
    const denominators = ops.foreachSqrt(meanSquare);
    ops.foreachDivScalars_(
      denominators,
      steps.map((step) => Math.sqrt(1 - this.#beta2 ** step)),
    );
    ops.foreachAddScalar_(denominators, this.#eps);
    ops.foreachAddcdivScalars_(
      parameters,
      mean,
      denominators,
      steps.map((step) => -learningRate / (1 - this.#beta1 ** step)),
    );
  }
}
