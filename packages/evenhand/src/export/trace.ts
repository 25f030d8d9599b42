import { noGrad, type OpCall, ops, recordOps, scope, Tensor } from '@evenhand/torch';
import { ExportError, type Graph, GraphBuilder, type Node } from './graph.js';
import { translate } from './translate.js';
import { type CallShapes, IMAGES, nameOfOp, OTHER_IMAGES, sizesOf } from './translation.js';

export interface TraceOptions {
  /** Names of the input and the output. */
  readonly names: readonly [input: string, output: string];
  /** Shape of the input without its first dimension, the number of images. */
  readonly shape: readonly number[];
  /** The module's state dict; its keys become the names of constants. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly device?: string;
}

/**
 * Runs a computation of a tensor [N,...shape] once for one image and once for two, and translates its operations. What
 * differs between both depends on the number of images and must stay free in the graph.
 *
 * @throws ExportError if an operation has no translation, or if the graph would be right for one N only
 */
export function traceGraph(
  compute: (x: Tensor) => Tensor,
  { names: [input, output], shape, parameters, device = 'cpu' }: TraceOptions,
): Graph {
  const graph = new GraphBuilder(input, parameters);
  const zeros = (count: number): Tensor => ops.zeros([count, ...shape], { device });
  return scope(() =>
    noGrad(() => {
      const [one, x] = [zeros(OTHER_IMAGES), zeros(IMAGES)];
      const others = recordShapes(() => compute(one));
      graph.bind(x, input);
      let count = 0;
      const result = recordOps(
        (call) => {
          const other = others.calls[count++];
          if (other?.schema !== call.schema) throw differentOps(call, other);
          translate(graph, { ...call, other });
        },
        () => compute(x),
      );
      if (count < others.calls.length) throw differentOps(undefined, others.calls[count]);
      const nodes = nodesOf(graph, graph.nameOf(result), output);
      const outputShape = sizesOf(result, others.result, 'The output').map((size) =>
        typeof size === 'number' ? size : size.perImage === 1 ? 'N' : `${size.perImage}N`,
      );
      return { nodes, constants: graph.constants, input, inputShape: ['N', ...shape], output, outputShape };
    }),
  );
}

function differentOps(call: OpCall | undefined, other: CallShapes | undefined): ExportError {
  const [name, otherName] = [call, other].map((one) => (one === undefined ? 'nothing' : nameOfOp(one)));
  return new ExportError(
    `The model's operations depend on the number of images: for ${IMAGES} it uses ${name}, for ${OTHER_IMAGES} ${otherName}.`,
  );
}

/** The operations of a computation and its result, with shapes in place of tensors. */
function recordShapes(work: () => Tensor): { calls: CallShapes[]; result: unknown } {
  const calls: CallShapes[] = [];
  const record = ({ schema, args, result }: OpCall): void => {
    calls.push({ schema, args: args.map(shapesIn), result: shapesIn(result) });
  };
  return { calls, result: scope(() => ({ shape: recordOps(record, work).shape })) };
}

/** The value with `{ shape }` in place of each tensor. */
function shapesIn(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Tensor) return { shape: value.shape };
  if (Array.isArray(value)) return value.map(shapesIn);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shapesIn(entry)]));
}

/** The nodes that compute the value `result`, and it under another name. */
function nodesOf({ nodes }: GraphBuilder, result: string, name: string): Node[] {
  const needed = new Set([result]);
  const used: Node[] = [];
  const rename = (value: string): string => (value === result ? name : value);
  for (const { op, inputs, output, attributes } of [...nodes].reverse()) {
    if (!needed.has(output)) continue;
    for (const value of inputs) needed.add(value);
    used.push({ op, inputs: inputs.map(rename), output: rename(output), attributes });
  }
  if (used.length === 0) throw new ExportError('The model computes nothing from the images.');
  return used.reverse();
}
