import { ops, scope, tensor } from '@evenhand/torch';
import { PbfWriter } from 'pbf';
import { type Attribute, type Constant, ExportError, type Graph, type Node } from './graph.js';

/** Versions of the operator set and the file format; ONNX Runtime 1.14 (2023) and newer read them. */
const OPSET = 17;
const IR_VERSION = 8;

/** Types in onnx.proto (github.com/onnx/onnx, `onnx/onnx.proto`), as the field numbers below. */
const TYPE = { float32: 1, int64: 7, float16: 10 } as const;
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;

/** A protobuf message, and so an ONNX file, has at most 2 GiB; what is not a constant has less than 16 MiB. */
const MAX_CONSTANTS = 2 ** 31 - 2 ** 24;

export interface FileOptions {
  /** Keys and values of the file's `metadata_props`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Stores weights as float16; they are converted to float32 when the model is loaded, so computation does not change. */
  readonly half: boolean;
  /** The program that writes the file, and its version. */
  readonly producer: readonly [name: string, version: string];
}

/** Encodes the graph as an ONNX file. @throws ExportError if it would be larger than ONNX Runtime can read */
export function encodeOnnx(graph: Graph, { metadata, half, producer }: FileOptions): Uint8Array {
  // Room for all, because a writer that is too small doubles its memory.
  const file = new PbfWriter(new Uint8Array(sizeOfConstants(graph, half) + 2 ** 16));
  file.writeVarintField(1, IR_VERSION);
  file.writeStringField(2, producer[0]);
  file.writeStringField(3, producer[1]);
  // Before the graph, so that readers find it without reading the weights.
  for (const entry of Object.entries(metadata)) file.writeMessage(14, writeEntry, entry);
  file.writeMessage(8, writeOpset, OPSET);
  file.writeMessage(7, writeGraph, half ? withHalfWeights(graph) : graph);
  return file.finish();
}

/** Those that the nodes of a graph have in their attributes, with the node and the attribute's name. */
const branches = ({ nodes }: Graph) =>
  nodes.flatMap((node) =>
    Object.entries(node.attributes).flatMap(([name, value]) => ('graph' in value ? [{ node, name, ...value }] : [])),
  );

/** In bytes. */
function sizeOfConstants(graph: Graph, half: boolean): number {
  const sizeOf = (of: Graph): number => {
    let bytes = 0;
    for (const constant of of.constants.values()) {
      bytes += constant.data.byteLength / (half && isHalved(constant) ? 2 : 1);
    }
    return branches(of).reduce((sum, branch) => sum + sizeOf(branch.graph), bytes);
  };
  const bytes = sizeOf(graph);
  if (bytes <= MAX_CONSTANTS) return bytes;
  const smaller = branches(graph).length > 0 ? 'fewer or smaller models' : 'a smaller model';
  const remedy = half ? `choose ${smaller}` : `store them as float16 (--fp16), or choose ${smaller}`;
  throw new ExportError(
    `The weights have ${(bytes / 1e9).toFixed(1)} GB, but an ONNX file holds at most 2.1 GB: ${remedy}.`,
  );
}

/** Weights of matrices and convolutions. */
const isHalved = ({ type, shape }: Constant): boolean => type === 'float32' && shape.length >= 2;

/** Renames the weights of matrices and convolutions, and adds nodes in front that convert them to float32. */
function withHalfWeights(graph: Graph): Graph & { half: ReadonlySet<string> } {
  const constants = new Map<string, Constant>();
  const casts: Node[] = [];
  const half = new Set<string>();
  for (const [name, constant] of graph.constants) {
    if (!isHalved(constant)) {
      constants.set(name, constant);
      continue;
    }
    const stored = `${name}_float16`;
    half.add(stored);
    constants.set(stored, constant);
    casts.push({ op: 'Cast', inputs: [stored], output: name, attributes: { to: { int: TYPE.float32 } } });
  }
  const nodes = graph.nodes.map((node) => ({ ...node, attributes: { ...node.attributes } }));
  for (const { node, name, graph: branch } of branches({ ...graph, nodes })) {
    node.attributes[name] = { graph: withHalfWeights(branch) };
  }
  return { ...graph, constants, nodes: [...casts, ...nodes], half };
}

function writeEntry([key, value]: [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}

function writeOpset(version: number, pbf: PbfWriter): void {
  pbf.writeStringField(1, '');
  pbf.writeVarintField(2, version);
}

function writeGraph(graph: Graph & { half?: ReadonlySet<string> }, pbf: PbfWriter): void {
  for (const [i, node] of graph.nodes.entries()) pbf.writeMessage(1, writeNode, { node, name: `${node.op}_${i}` });
  pbf.writeStringField(2, 'evenhand');
  for (const [name, constant] of graph.constants) {
    pbf.writeMessage(5, writeConstant, { name, constant, half: graph.half?.has(name) ?? false });
  }
  if (graph.input !== '') pbf.writeMessage(11, writeValueInfo, { name: graph.input, shape: graph.inputShape });
  if (graph.countInput !== undefined) {
    pbf.writeMessage(11, writeValueInfo, { name: graph.countInput, shape: [], type: 'int64' });
  }
  pbf.writeMessage(12, writeValueInfo, { name: graph.output, shape: graph.outputShape });
}

function writeNode({ node, name }: { node: Node; name: string }, pbf: PbfWriter): void {
  for (const input of node.inputs) pbf.writeStringField(1, input);
  pbf.writeStringField(2, node.output);
  pbf.writeStringField(3, name);
  pbf.writeStringField(4, node.op);
  for (const attribute of Object.entries(node.attributes)) pbf.writeMessage(5, writeAttribute, attribute);
}

function writeAttribute([name, attribute]: [string, Attribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  const [kind] = Object.keys(attribute) as [keyof typeof ATTRIBUTE_TYPE];
  if ('float' in attribute) pbf.writeFloatField(2, attribute.float);
  else if ('int' in attribute) pbf.writeVarintField(3, attribute.int);
  else if ('string' in attribute) pbf.writeBytesField(4, new TextEncoder().encode(attribute.string));
  else if ('graph' in attribute) pbf.writeMessage(6, writeGraph, attribute.graph);
  // Not packed, because onnx.proto is proto2.
  else for (const value of attribute.ints) pbf.writeVarintField(8, value);
  pbf.writeVarintField(20, ATTRIBUTE_TYPE[kind]);
}

function writeConstant(
  { name, constant, half }: { name: string; constant: Constant; half: boolean },
  pbf: PbfWriter,
): void {
  for (const size of constant.shape) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, TYPE[half ? 'float16' : constant.type]);
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, half ? float16Bytes(constant) : bytesOf(constant.data));
}

const bytesOf = (data: Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Node 20 has no Float16Array; libtorch rounds as in IEEE 754. */
function float16Bytes({ data }: Constant): Uint8Array {
  return scope(() => ops.to(tensor(data, [data.length]), { dtype: 'float16' }).toBytes());
}

interface Value {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly type?: 'float32' | 'int64';
}

function writeValueInfo(value: Value, pbf: PbfWriter): void {
  pbf.writeStringField(1, value.name);
  pbf.writeMessage(2, writeType, value);
}

function writeType(value: Value, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, value);
}

function writeTensorType({ type = 'float32', shape }: Value, pbf: PbfWriter): void {
  pbf.writeVarintField(1, TYPE[type]);
  pbf.writeMessage(2, writeShape, shape);
}

function writeShape(shape: Value['shape'], pbf: PbfWriter): void {
  for (const size of shape) pbf.writeMessage(1, writeDimension, size);
}

function writeDimension(size: number | string, pbf: PbfWriter): void {
  if (typeof size === 'number') pbf.writeVarintField(1, size);
  else pbf.writeStringField(2, size);
}
