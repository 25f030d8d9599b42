import { type Constant, ExportError, type Graph, type Node } from './graph.js';

/** Means and standard deviations of the three channels, by which pixels in [0, 1] are normalised. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

interface Member {
  readonly graph: Graph;
  readonly normalisation: Normalisation;
}

/** ONNX's number of float32. */
const FLOAT = 1;

const COUNT = 'members';

/**
 * A graph of the mean of the outputs of the first `members` graphs, an int64 scalar that is its second input; below 1 it
 * counts as 1, above their number as all. Every graph
 * but the first is in the branch of an `If`, so that one that is left out takes no time. The input is normalised as the
 * first graph expects it.
 */
export function averageOf(members: readonly Member[]): Graph {
  const [first, ...others] = members.map((member, k) => withPrefix(`member${k}.`, member.graph));
  const { input, inputShape, outputShape } = first!;
  for (const { outputShape: shape } of others) {
    if (String(shape) === String(outputShape)) continue;
    throw new ExportError(
      `The networks have outputs of the shapes [${outputShape}] and [${shape}]; expected the same.`,
    );
  }
  const nodes: Node[] = [...first!.nodes];
  const constants = new Map(first!.constants);
  const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): string => {
    nodes.push({ op, inputs, output, attributes });
    return output;
  };
  const limit = (name: string, value: number): string => {
    constants.set(name, { type: 'int64', shape: [], data: BigInt64Array.of(BigInt(value)) });
    return name;
  };
  const atLeast1 = node('Max', [COUNT, limit('one', 1)], 'atLeast1');
  const used = node('Min', [atLeast1, limit('all', members.length)], 'used');
  const outputs = others.map((graph, i) => {
    const k = i + 1;
    const isUsed = node('Greater', [used, limit(`index${k}`, k)], `isUsed${k}`);
    const branches = {
      then_branch: { graph: withInputOf(graph, `member${k}.`, members[k]!.normalisation, members[0]!.normalisation) },
      else_branch: { graph: zero(`member${k}.none`) },
    };
    return node('If', [isUsed], `logits${k}`, branches);
  });
  const sum = node('Sum', [first!.output, ...outputs], 'sum');
  const count = node('Cast', [used], 'count', { to: { int: FLOAT } });
  node('Div', [sum, count], 'logits');
  return { nodes, constants, input, inputShape, countInput: COUNT, output: 'logits', outputShape };
}

/** The graph as a branch: it reads the input of the graph around it, normalised as it expects it. */
function withInputOf(graph: Graph, prefix: string, own: Normalisation, given: Normalisation): Graph {
  const scale = own.std.map((std, c) => given.std[c]! / std);
  const offset = own.mean.map((mean, c) => (given.mean[c]! - mean) / own.std[c]!);
  if (scale.every((x) => x === 1) && offset.every((x) => x === 0)) return { ...graph, input: '' };
  const perChannel = (values: readonly number[]): Constant => {
    return { type: 'float32', shape: [1, values.length, 1, 1], data: Float32Array.from(values) };
  };
  const [scaleName, offsetName, scaled, input] = ['scale', 'offset', 'scaled', 'input'].map((name) => prefix + name);
  const constants = new Map(graph.constants);
  constants.set(scaleName!, perChannel(scale)).set(offsetName!, perChannel(offset));
  const nodes: Node[] = [
    { op: 'Mul', inputs: [graph.input, scaleName!], output: scaled!, attributes: {} },
    { op: 'Add', inputs: [scaled!, offsetName!], output: input!, attributes: {} },
    ...graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => (name === graph.input ? input! : name)),
    })),
  ];
  return { ...graph, nodes, constants, input: '' };
}

/** Adds nothing to the sum. */
function zero(name: string): Graph {
  const constants = new Map<string, Constant>([
    [`${name}.zero`, { type: 'float32', shape: [1, 1], data: new Float32Array(1) }],
  ]);
  const nodes: Node[] = [{ op: 'Identity', inputs: [`${name}.zero`], output: name, attributes: {} }];
  return { nodes, constants, input: '', inputShape: [], output: name, outputShape: [1, 1] };
}

/** The graph with other names for all of its values but the input. */
function withPrefix(prefix: string, graph: Graph): Graph {
  const rename = (name: string): string => (name === '' || name === graph.input ? name : prefix + name);
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), output: rename(node.output) })),
    constants: new Map(Array.from(graph.constants, ([name, constant]) => [rename(name), constant])),
    output: rename(graph.output),
  };
}
