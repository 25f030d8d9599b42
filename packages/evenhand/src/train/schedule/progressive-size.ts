import type { Config } from '../config/fields.js';

/** Image size of an epoch in pixels: from `startSize` to `size` by half of the epochs, in steps of 32. */
export function imageSizeAt({ startSize, epochs }: Config, size: number, epoch: number): number {
  if (startSize === 0 || startSize >= size) return size;
  const progress = Math.min(1, epoch / Math.max(1, epochs / 2));
  if (progress === 1) return size;
  return Math.min(size, Math.max(1, Math.round((startSize + (size - startSize) * progress) / 32)) * 32);
}
