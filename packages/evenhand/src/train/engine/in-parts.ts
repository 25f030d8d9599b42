import { ops, scope, type Tensor, TorchError } from '@evenhand/torch';

export const isOutOfMemory = (error: unknown): error is TorchError =>
  error instanceof TorchError && error.code === 'TORCH_OUT_OF_MEMORY';

/** Computes `forward` of images [N,...], in halves where memory runs out: without gradients, images do not depend on others. */
export function inParts(images: Tensor, forward: (images: Tensor) => Tensor): Tensor {
  const count = images.shape[0]!;
  try {
    return scope(() => forward(images));
  } catch (error) {
    if (!isOutOfMemory(error) || count === 1) throw error;
  }
  const first = Math.floor(count / 2);
  const parts = [ops.narrow(images, 0, 0, first), ops.narrow(images, 0, first, count - first)];
  return ops.cat(
    parts.map((part) => inParts(part, forward)),
    0,
  );
}
