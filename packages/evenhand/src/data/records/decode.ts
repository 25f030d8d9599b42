import { decode, decodeCrop, preprocess, probe } from '@evenhand/predict';
import type { RecordKind } from './kind.js';
import type { ImageRecord } from './record.js';

/**
 * Decodes an image to the record of its kind. For training, it is scaled to at most `squash` x `squash` pixels, each side by
 * itself and never enlarged; for evaluation, it is the result of `preprocess`.
 *
 * @param file how messages call the image
 * @throws ImageError as `decode` does
 */
export async function decodeToRecord(bytes: Uint8Array, kind: RecordKind, file: string): Promise<ImageRecord> {
  if (kind.type === 'eval') {
    const { crop } = kind.preset;
    const image = await decode(bytes, file);
    const data = preprocess(image, kind.preset);
    return { width: crop, height: crop, originalWidth: image.width, originalHeight: image.height, data };
  }
  const { width: originalWidth, height: originalHeight } = await probe(bytes, file);
  const whole = { left: 0, top: 0, width: originalWidth, height: originalHeight };
  const width = Math.min(originalWidth, kind.squash);
  const height = Math.min(originalHeight, kind.squash);
  // Bicubic, as it keeps more detail for the second scaling than bilinear does.
  const { data } = await decodeCrop(bytes, whole, width, height, 'bicubic', file);
  return { width, height, originalWidth, originalHeight, data };
}
