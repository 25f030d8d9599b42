import { setTimeout as sleep } from 'node:timers/promises';
import { ImageError, load, type ModelMetadata, type NodeModel } from '@evenhand/predict';
import sharp from 'sharp';
import { featureModel } from './feature-model.js';

export interface TrainingImage {
  readonly file: string;
  readonly label: string;
}

export interface SimilarImage {
  /** Of the image in `SimilarImages.images`. */
  readonly index: number;
  /** Cosine of the angle between the features, in [-1, 1]. */
  readonly similarity: number;
}

/** The most training images that are compared. */
const MOST = 2000;

/** Pixels of the longer side of a thumbnail. */
const THUMBNAIL = 256;

/** How often it is asked whether requests wait, in milliseconds. */
const PATIENCE = 100;

/**
 * Finds training images whose features are nearest to those of an image. The features are the input of the model's last
 * linear layer, so similar images are similar to the model.
 */
export class SimilarImages {
  readonly #features: (Float32Array | undefined)[] = [];
  #closed = false;
  #done = 0;

  private constructor(
    private readonly model: NodeModel,
    /** The images that are compared, at most 2,000: as many of each class as there are. */
    readonly images: readonly TrainingImage[],
  ) {}

  /** Undefined if the model has no last linear layer, as an ensemble, or if there are no images. */
  static async open(
    modelFile: Uint8Array,
    { classes, preset }: ModelMetadata,
    device: string,
    images: readonly TrainingImage[],
  ): Promise<SimilarImages | undefined> {
    const made = images.length > 0 ? featureModel(modelFile, classes.length) : undefined;
    if (made === undefined) return undefined;
    const labels = Array.from({ length: made.features }, (_, i) => String(i));
    const options = { labels, preset, threads: 1, device: device as 'cpu' };
    return new SimilarImages(await load(made.bytes, options), evenly(images, MOST));
  }

  /** The images whose features are known. */
  get done(): number {
    return this.#done;
  }

  /** Computes the features of the images, one at a time and only while `isIdle`. */
  async index(isIdle: () => boolean): Promise<void> {
    for (const [i, { file }] of this.images.entries()) {
      while (!this.#closed && !isIdle()) await sleep(PATIENCE);
      if (this.#closed) return;
      try {
        this.#features[i] = await this.#featuresOf(file);
      } catch (error) {
        // It was unreadable in training too.
        if (!(error instanceof ImageError) && !this.#closed) throw error;
      }
      this.#done++;
    }
  }

  /** The images most similar to an image, the most similar one first. @throws ImageError if it cannot be read */
  async nearest(image: Uint8Array, count: number): Promise<SimilarImage[]> {
    const query = await this.#featuresOf(image);
    const found: SimilarImage[] = [];
    for (const [index, features] of this.#features.entries()) {
      if (features !== undefined) found.push({ index, similarity: dot(query, features) });
    }
    return found.sort((a, b) => b.similarity - a.similarity).slice(0, count);
  }

  /** The image as WebP, made small; undefined if it is not there any more. */
  async thumbnail(index: number): Promise<Buffer | undefined> {
    const image = this.images[index];
    if (image === undefined) return undefined;
    const size = { width: THUMBNAIL, height: THUMBNAIL, fit: 'inside', withoutEnlargement: true } as const;
    return sharp(image.file, { failOn: 'none' })
      .autoOrient()
      .resize(size)
      .flatten({ background: '#fff' })
      .webp({ quality: 75 })
      .toBuffer()
      .catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.model.close();
  }

  /** [F], of length 1. */
  async #featuresOf(image: string | Uint8Array): Promise<Float32Array> {
    const { logits } = await this.model.predict(image);
    const length = Math.sqrt(logits.reduce((sum, value) => sum + value * value, 0));
    return Float32Array.from(logits, (value) => value / (length || 1));
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** At most `most` images: the first of each label, then the second of each, and so on. */
function evenly(images: readonly TrainingImage[], most: number): TrainingImage[] {
  const ranks = new Map<string, number>();
  const ranked = images.map((image) => {
    const rank = ranks.get(image.label) ?? 0;
    ranks.set(image.label, rank + 1);
    return { image, rank };
  });
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ image }) => image);
}
