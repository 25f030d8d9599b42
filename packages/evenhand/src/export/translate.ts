import { type OpCall, ops, type Tensor } from '@evenhand/torch';
import { type Attribute, ExportError, type GraphBuilder } from './graph.js';

/** Translates a call to ONNX: adds its nodes and returns the name of its result. */
type Translation = (graph: GraphBuilder, args: readonly unknown[], call: OpCall) => string;

const ints = (values: readonly number[]): Attribute => ({ ints: values });
const int = (value: number): Attribute => ({ int: value });

const named = (graph: GraphBuilder, value: unknown): string => graph.nameOf(value as Tensor);
const optional = (graph: GraphBuilder, value: unknown): string =>
  value === null || value === undefined ? '' : named(graph, value);
const shapeOf = (value: unknown): number[] => (value as Tensor).shape;

/** ATen accepts one number for height and width. */
function both(value: unknown, fallback: number): [number, number] {
  if (typeof value === 'number') return [value, value];
  const [height = fallback, width = height] = (value as number[] | undefined) ?? [];
  return [height, width];
}

const unary =
  (op: string, attributes: Record<string, Attribute> = {}): Translation =>
  (graph, [x]) =>
    graph.node(op, [named(graph, x)], attributes);

const identity: Translation = (graph, [x]) => named(graph, x);

const binary =
  (op: string): Translation =>
  (graph, [a, b], { args }) => {
    const { alpha = 1 } = (args[2] ?? {}) as { alpha?: number };
    if (alpha !== 1)
      throw new ExportError(`${op} with alpha ${alpha} cannot be exported: multiply before the operation.`);
    return graph.node(op, [named(graph, a), named(graph, b)]);
  };

/** Additions have a factor for the scalar, `alpha`, as the next argument. */
const scalar =
  (op: string): Translation =>
  (graph, [a, b, alpha = 1]) =>
    graph.node(op, [named(graph, a), graph.scalar(Number(b) * Number(alpha))]);

const silu: Translation = (graph, [x]) => {
  const name = named(graph, x);
  return graph.node('Mul', [name, graph.node('Sigmoid', [name])]);
};

const clip = (graph: GraphBuilder, x: unknown, min: unknown, max: unknown): string => {
  const bound = (value: unknown) => (value === null || value === undefined ? '' : graph.scalar(Number(value)));
  return graph.node('Clip', [named(graph, x), bound(min), bound(max)]);
};

const activations: Record<string, Translation> = {
  none: identity,
  relu: unary('Relu'),
  relu6: (graph, [x]) => clip(graph, x, 0, 6),
  silu,
  sigmoid: unary('Sigmoid'),
  hardswish: unary('HardSwish'),
};

function convolution(
  graph: GraphBuilder,
  [x, weight, bias, stride, , dilation, groups]: readonly unknown[],
  padding: Record<string, Attribute>,
): string {
  const [, , height = 1, width = 1] = shapeOf(weight);
  const inputs = [named(graph, x), named(graph, weight)];
  if (bias !== null && bias !== undefined) inputs.push(named(graph, bias));
  return graph.node('Conv', inputs, {
    kernel_shape: ints([height, width]),
    strides: ints(both(stride, 1)),
    dilations: ints(both(dilation, 1)),
    group: int(Number(groups ?? 1)),
    ...padding,
  });
}

/** ONNX lists the padding before each dimension first, then the padding after each. */
const symmetric = (padding: unknown): Attribute => {
  const [height, width] = both(padding, 0);
  return ints([height, width, height, width]);
};

const conv2d: Translation = (graph, args) => convolution(graph, args, { pads: symmetric(args[4]) });

const conv2dPadded: Translation = (graph, args) => {
  const [height = 1, width = 1] = shapeOf(args[1]).slice(2);
  const [down, across] = both(args[5], 1);
  const [rows, columns] = args[4] === 'same' ? [down * (height - 1), across * (width - 1)] : [0, 0];
  const [above, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  return convolution(graph, args, { pads: ints([above, left, rows - above, columns - left]) });
};

const batchNorm = (graph: GraphBuilder, args: readonly unknown[], eps: unknown): string => {
  const [x, weight, bias, mean, variance, training] = args;
  if (training === true)
    throw new ExportError('The model is in training mode: call nn.setTraining(model, false) first.');
  const inputs = [x, weight, bias, mean, variance].map((tensor) => optional(graph, tensor));
  if (inputs.includes('')) throw new ExportError('A BatchNorm without weight, bias or statistics cannot be exported.');
  return graph.node('BatchNormalization', inputs, { epsilon: { float: Number(eps) } });
};

const batchNormAct: Translation = (graph, args, call) => {
  const output = batchNorm(graph, args, args[7]);
  const result = call.result as Tensor;
  graph.bind(result, output);
  return activations[String(args[8])]!(graph, [result], call);
};

const pool =
  (op: 'AveragePool' | 'MaxPool'): Translation =>
  (graph, args) => {
    const [x, kernel, stride, padding] = args;
    const average = op === 'AveragePool';
    const [dilation, ceil] = average ? [1, args[4]] : [args[4], args[5]];
    if (ceil === true) throw new ExportError(`${op} with ceil_mode cannot be exported.`);
    if (average && args[6] !== undefined && args[6] !== null) {
      throw new ExportError('AveragePool with divisor_override cannot be exported.');
    }
    const size = both(kernel, 1);
    const steps = Array.isArray(stride) && stride.length === 0 ? size : both(stride ?? size, 1);
    return graph.node(op, [named(graph, x)], {
      kernel_shape: ints(size),
      strides: ints(steps),
      pads: symmetric(padding),
      ...(average ? { count_include_pad: int(args[5] === false ? 0 : 1) } : { dilations: ints(both(dilation, 1)) }),
    });
  };

const adaptiveAvgPool2d: Translation = (graph, [x, size]) => {
  const [height, width] = both(size, 1);
  if (height === 1 && width === 1) return graph.node('GlobalAveragePool', [named(graph, x)]);
  throw new ExportError(`Adaptive pooling to ${height} x ${width} cannot be exported, only to 1 x 1.`);
};

const flatten: Translation = (graph, [x, start = 0, end = -1]) => {
  const rank = shapeOf(x).length;
  if (start === 1 && (end === -1 || end === rank - 1))
    return graph.node('Flatten', [named(graph, x)], { axis: int(1) });
  throw new ExportError(`Flattening dimensions ${start} to ${end} cannot be exported, only all after the first.`);
};

const reshape: Translation = (graph, [x, shape]) => {
  const sizes = [...(shape as number[])];
  // 0 copies the size of the input, so that the batch size stays free.
  if (sizes[0] === shapeOf(x)[0]) sizes[0] = 0;
  return graph.node('Reshape', [named(graph, x), graph.integers(sizes)]);
};

const linear: Translation = (graph, [x, weight, bias]) => {
  const inputs = [named(graph, x), named(graph, weight)];
  if (bias !== null && bias !== undefined) inputs.push(named(graph, bias));
  if (shapeOf(x).length !== 2) throw new ExportError('A linear layer can only be exported for inputs [N,F].');
  return graph.node('Gemm', inputs, { transB: int(1) });
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

const meanDim: Translation = (graph, [x, dims, keep = false]) => {
  if (dims === null) throw new ExportError('A mean over all dimensions cannot be exported, because it mixes images.');
  return graph.node('ReduceMean', [named(graph, x)], {
    axes: ints([dims].flat() as number[]),
    keepdims: int(keep ? 1 : 0),
  });
};

/** ONNX does not accept negative dimensions here. */
const permute: Translation = (graph, [x, dims]) => {
  const order = dims as number[];
  const perm = order.map((dim) => (dim < 0 ? dim + order.length : dim));
  return graph.node('Transpose', [named(graph, x)], { perm: ints(perm) });
};

const cat: Translation = (graph, [tensors, dim = 0]) =>
  graph.node(
    'Concat',
    (tensors as Tensor[]).map((tensor) => graph.nameOf(tensor)),
    { axis: int(Number(dim)) },
  );

const dropout: Translation = (graph, args, call) => {
  if (args[2] === true)
    throw new ExportError('The model is in training mode: call nn.setTraining(model, false) first.');
  return identity(graph, args, call);
};

const to: Translation = (graph, args, call) => {
  const { dtype = 'float32' } = (args[1] ?? {}) as { dtype?: string };
  if (dtype !== 'float32') throw new ExportError(`A conversion to ${dtype} cannot be exported.`);
  return identity(graph, args, call);
};

/** By schema. An in-place operation is translated like the other one. */
const translations = new Map<string, Translation>([
  [ops.conv2d.schema, conv2d],
  [ops.conv2dPadded.schema, conv2dPadded],
  [ops.batchNorm.schema, (graph, args) => batchNorm(graph, args, args[7])],
  [ops.batchNormAct.schema, batchNormAct],
  [ops.relu.schema, unary('Relu')],
  [ops.relu6.schema, (graph, [x]) => clip(graph, x, 0, 6)],
  [ops.silu.schema, silu],
  [ops.sigmoid.schema, unary('Sigmoid')],
  [ops.hardswish.schema, unary('HardSwish')],
  [ops.hardsigmoid.schema, unary('HardSigmoid', { alpha: { float: 1 / 6 }, beta: { float: 0.5 } })],
  [ops.clamp.schema, (graph, [x, min, max]) => clip(graph, x, min, max)],
  [ops.softmax.schema, (graph, [x, dim]) => graph.node('Softmax', [named(graph, x)], { axis: int(Number(dim)) })],
  [ops.adaptiveAvgPool2d.schema, adaptiveAvgPool2d],
  [ops.avgPool2d.schema, pool('AveragePool')],
  [ops.maxPool2d.schema, pool('MaxPool')],
  [ops.flatten.schema, flatten],
  [ops.reshape.schema, reshape],
  [ops.permute.schema, permute],
  [ops.cat.schema, cat],
  [ops.linear.schema, linear],
  [ops.matmul.schema, binary('MatMul')],
  [ops.add.schema, binary('Add')],
  [ops.add_.schema, binary('Add')],
  [ops.sub.schema, binary('Sub')],
  [ops.mul.schema, binary('Mul')],
  [ops.mul_.schema, binary('Mul')],
  [ops.div.schema, binary('Div')],
  [ops.addScalar.schema, scalar('Add')],
  [ops.mulScalar.schema, scalar('Mul')],
  [ops.divScalar.schema, scalar('Div')],
  [ops.constantPadNd.schema, constantPadNd],
  [ops.meanDim.schema, meanDim],
  [ops.dropout.schema, dropout],
  [ops.to.schema, to],
  [ops.contiguous.schema, identity],
  [ops.clone.schema, identity],
  [ops.detach.schema, identity],
]);

/** Adds a recorded call to the graph. Throws `ExportError` if the operation has no translation. */
export function translate(graph: GraphBuilder, call: OpCall): void {
  const translation = translations.get(call.schema);
  if (translation === undefined) {
    const name = call.schema.slice(0, call.schema.indexOf('('));
    throw new ExportError(
      `The model uses ${name}, which cannot be exported: add a translation to packages/evenhand/src/export/translate.ts.`,
    );
  }
  graph.bind(call.result as Tensor, translation(graph, call.args, call));
}
