import type { ReducedFrom, Size } from './image.js';

/** Orientations of the EXIF standard that mirror what is stored at the right, or at the bottom, to the left or the top. */
const STARTS_LEFT = [2, 3, 6, 7];
const STARTS_TOP = [3, 4, 7, 8];

/**
 * The size at which a JPEG of the given (oriented) size is decoded if it is then scaled to `target`; undefined if at its
 * full size.
 *
 * libjpeg decodes at 1/2, 1/4 and 1/8. sharp asks for 1/s only if the result is scaled down by at least (s + 1) / s
 * afterwards, so that the size is 1/3, 1/5 or 1/9: the smallest that has twice the pixels of `target` in both directions.
 * With fewer, the mean difference from scaling the full size exceeds 1/255 on detailed photos.
 * Source: sharp's `src/pipeline.cc`, `jpegShrinkOnLoad`.
 */
export function reduction(
  image: Size,
  orientation: number,
  target: Size,
): (Size & { readonly reducedFrom: ReducedFrom }) | undefined {
  const sizeAt = (shrink: number): Size => ({
    width: Math.floor(image.width / (shrink + 1)),
    height: Math.floor(image.height / (shrink + 1)),
  });
  const shrink = [8, 4, 2].find((candidate) => {
    const { width, height } = sizeAt(candidate);
    return width >= 2 * target.width && height >= 2 * target.height;
  });
  if (shrink === undefined) return undefined;
  const { width, height } = sizeAt(shrink);
  const x = span(image.width, width, shrink, STARTS_LEFT.includes(orientation));
  const y = span(image.height, height, shrink, STARTS_TOP.includes(orientation));
  const box = { left: x.from, top: y.from, width: x.extent, height: y.extent };
  return { width, height, reducedFrom: { width: image.width, height: image.height, box } };
}

/**
 * The factor by which sharp reduces a JPEG before it scales it to `target`, if its `fastShrinkOnLoad` is false: the
 * greatest that leaves twice the pixels of `target` in both directions.
 */
export function shrinkOf(image: Size, target: Size): number {
  const scale = Math.min(image.width / target.width, image.height / target.height);
  return [8, 4, 2].find((shrink) => scale >= 2 * shrink) ?? 1;
}

/** Where a whole side of `full` pixels lies in `reduced` pixels. libvips drops what is no whole pixel after shrinking. */
function span(full: number, reduced: number, shrink: number, mirrored: boolean): { from: number; extent: number } {
  const extent = (reduced * full) / (Math.floor(full / shrink) * shrink);
  return { from: mirrored ? reduced - extent : 0, extent };
}
