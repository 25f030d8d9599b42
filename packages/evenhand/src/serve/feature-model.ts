import { PbfReader, PbfWriter } from 'pbf';

/** Field numbers of onnx.proto in ModelProto, GraphProto, NodeProto, TensorProto. */
const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { node: 1, initializer: 5, output: 12 };
const NODE = { input: 1, output: 2, operator: 4 };
const TENSOR = { dims: 1, name: 8 };

const FLOAT = 1;

export interface FeatureModel {
  /** An ONNX file without metadata that gives features [N,F] in place of logits. */
  readonly bytes: Uint8Array;
  /** F */
  readonly features: number;
}

interface Node {
  readonly inputs: string[];
  outputs: string[];
  operator: string;
}

/**
 * The model up to the input of its last linear layer: the features from which the logits are computed. Undefined if the
 * logits come from anything else, as in an ensemble.
 *
 * @param bytes of an ONNX file
 * @param numClasses K
 */
export function featureModel(bytes: Uint8Array, numClasses: number): FeatureModel | undefined {
  const model = fieldsOf(bytes);
  const graph = model.find(({ tag }) => tag === MODEL.graph);
  if (graph === undefined) return undefined;
  const parts = fieldsOf(graph.content);
  const nodes = parts.filter(({ tag }) => tag === GRAPH.node).map(({ content }) => readNode(content));
  const shapes = new Map(parts.filter(({ tag }) => tag === GRAPH.initializer).map(({ content }) => readShape(content)));
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const output = parts.find(({ tag }) => tag === GRAPH.output);
  if (output === undefined) return undefined;

  /** Weights in 16 bits are converted by a node. */
  const shapeOf = (name: string): readonly number[] | undefined =>
    shapes.get(name) ?? shapes.get(producers.get(name)?.inputs[0] ?? '');
  const layer = lastLinear(producers, readName(output.content));
  const shape = layer && shapeOf(layer.inputs[1]!);
  if (layer === undefined || shape?.length !== 2 || !shape.includes(numClasses)) return undefined;
  const features = (shape[0]! * shape[1]!) / numClasses;

  const ours = new PbfWriter();
  ours.writeMessage(GRAPH.output, writeOutput, { name: layer.inputs[0]!, features });
  const rest = parts.filter(({ tag }) => tag !== GRAPH.output).map(({ whole }) => whole);
  const file = new PbfWriter();
  file.writeBytesField(MODEL.graph, Buffer.concat([...rest, ours.finish()]));
  const others = model.filter(({ tag }) => tag !== MODEL.graph && tag !== MODEL.metadata).map(({ whole }) => whole);
  return { bytes: Buffer.concat([...others, file.finish()]), features };
}

/** The node that computes `name` as a linear layer: Gemm, or MatMul with or without Add. */
function lastLinear(producers: ReadonlyMap<string, Node>, name: string): Node | undefined {
  const node = producers.get(name);
  if (node?.operator === 'Gemm' || node?.operator === 'MatMul') return node;
  if (node?.operator !== 'Add') return undefined;
  return node.inputs.map((input) => producers.get(input)).find((each) => each?.operator === 'MatMul');
}

interface Field {
  readonly tag: number;
  /** The field with its tag, and what is in it. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** The fields of a message that have a length. The file was read by ONNX Runtime, so it is intact. */
function fieldsOf(message: Uint8Array): Field[] {
  const pbf = new PbfReader(message);
  const fields: Field[] = [];
  while (pbf.pos < message.length) {
    const start = pbf.pos;
    const key = pbf.readVarint();
    const from = pbf.pos;
    pbf.skip(key);
    const whole = message.subarray(start, pbf.pos);
    const isMessage = (key & 7) === 2;
    const content = isMessage ? contentOf(message, from) : whole.subarray(0, 0);
    fields.push({ tag: key >> 3, whole, content });
  }
  return fields;
}

function contentOf(message: Uint8Array, from: number): Uint8Array {
  const pbf = new PbfReader(message);
  pbf.pos = from;
  const length = pbf.readVarint();
  return message.subarray(pbf.pos, pbf.pos + length);
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function readNode(bytes: Uint8Array): Node {
  const fields = fieldsOf(bytes);
  const texts = (wanted: number): string[] =>
    fields.filter(({ tag }) => tag === wanted).map(({ content }) => textOf(content));
  return { inputs: texts(NODE.input), outputs: texts(NODE.output), operator: texts(NODE.operator)[0] ?? '' };
}

function readShape(bytes: Uint8Array): [name: string, shape: number[]] {
  const found = { name: '', shape: [] as number[] };
  new PbfReader(bytes).readFields((tag, result, pbf) => {
    if (tag === TENSOR.name) result.name = pbf.readString();
    // One by one, or packed.
    if (tag === TENSOR.dims) {
      if (pbf.type === 2) pbf.readPackedVarint(result.shape);
      else result.shape.push(pbf.readVarint());
    }
  }, found);
  return [found.name, found.shape];
}

const readName = (bytes: Uint8Array): string =>
  textOf(fieldsOf(bytes).find(({ tag }) => tag === 1)?.content ?? new Uint8Array());

/** A ValueInfoProto: float32 [N, features]. */
function writeOutput({ name, features }: { name: string; features: number }, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(2, writeType, features);
}

function writeType(features: number, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, features);
}

function writeTensorType(features: number, pbf: PbfWriter): void {
  pbf.writeVarintField(1, FLOAT);
  pbf.writeMessage(2, writeDimensions, features);
}

function writeDimensions(features: number, pbf: PbfWriter): void {
  pbf.writeMessage(1, (name: string, dimension: PbfWriter) => dimension.writeStringField(2, name), 'N');
  pbf.writeMessage(1, (size: number, dimension: PbfWriter) => dimension.writeVarintField(1, size), features);
}
