import { decode, decodeScaled, preprocess, scaledSize } from '@evenhand/predict';
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
    const { preset } = kind;
    const image = await decode(bytes, file, (size) => scaledSize(size, preset));
    const { width, height } = image.reducedFrom ?? image;
    const data = preprocess(image, preset);
    return { width: preset.crop, height: preset.crop, originalWidth: width, originalHeight: height, data };
  }
  // Bicubic, as it keeps more detail for the second scaling than bilinear does.
  const { original, ...image } = await decodeScaled(bytes, kind.squash, 'bicubic', file);
  return { ...image, originalWidth: original.width, originalHeight: original.height };
}
