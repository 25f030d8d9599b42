import type { Pixels } from './image.js';
import { preprocess } from './preprocess.js';
import type { Preset } from './preset.js';

/** Kinds of test-time augmentation: over which views of an image the logits are averaged. */
export const TTA = ['none', 'flip', 'flip+scales'] as const;
export type Tta = (typeof TTA)[number];

/** One way to look at an image. */
export interface View {
  /** How much larger than by the preset the image is scaled before its middle is cut out. */
  readonly zoom: number;
  /** Mirrored left to right. */
  readonly flip: boolean;
}

const MIDDLE: readonly View[] = [
  { zoom: 1, flip: false },
  { zoom: 1, flip: true },
];
const CLOSER: readonly View[] = MIDDLE.map(({ flip }) => ({ zoom: 1.15, flip }));

/** The views of a kind of test-time augmentation, the most telling first: under a time limit the last are dropped first. */
export function viewsOf(tta: Tta): readonly View[] {
  if (tta === 'none') return MIDDLE.slice(0, 1);
  return tta === 'flip' ? MIDDLE : [...MIDDLE, ...CLOSER];
}

/**
 * The model's inputs for the views of an image, each float32 [3,H,W] with H = W = `preset.crop`, normalised.
 * The first view is what training's validation sees.
 */
export function inputsOf(image: Pixels, preset: Preset, views: readonly View[]): Float32Array[] {
  const byZoom = new Map<number, Uint8Array>();
  return views.map(({ zoom, flip }) => {
    let pixels = byZoom.get(zoom);
    if (pixels === undefined) {
      pixels = preprocess(image, { ...preset, resize: Math.round(preset.resize * zoom) });
      byZoom.set(zoom, pixels);
    }
    return normalise(pixels, preset, flip);
  });
}

/** Pixels [H,W,3] in [0, 255] as float32 [3,H,W]: `(value / 255 - mean) / std`, mirrored where `flip`. */
function normalise(pixels: Uint8Array, { crop, mean, std }: Preset, flip: boolean): Float32Array {
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
