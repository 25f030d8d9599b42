import type { nn, Tensor } from '@evenhand/torch';

/**
 * Runs `parts` one after the other. Each result but the last is freed once the next part has run; the scope around a model
 * would keep all of them until the model has run.
 */
export function runInTurn(parts: readonly nn.Module[], x: Tensor): Tensor {
  let y = x;
  for (const part of parts) {
    const next = part.forward(y);
    if (y !== x && y !== next) y.dispose();
    y = next;
  }
  return y;
}
