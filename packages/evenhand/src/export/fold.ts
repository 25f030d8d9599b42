import type { Constant, Graph, Node } from './graph.js';

/**
 * Folds each BatchNormalization into the convolution before it, if that convolution has no other reader: scaling and
 * shifting the outputs of a convolution is a convolution with other weights and biases. Computed in double precision.
 */
export function foldBatchNorms(graph: Graph): Graph {
  const readers = new Map<string, number>();
  for (const name of [graph.output, ...graph.nodes.flatMap((node) => node.inputs)]) {
    readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  const constants = new Map(graph.constants);
  const producers = new Map<string, Node>();
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const conv = node.op === 'BatchNormalization' ? producers.get(node.inputs[0]!) : undefined;
    const hasOneReader = conv?.op === 'Conv' && readers.get(conv.output) === 1;
    if (conv && hasOneReader && foldInto(conv, node, constants)) {
      conv.output = node.output;
      producers.set(node.output, conv);
      continue;
    }
    const copy = { ...node, inputs: [...node.inputs] };
    nodes.push(copy);
    producers.set(copy.output, copy);
  }
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return { ...graph, nodes, constants: new Map([...constants].filter(([name]) => used.has(name))) };
}

/** Returns false and changes nothing if weights or statistics are not constants. */
function foldInto(conv: Node, norm: Node, constants: Map<string, Constant>): boolean {
  const [, weightName, biasName] = conv.inputs as [string, string, string?];
  const numbers = (name: string | undefined): Float32Array | undefined => {
    const constant = name === undefined ? undefined : constants.get(name);
    return constant?.type === 'float32' ? constant.data : undefined;
  };
  const weight = constants.get(weightName);
  const [scale, shift, mean, variance] = norm.inputs.slice(1).map(numbers);
  const bias = numbers(biasName);
  if (weight?.type !== 'float32' || !scale || !shift || !mean || !variance || (biasName && !bias)) return false;
  const epsilon = (norm.attributes.epsilon as { float: number }).float;
  const perOutput = weight.data.length / scale.length;
  const folded = new Float32Array(weight.data.length);
  const biases = new Float32Array(scale.length);
  for (let channel = 0; channel < scale.length; channel++) {
    const factor = scale[channel]! / Math.sqrt(variance[channel]! + epsilon);
    const from = channel * perOutput;
    for (let i = from; i < from + perOutput; i++) folded[i] = weight.data[i]! * factor;
    biases[channel] = ((bias?.[channel] ?? 0) - mean[channel]!) * factor + shift[channel]!;
  }
  // Under new names, because another convolution may share the weights.
  const name = (kind: string) => `${norm.output}_${kind}`;
  constants.set(name('weight'), { type: 'float32', shape: weight.shape, data: folded });
  constants.set(name('bias'), { type: 'float32', shape: [biases.length], data: biases });
  conv.inputs = [conv.inputs[0]!, name('weight'), name('bias')];
  return true;
}
