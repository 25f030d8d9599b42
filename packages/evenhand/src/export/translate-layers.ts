import { nn, ops, type Tensor } from '@evenhand/torch';
import { type Attribute, ExportError, type GraphBuilder } from './graph.js';
import { both, identity, int, ints, named, optional, shapeOf, type Translation, unary } from './translation.js';

const silu: Translation = (graph, [x]) => {
  const name = named(graph, x);
  return graph.node('Mul', [name, graph.node('Sigmoid', [name])]);
};

const clip = (graph: GraphBuilder, x: unknown, min: unknown, max: unknown): string => {
  const bound = (value: unknown) => (value === null || value === undefined ? '' : graph.scalar(Number(value)));
  return graph.node('Clip', [named(graph, x), bound(min), bound(max)]);
};

/** As two ONNX operators that exist in opset 17, in a form that ONNX Runtime fuses: `Gelu` came with opset 20. */
const gelu: Translation = (graph, [x, options = {}]) => {
  const name = named(graph, x);
  const { approximate = 'none' } = options as { approximate?: string };
  const node = (op: string, a: string, b: string | number): string =>
    graph.node(op, [a, typeof b === 'number' ? graph.scalar(b) : b]);
  if (approximate === 'none') {
    const erf = graph.node('Erf', [node('Div', name, Math.SQRT2)]);
    return node('Mul', node('Mul', name, node('Add', erf, 1)), 0.5);
  }
  const cube = node('Mul', node('Mul', name, name), name);
  const inner = node('Mul', node('Add', name, node('Mul', cube, 0.044715)), Math.sqrt(2 / Math.PI));
  return node('Mul', node('Mul', name, 0.5), node('Add', graph.node('Tanh', [inner]), 1));
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

const depthwiseConv2d: Translation = (graph, [x, weight, bias, stride, padding]) =>
  convolution(graph, [x, weight, bias, stride, padding, 1, shapeOf(weight)[0]], { pads: symmetric(padding) });

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

const layerNorm: Translation = (graph, [x, normalized, weight, bias, eps = 1e-5]) => {
  const shape = normalized as number[];
  const ones = () => graph.floats(new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1), shape);
  const inputs = [named(graph, x), optional(graph, weight) || ones()];
  if (bias !== null && bias !== undefined) inputs.push(named(graph, bias));
  return graph.node('LayerNormalization', inputs, { axis: int(-shape.length), epsilon: { float: Number(eps) } });
};

/** The number of windows along one dimension; with `ceil` the last one may reach beyond the padding. */
function windowCount(size: number, kernel: number, stride: number, padding: number, ceil: boolean): number {
  const room = (size + 2 * padding - kernel) / stride;
  return (ceil ? Math.ceil(room) : Math.floor(room)) + 1;
}

const pool =
  (op: 'AveragePool' | 'MaxPool'): Translation =>
  (graph, args, { result }) => {
    const [x, kernel, stride, padding] = args;
    const average = op === 'AveragePool';
    const [dilation, ceil] = average ? [1, args[4] === true] : [args[4], args[5] === true];
    if (average && args[6] !== undefined && args[6] !== null) {
      throw new ExportError('AveragePool with divisor_override cannot be exported.');
    }
    const size = both(kernel, 1);
    const steps = Array.isArray(stride) && stride.length === 0 ? size : both(stride ?? size, 1);
    const pads = both(padding, 0);
    const dilations = both(dilation, 1);
    const isPadded = pads.some((pad) => pad > 0);
    if (ceil) {
      // ATen drops a last window that begins in the padding; and ONNX Runtime divides such means by the whole window.
      const counts = size.map((extent, i) => {
        const reach = dilations[i]! * (extent - 1) + 1;
        return windowCount(shapeOf(x).at(i - 2)!, reach, steps[i]!, pads[i]!, true);
      });
      const isSame = counts.every((count, i) => count === shapeOf(result).at(i - 2));
      if (!isSame || (average && isPadded && args[5] !== false)) {
        throw new ExportError(`${op} with ceil_mode and padding ${pads.join(' x ')} cannot be exported.`);
      }
    }
    const countsPadding = args[5] !== false && isPadded;
    return graph.node(op, [named(graph, x)], {
      kernel_shape: ints(size),
      strides: ints(steps),
      pads: symmetric(padding),
      ...(ceil ? { ceil_mode: int(1) } : {}),
      ...(average ? { count_include_pad: int(countsPadding ? 1 : 0) } : { dilations: ints(dilations) }),
    });
  };

const adaptiveAvgPool2d: Translation = (graph, [x, size]) => {
  const [height, width] = both(size, 1);
  if (height === 1 && width === 1) return graph.node('GlobalAveragePool', [named(graph, x)]);
  throw new ExportError(`Adaptive pooling to ${height} x ${width} cannot be exported, only to 1 x 1.`);
};

const linear: Translation = (graph, [x, weight, bias]) => {
  const name = named(graph, x);
  const shift = optional(graph, bias);
  if (shapeOf(x).length === 2) {
    const inputs = [name, named(graph, weight)];
    return graph.node('Gemm', shift === '' ? inputs : [...inputs, shift], { transB: int(1) });
  }
  const product = graph.node('MatMul', [name, graph.transposed(weight as Tensor)]);
  return shift === '' ? product : graph.node('Add', [product, shift]);
};

/** As separate operators: ONNX has one for attention since opset 23. */
const attention: Translation = (graph, [q, k, v, mask, dropout = 0, causal = false]) => {
  if (dropout !== 0 || causal === true) {
    throw new ExportError('Attention with dropout or a causal mask cannot be exported.');
  }
  const last = shapeOf(k).length - 1;
  const perm = shapeOf(k).map((_, dim) => (dim < last - 1 ? dim : 2 * last - 1 - dim));
  const keys = graph.node('Transpose', [named(graph, k)], { perm: ints(perm) });
  const queries = graph.node('Mul', [named(graph, q), graph.scalar(1 / Math.sqrt(shapeOf(q).at(-1)!))]);
  const products = graph.node('MatMul', [queries, keys]);
  const shift = optional(graph, mask);
  const scores = shift === '' ? products : graph.node('Add', [products, shift]);
  return graph.node('MatMul', [graph.node('Softmax', [scores], { axis: int(-1) }), named(graph, v)]);
};

const dropout: Translation = (graph, args) => {
  if (args[2] === true)
    throw new ExportError('The model is in training mode: call nn.setTraining(model, false) first.');
  return identity(graph, args);
};

/** Layers and activations. */
export const layerTranslations: readonly [schema: string, Translation][] = [
  [ops.conv2d.schema, conv2d],
  [ops.conv2dPadded.schema, conv2dPadded],
  [ops.depthwiseConv2d.schema, depthwiseConv2d],
  [ops.batchNorm.schema, (graph, args) => batchNorm(graph, args, args[7])],
  [ops.batchNormAct.schema, batchNormAct],
  [ops.layerNorm.schema, layerNorm],
  [ops.relu.schema, unary('Relu')],
  [ops.relu_.schema, unary('Relu')],
  [ops.relu6.schema, (graph, [x]) => clip(graph, x, 0, 6)],
  [ops.silu.schema, silu],
  [ops.sigmoid.schema, unary('Sigmoid')],
  [ops.hardswish.schema, unary('HardSwish')],
  [ops.hardsigmoid.schema, unary('HardSigmoid', { alpha: { float: 1 / 6 }, beta: { float: 0.5 } })],
  [ops.gelu.schema, gelu],
  [ops.tanh.schema, unary('Tanh')],
  [ops.clamp.schema, (graph, [x, min, max]) => clip(graph, x, min, max)],
  [ops.softmax.schema, (graph, [x, dim]) => graph.node('Softmax', [named(graph, x)], { axis: int(Number(dim)) })],
  [ops.adaptiveAvgPool2d.schema, adaptiveAvgPool2d],
  [ops.avgPool2d.schema, pool('AveragePool')],
  [ops.maxPool2d.schema, pool('MaxPool')],
  [ops.linear.schema, linear],
  [nn.scaledDotProductAttention.schema, attention],
  [ops.dropout.schema, dropout],
];
