import { noGrad, ops, optim, scope, type Tensor } from '@evenhand/torch';

/**
 * The factor of the loss in float16, whose smallest numbers would round gradients to zero: Micikevicius et al., arXiv
 * 1710.03740. It is saved with the position.
 */
export interface LossScale {
  factor: number;
  /** Updates since it last changed. */
  updates: number;
}

/** The settings of PyTorch's `GradScaler`. */
const START = 65_536;
const UPDATES_TO_DOUBLE = 2000;

export const startLossScale = (): LossScale => ({ factor: START, updates: 0 });

/**
 * Updates the weights by their gradients with `step`, clipped to `clipNorm` unless it is 0. With a loss scale, the gradients are divided
 * by it first; if one of them is not finite, the update is left out and the scale halved.
 *
 * @param actions `zeroGrad` readies the gradients for the next update
 * @returns the norm of the gradients before clipping, a scalar tensor; null if the update was left out
 */
export function update(
  parameters: readonly Tensor[],
  optimizer: optim.Optimizer,
  clipNorm: number,
  lossScale: LossScale | undefined,
  { step = () => optimizer.step(), zeroGrad = () => optimizer.zeroGrad() } = {},
): Tensor | null {
  if (lossScale) unscale(parameters, lossScale);
  const norm = clipNorm > 0 ? optim.clipGradNorm(parameters, clipNorm) : optim.gradNorm(parameters);
  // The only value that is read in a step: whether to update depends on it.
  const finite = !lossScale || Number.isFinite(norm.item());
  if (finite) step();
  zeroGrad();
  if (lossScale) adapt(lossScale, finite);
  // Below 1 the gradients themselves are too large, not the scaled ones.
  return finite || lossScale!.factor < 1 ? norm : null;
}

function unscale(parameters: readonly Tensor[], { factor }: LossScale): void {
  scope(() =>
    noGrad(() => {
      const gradients = parameters.map(({ grad }) => grad).filter((grad) => grad !== null);
      ops.foreachMulScalar_(gradients, 1 / factor);
    }),
  );
}

function adapt(lossScale: LossScale, wasFinite: boolean): void {
  lossScale.updates = wasFinite ? lossScale.updates + 1 : 0;
  if (!wasFinite) lossScale.factor /= 2;
  else if (lossScale.updates === UPDATES_TO_DOUBLE) {
    lossScale.factor *= 2;
    lossScale.updates = 0;
  }
}
