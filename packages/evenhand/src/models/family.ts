import type { Tensor } from '@evenhand/torch';
import { describeValue } from '../printable.js';
import { suggest } from '../suggest.js';
import type { ImageModel } from './model.js';

/**
 * How the features of all positions become the features of an image: their mean (`avg`), their maximum (`max`), the class
 * token (`token`), the class token followed by the mean of the patch tokens (`token+avg`, DINO's linear probe), or
 * attention pooling with weights from the file (`map`, SigLIP).
 */
export const POOLS = ['avg', 'max', 'token', 'token+avg', 'map'] as const;
export type Pool = (typeof POOLS)[number];

/** What a model is built with. */
export interface BuildOptions {
  /** K: the number of logits. */
  readonly numClasses: number;
  /** Height and width of the images in pixels; one number for both. Default: the architecture's own size. */
  readonly imageSize?: number | readonly [height: number, width: number];
  /** Default: the architecture's own. */
  readonly pool?: Pool;
  /** Stochastic depth rate of the last block; it rises linearly from 0 at the first. Default: the architecture's own. */
  readonly dropPath?: number;
  /** Changes of the architecture's arguments, named as in timm: `model_args` of a `config.json`. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A family of architectures: sizes of one design, in one file of `families/`. */
export interface Family {
  /** Name for people: `ConvNeXt`. */
  readonly name: string;

  /** The names of its architectures, as in timm: `convnext_tiny`. */
  readonly architectures: readonly string[];

  /**
   * A model with random parameters.
   *
   * @throws RangeError of one sentence if the image size does not fit (with the nearest sizes that do), if the architecture
   * does not have this pool, or if an argument is unknown
   */
  build(architecture: string, options: BuildOptions): ImageModel;

  /**
   * The tensors of a published file under the model's keys, and resized to its image size: position embeddings, bias
   * tables. Tensors that the model does not use, such as those of a text tower, are left out. It may return tensors of
   * `tensors` and new ones. Default: the file has the model's keys.
   */
  convert?(tensors: ReadonlyMap<string, Tensor>, model: ImageModel): Map<string, Tensor>;

  /** Whether a model has one image size, such as one with position embeddings. It cannot then grow during training. */
  readonly fixedSize?: boolean;
}

/** The architecture's arguments with `changes`. @throws RangeError for an argument that it does not have */
export function changeArguments<A extends object>(architecture: string, row: A, changes: BuildOptions['args'] = {}): A {
  const known = Object.keys(row);
  for (const name of Object.keys(changes)) {
    if (known.includes(name)) continue;
    const likely = suggest(name, known);
    throw new RangeError(
      `${architecture} has no argument ${name}; ${likely === undefined ? `it has ${known.join(', ')}` : `did you mean ${likely}?`}`,
    );
  }
  return { ...row, ...changes } as A;
}

/** Returns `value` if it is one of `known`, else throws a RangeError that names the argument. */
export function requireOneOf<const T>(architecture: string, name: string, value: unknown, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw new RangeError(
    `${name} of ${architecture} must be ${known.length > 1 ? 'one of ' : ''}${known.map((each) => each || describeValue(each)).join(', ')}; got ${describeValue(value)}.`,
  );
}

/** Throws a RangeError that names the argument unless `values` are `length` whole numbers of at least 1. */
export function requireCounts(architecture: string, name: string, values: unknown, length: number): void {
  const fits = Array.isArray(values) && values.length === length;
  if (fits && values.every((each) => Number.isInteger(each) && each >= 1)) return;
  throw new RangeError(
    `${name} of ${architecture} must be ${length} whole number${length === 1 ? '' : 's'} of at least 1; got ${describeValue(values)}.`,
  );
}

/** Height and width of `size`. @throws RangeError unless both are multiples of `step`, with the nearest that are */
export function requireMultiple(
  architecture: string,
  size: number | readonly [number, number],
  step: number,
): [height: number, width: number] {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  for (const side of [height, width]) {
    if (Number.isInteger(side) && side > 0 && side % step === 0) continue;
    const below = Math.floor(side / step) * step;
    const nearest = below > 0 ? `${below} and ${below + step} do` : `${step} does`;
    throw new RangeError(
      `An image size of ${side} does not fit ${architecture}, whose sizes are multiples of ${step}: ${nearest}.`,
    );
  }
  return [height, width];
}
