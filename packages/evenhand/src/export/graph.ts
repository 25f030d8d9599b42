import type { Tensor } from '@evenhand/torch';

/** An attribute of an ONNX node; a `float` is told apart from an `int`, as ONNX does. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

/** A call of an ONNX operator. Values go by their names; an input that is left out is ''. */
export interface Node {
  op: string;
  inputs: string[];
  output: string;
  attributes: Record<string, Attribute>;
}

/** A constant: a weight, or an operator's shape or bound. */
export type Constant =
  | { readonly type: 'float32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly type: 'int64'; readonly shape: readonly number[]; readonly data: BigInt64Array };

/** A computation in the terms of ONNX, in the order in which it runs. */
export interface Graph {
  readonly nodes: Node[];
  readonly constants: Map<string, Constant>;
  readonly input: string;
  /** Shape of the input; a string is a dimension that may have any size. */
  readonly inputShape: readonly (number | string)[];
  readonly output: string;
  readonly outputShape: readonly (number | string)[];
}

/** A model that cannot be written as ONNX; `message` is one sentence that says why. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

/** Builds a graph while a module runs: keeps the name of each tensor that it has met. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, Constant>();
  readonly #names = new Map<Tensor, string>();
  readonly #keys: ReadonlyMap<Tensor, string>;
  #count = 0;

  /** @param parameters the module's own tensors by their keys, which become the constants' names */
  constructor(parameters: ReadonlyMap<string, Tensor>) {
    this.#keys = new Map([...parameters].map(([key, tensor]) => [tensor, key]));
  }

  /** From here on, `tensor` is the value of this name. */
  bind(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name);
  }

  /** The name of a tensor's value. One that no node computed is a constant, such as a weight. */
  nameOf(tensor: Tensor): string {
    const known = this.#names.get(tensor);
    if (known !== undefined) return known;
    const name = this.#keys.get(tensor) ?? this.#fresh('constant');
    const data = tensor.toArray();
    if (data instanceof Float32Array) this.constants.set(name, { type: 'float32', shape: tensor.shape, data });
    else if (data instanceof BigInt64Array) this.constants.set(name, { type: 'int64', shape: tensor.shape, data });
    else throw new ExportError(`${name} is of the type ${tensor.dtype}; only float32 and int64 can be exported.`);
    this.bind(tensor, name);
    return name;
  }

  /** Adds a node and returns the name of its output. */
  node(op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    const output = this.#fresh(op);
    this.nodes.push({ op, inputs: [...inputs], output, attributes });
    return output;
  }

  scalar(value: number): string {
    const name = this.#fresh('scalar');
    this.constants.set(name, { type: 'float32', shape: [], data: Float32Array.of(value) });
    return name;
  }

  integers(values: readonly number[]): string {
    const name = this.#fresh('integers');
    this.constants.set(name, { type: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  #fresh(kind: string): string {
    return `${kind}_${this.#count++}`;
  }
}
