import { ops, type Tensor } from '@evenhand/torch';
import { ExportError, type GraphBuilder, type Size } from './graph.js';
import {
  dimension,
  identity,
  int,
  ints,
  isEqualSize,
  named,
  nameOfOp,
  shapeOf,
  sizesOf,
  type TracedCall,
  type Translation,
} from './translation.js';

/** ONNX takes any end beyond the last element for the end. */
const END = Number.MAX_SAFE_INTEGER;

/** The sizes of the argument and the result. */
function sizesOfReshape(x: unknown, call: TracedCall): [from: Size[], to: Size[]] {
  const name = nameOfOp(call);
  const from = sizesOf(x, call.other.args[0], `The argument of ${name}`);
  return [from, sizesOf(call.result, call.other.result, `The result of ${name}`)];
}

/** A reshape to the shape of the result. */
const reshape: Translation = (graph, [x], call) => {
  const [from, to] = sizesOfReshape(x, call);
  // 0 copies the size of the input, and -1, at most one, follows from the others: so the number of images stays free.
  const target = to.map((size, i) => (typeof size === 'number' ? size : isEqualSize(size, from[i]) ? 0 : -1));
  const isDetermined = target.filter((size) => size === -1).length <= 1;
  return graph.node('Reshape', [named(graph, x), isDetermined ? graph.integers(target) : graph.sizes(to)]);
};

const flatten: Translation = (graph, args, call) => {
  const [x, start = 0, end = -1] = args;
  if (dimension(x, start) === 1 && dimension(x, end) === shapeOf(x).length - 1)
    return graph.node('Flatten', [named(graph, x)], { axis: int(1) });
  return reshape(graph, args, call);
};

/** ONNX keeps a size where the target has 1. */
const expand: Translation = (graph, [x], call) => {
  const [from, to] = sizesOfReshape(x, call);
  const added = to.length - from.length;
  const target = to.map((size, i): Size => (isEqualSize(size, from[i - added]) ? 1 : size));
  return graph.node('Expand', [named(graph, x), graph.sizes(target)]);
};

/** ONNX does not accept negative dimensions here. */
const permute: Translation = (graph, [x, dims]) => {
  const perm = (dims as number[]).map((dim) => dimension(x, dim));
  return graph.node('Transpose', [named(graph, x)], { perm: ints(perm) });
};

const transpose: Translation = (graph, [x, a, b]) => {
  const perm = shapeOf(x).map((_, dim) => dim);
  const [first, second] = [dimension(x, a), dimension(x, b)];
  [perm[first], perm[second]] = [second, first];
  return graph.node('Transpose', [named(graph, x)], { perm: ints(perm) });
};

const unsqueeze: Translation = (graph, [x, dim]) =>
  graph.node('Unsqueeze', [named(graph, x), graph.integers([Number(dim)])]);

/** It has no effect on a dimension of another size than 1. */
const squeeze: Translation = (graph, args, call) => {
  const [x, dim] = args;
  const size = fixedSize(x, Number(dim), call);
  return size === 1 ? graph.node('Squeeze', [named(graph, x), graph.integers([Number(dim)])]) : identity(graph, args);
};

/** The size of a dimension, which must not depend on the number of images. */
function fixedSize(x: unknown, dim: number, call: TracedCall): number {
  const size = shapeOf(x).at(dim)!;
  if (size === shapeOf(call.other.args[0]).at(dim)) return size;
  throw new ExportError(
    `${nameOfOp(call)} over dimension ${dim} cannot be exported: its size is the number of images.`,
  );
}

const sliced = (graph: GraphBuilder, x: string, dim: number, start: number, end: number, step = 1): string =>
  graph.node('Slice', [x, ...[start, end, dim, step].map((value) => graph.integers([value]))]);

const slice: Translation = (graph, [x, dim = 0, start, end, step = 1]) =>
  sliced(graph, named(graph, x), Number(dim), Number(start ?? 0), Number(end ?? END), Number(step));

const narrow: Translation = (graph, [x, dim, start, length]) => {
  const size = shapeOf(x).at(Number(dim))!;
  const first = Number(start) < 0 ? Number(start) + size : Number(start);
  return sliced(graph, named(graph, x), Number(dim), first, first + Number(length));
};

const elementOf = (graph: GraphBuilder, x: string, dim: number, index: number): string =>
  graph.node('Gather', [x, graph.integers([index], [])], { axis: int(dim) });

const select: Translation = (graph, [x, dim, index]) => elementOf(graph, named(graph, x), Number(dim), Number(index));

const unbind: Translation = (graph, [x, dim = 0], call) => {
  const size = fixedSize(x, Number(dim), call);
  return Array.from({ length: size }, (_, index) => elementOf(graph, named(graph, x), Number(dim), index));
};

const chunk: Translation = (graph, [x, , dim = 0], call) => {
  fixedSize(x, Number(dim), call);
  let start = 0;
  return (call.result as Tensor[]).map((part) => {
    const end = start + part.shape.at(Number(dim))!;
    const name = sliced(graph, named(graph, x), Number(dim), start, end);
    start = end;
    return name;
  });
};

const indexSelect: Translation = (graph, [x, dim, index]) =>
  graph.node('Gather', [named(graph, x), named(graph, index)], { axis: int(Number(dim)) });

const roll: Translation = (graph, [x, shifts, dims = []], call) => {
  const axes = [dims].flat() as number[];
  if (axes.length === 0) throw new ExportError('Rolling all elements cannot be exported: name the dimensions.');
  return axes.reduce(
    (name, dim, i) => {
      const size = fixedSize(x, dim, call);
      const shift = ([shifts].flat() as number[])[i]! % size;
      if (shift === 0) return name;
      const parts = [sliced(graph, name, dim, -shift, END), sliced(graph, name, dim, 0, -shift)];
      return graph.node('Concat', parts, { axis: int(dim) });
    },
    named(graph, x),
  );
};

const cat: Translation = (graph, [tensors, dim = 0]) =>
  graph.node(
    'Concat',
    (tensors as Tensor[]).map((tensor) => graph.nameOf(tensor)),
    { axis: int(Number(dim)) },
  );

const stack: Translation = (graph, [tensors, dim = 0], call) => {
  const axis = dimension(call.result, dim);
  const parts = (tensors as Tensor[]).map((x) => graph.node('Unsqueeze', [graph.nameOf(x), graph.integers([axis])]));
  return graph.node('Concat', parts, { axis: int(axis) });
};

/** ATen lists the padding in pairs, from the last dimension; ONNX lists it before each dimension, then after each. */
const constantPadNd: Translation = (graph, [x, pad, value = 0]) => {
  const pairs = pad as number[];
  const rank = shapeOf(x).length;
  const begins = new Array<number>(rank).fill(0);
  const ends = new Array<number>(rank).fill(0);
  for (let i = 0; i * 2 < pairs.length; i++) {
    begins[rank - 1 - i] = pairs[i * 2]!;
    ends[rank - 1 - i] = pairs[i * 2 + 1]!;
  }
  return graph.node('Pad', [named(graph, x), graph.integers([...begins, ...ends]), graph.scalar(Number(value))]);
};

/** Operations whose sizes among the arguments may depend on the number of images, because the result's shape is used. */
export const SIZED: ReadonlySet<string> = new Set([ops.reshape.schema, ops.expand.schema]);

/** Operations that only rearrange values. */
export const shapeTranslations: readonly [schema: string, Translation][] = [
  [ops.reshape.schema, reshape],
  [ops.flatten.schema, flatten],
  [ops.expand.schema, expand],
  [ops.permute.schema, permute],
  [ops.transpose.schema, transpose],
  [ops.unsqueeze.schema, unsqueeze],
  [ops.squeeze.schema, squeeze],
  [ops.slice.schema, slice],
  [ops.narrow.schema, narrow],
  [ops.select.schema, select],
  [ops.unbind.schema, unbind],
  [ops.chunk.schema, chunk],
  [ops.indexSelect.schema, indexSelect],
  [ops.roll.schema, roll],
  [ops.cat.schema, cat],
  [ops.stack.schema, stack],
  [ops.constantPadNd.schema, constantPadNd],
];
