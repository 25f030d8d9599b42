import { createHash } from 'node:crypto';
import type { Preset } from '@evenhand/predict';
import sharp from 'sharp';

/** How the images of a record are decoded: for training at `squash` pixels a side at most, or as a preset evaluates them. */
export type RecordKind =
  | { readonly type: 'train'; readonly squash: number }
  | { readonly type: 'eval'; readonly preset: Preset };

/** To be increased whenever the pixels of a record change. */
const FORMAT = 2;

/** Libraries of other versions, or for other processors, may decode to other pixels. */
const DECODER = hash(JSON.stringify([FORMAT, process.arch, sharp.versions]));

/**
 * The size of training records: a crop of `crop` pixels with the least area of the augmentation is not enlarged, in
 * multiples of 32 so that similar recipes share records. At most twice the crop: below a quarter of the area a crop is
 * enlarged by at most 1.8 (for torchvision's 0.08), where it covers few pixels of most photos anyway.
 */
export function squashSize(crop: number, [leastScale] = [0.08, 1] as readonly [number, number]): number {
  if (leastScale <= 0.25) return 2 * crop;
  return Math.min(2 * crop, Math.ceil(crop / Math.sqrt(leastScale) / 32) * 32);
}

/** The name of the folder of a kind; another decoder uses another one. */
export function kindName(kind: RecordKind): string {
  if (kind.type === 'train') return `train-${kind.squash}-${DECODER}`;
  const { resize, crop, cropMode = 'shortest', interpolation, mean } = kind.preset;
  // The mean is the colour of a border.
  const geometry = hash(JSON.stringify([resize, cropMode, interpolation, cropMode === 'border' ? mean : null]));
  return `eval-${crop}-${geometry}-${DECODER}`;
}

/** What the name of a kind's folder says; undefined for another name. */
export function parseKindName(name: string): { type: 'train' | 'eval'; size: number; current: boolean } | undefined {
  const match = /^(?:(train)-(\d{1,4})|(eval)-(\d{1,4})-[0-9a-f]{8})-([0-9a-f]{8})$/.exec(name);
  if (!match) return undefined;
  const [, train, trainSize, , evalSize, decoder] = match;
  return { type: train ? 'train' : 'eval', size: Number(trainSize ?? evalSize), current: decoder === DECODER };
}

/** The most bytes of pixels that a record of this kind has. */
export function largestRecord(kind: RecordKind): number {
  return (kind.type === 'train' ? kind.squash : kind.preset.crop) ** 2 * 3;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
