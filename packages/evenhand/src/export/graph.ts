import type { Tensor } from '@evenhand/torch';

/** An attribute of an ONNX node. ONNX distinguishes `float` and `int`. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

/** A call of an ONNX operator. Values are referred to by name; an optional input that is missing is ''. */
export interface Node {
  op: string;
  inputs: string[];
  output: string;
  attributes: Record<string, Attribute>;
}

/** A constant: a weight, or a shape or bound of an operator. */
export type Constant =
  | { readonly type: 'float32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly type: 'int64'; readonly shape: readonly number[]; readonly data: BigInt64Array };

/** A computation as ONNX nodes, in execution order. */
export interface Graph {
  readonly nodes: Node[];
  readonly constants: Map<string, Constant>;
  readonly input: string;
  /** Shape of the input; a string is the name of a dimension of any size. */
  readonly inputShape: readonly (number | string)[];
  readonly output: string;
  readonly outputShape: readonly (number | string)[];
}

/** A model cannot be exported to ONNX; `message` is one sentence that says why. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

/** Builds a graph while a module runs, and keeps the name of each tensor. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, Constant>();
  readonly #names = new Map<Tensor, string>();
  readonly #keys: ReadonlyMap<Tensor, string>;
  #count = 0;

  /** @param parameters the module's state dict; its keys become the names of constants */
  constructor(parameters: ReadonlyMap<string, Tensor>) {
    this.#keys = new Map([...parameters].map(([key, tensor]) => [tensor, key]));
  }

  /** Gives a tensor a name. */
  bind(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name);
  }

  /** The name of a tensor. A tensor that no node has computed becomes a constant, such as a weight. */
  nameOf(tensor: Tensor): string {
    const existing = this.#names.get(tensor);
    if (existing !== undefined) return existing;
    const name = this.#keys.get(tensor) ?? this.#newName('constant');
    const data = tensor.toArray();
    if (data instanceof Float32Array) this.constants.set(name, { type: 'float32', shape: tensor.shape, data });
    else if (data instanceof BigInt64Array) this.constants.set(name, { type: 'int64', shape: tensor.shape, data });
    else throw new ExportError(`${name} has the type ${tensor.dtype}; only float32 and int64 can be exported.`);
    this.bind(tensor, name);
    return name;
  }

  /** Adds a node and returns the name of its output. */
  node(op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    const output = this.#newName(op);
    this.nodes.push({ op, inputs: [...inputs], output, attributes });
    return output;
  }

  scalar(value: number): string {
    const name = this.#newName('scalar');
    this.constants.set(name, { type: 'float32', shape: [], data: Float32Array.of(value) });
    return name;
  }

  integers(values: readonly number[]): string {
    const name = this.#newName('integers');
    this.constants.set(name, { type: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  #newName(kind: string): string {
    return `${kind}_${this.#count++}`;
  }
}
