import type { Pixels, Size } from './image.js';
import { preprocess, scaledSize } from './preprocess.js';
import type { Preset } from './preset.js';

/** Kinds of test-time augmentation: the views of an image over which logits are averaged. */
export const TTA = ['none', 'flip', 'flip+scales'] as const;
export type Tta = (typeof TTA)[number];

/** A variant of an image. */
export interface View {
  /** Factor by which the image is scaled larger than the preset before its centre is cut out. */
  readonly zoom: number;
  /** Mirrored left to right. */
  readonly flip: boolean;
}

const PLAIN: readonly View[] = [
  { zoom: 1, flip: false },
  { zoom: 1, flip: true },
];
const ZOOMED: readonly View[] = PLAIN.map(({ flip }) => ({ zoom: 1.15, flip }));

/** The views of a kind of test-time augmentation, the most useful first: a time limit drops the last ones first. */
export function viewsOf(tta: Tta): readonly View[] {
  if (tta === 'none') return PLAIN.slice(0, 1);
  return tta === 'flip' ? PLAIN : [...PLAIN, ...ZOOMED];
}

/**
 * The model's inputs for the views of an image, each float32 [3,H,W] with H = W = `preset.crop`, normalised.
 * The first view is the one used for validation during training.
 */
export function inputsOf(image: Pixels, preset: Preset, views: readonly View[]): Float32Array[] {
  const byZoom = new Map<number, Uint8Array>();
  return views.map(({ zoom, flip }) => {
    let pixels = byZoom.get(zoom);
    if (pixels === undefined) {
      pixels = preprocess(image, zoomed(preset, zoom));
      byZoom.set(zoom, pixels);
    }
    return normalise(pixels, preset, flip);
  });
}

/** The largest size to which an image is scaled for its views. */
export function largestScaledSize(image: Size, preset: Preset, views: readonly View[]): Size {
  return scaledSize(image, zoomed(preset, Math.max(...views.map(({ zoom }) => zoom))));
}

function zoomed(preset: Preset, zoom: number): Preset {
  return { ...preset, resize: Math.round(preset.resize * zoom) };
}

/** Pixels [H,W,3] in [0, 255] as float32 [3,H,W]: `(value / 255 - mean) / std`, mirrored if `flip`. */
export function normalise(pixels: Uint8Array, { crop, mean, std }: Preset, flip: boolean): Float32Array {
  const area = crop * crop;
  const out = new Float32Array(3 * area);
  for (let channel = 0; channel < 3; channel++) {
    const table = Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean[channel]!) / std[channel]!);
    let o = channel * area;
    for (let y = 0; y < crop; y++) {
      let p = (y * crop + (flip ? crop - 1 : 0)) * 3 + channel;
      const step = flip ? -3 : 3;
      for (let x = 0; x < crop; x++) {
        out[o++] = table[pixels[p]!]!;
        p += step;
      }
    }
  }
  return out;
}
