import { type OpCall, Tensor } from '@evenhand/torch';
import { type Attribute, ExportError, type GraphBuilder, type Size } from './graph.js';

/** A call of an operation, and the same call for another number of images. */
export interface TracedCall extends OpCall {
  readonly other: CallShapes;
}

/** A call with `{ shape }` in place of each tensor. */
export interface CallShapes {
  readonly schema: string;
  readonly args: readonly unknown[];
  readonly result: unknown;
}

/** Translates a call to ONNX: adds its nodes and returns the name of its result, or those of a list of results. */
export type Translation = (graph: GraphBuilder, args: readonly unknown[], call: TracedCall) => string | string[];

/** The numbers of images of the two traces: of the calls that are translated, and of those beside them. */
export const IMAGES = 2;
export const OTHER_IMAGES = 1;

export const ints = (values: readonly number[]): Attribute => ({ ints: values });
export const int = (value: number): Attribute => ({ int: value });

export const named = (graph: GraphBuilder, value: unknown): string => graph.nameOf(value as Tensor);
export const optional = (graph: GraphBuilder, value: unknown): string =>
  value === null || value === undefined ? '' : named(graph, value);
export const shapeOf = (value: unknown): number[] => (value as Tensor).shape;

/** A dimension counted from the first. */
export const dimension = (value: unknown, dim: unknown): number =>
  Number(dim) < 0 ? Number(dim) + shapeOf(value).length : Number(dim);

/** ATen accepts one number for height and width. */
export function both(value: unknown, fallback: number): [number, number] {
  if (typeof value === 'number') return [value, value];
  const [height = fallback, width = height] = (value as number[] | undefined) ?? [];
  return [height, width];
}

export const unary =
  (op: string, attributes: Record<string, Attribute> = {}): Translation =>
  (graph, [x]) =>
    graph.node(op, [named(graph, x)], attributes);

export const identity = (graph: GraphBuilder, [x]: readonly unknown[]): string => named(graph, x);

/** The name of an operation in messages, such as `aten::reshape`. */
export const nameOfOp = ({ schema }: { readonly schema: string }): string => schema.slice(0, schema.indexOf('('));

/** The sizes of a tensor, given its shape in both traces. `what` is its name in messages. */
export function sizesOf(value: unknown, other: unknown, what: string): Size[] {
  const [sizes, others] = [shapeOf(value), shapeOf(other)];
  return sizes.map((size, i) => {
    if (size === others[i]) return size;
    if (sizes.length === others.length && size * OTHER_IMAGES === others[i]! * IMAGES) {
      return { perImage: size / IMAGES };
    }
    throw new ExportError(
      `${what} has the shape [${others}] for ${OTHER_IMAGES} image and [${sizes}] for ${IMAGES}; expected fixed ` +
        'sizes and multiples of the number of images.',
    );
  });
}

export const isEqualSize = (a: Size | undefined, b: Size | undefined): boolean =>
  typeof a === 'object' && typeof b === 'object' ? a.perImage === b.perImage : a === b;

/** The tensors among arguments or results, in order; those of the other trace are `{ shape }`. */
export function tensorsIn(value: unknown): Tensor[] {
  if (typeof value !== 'object' || value === null) return [];
  if (value instanceof Tensor || 'shape' in value) return [value as Tensor];
  return Object.values(value).flatMap(tensorsIn);
}

/** Whether all arguments but tensors are the same in both traces. */
export function hasSameArguments(value: unknown, other: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === other;
  if (typeof other !== 'object' || other === null) return false;
  if (value instanceof Tensor) return 'shape' in other;
  const [entries, others] = [Object.values(value), Object.values(other)];
  return entries.length === others.length && entries.every((entry, i) => hasSameArguments(entry, others[i]));
}
