import type { Tensor } from '@evenhand/torch';

/** An attribute of an ONNX node. ONNX distinguishes `float` and `int`. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string }
  | { readonly graph: Graph };

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

/** A computation as ONNX nodes, in execution order. The branch of an `If` has no input of its own: ''. */
export interface Graph {
  readonly nodes: Node[];
  readonly constants: Map<string, Constant>;
  readonly input: string;
  /** Shape of the input; a string is the name of a dimension of any size. */
  readonly inputShape: readonly (number | string)[];
  /** The name of a second input, an int64 scalar. */
  readonly countInput?: string;
  readonly output: string;
  readonly outputShape: readonly (number | string)[];
}

/** A model cannot be exported to ONNX; `message` is one sentence that says why. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

/** A size of a tensor: fixed, or a multiple of the number of images. */
export type Size = number | { readonly perImage: number };

/** Builds a graph while a module runs, and keeps the name of each tensor. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, Constant>();
  readonly #names = new Map<Tensor, string>();
  readonly #transposed = new Map<Tensor, string>();
  readonly #computed = new WeakSet<Tensor>();
  readonly #keys: ReadonlyMap<Tensor, string>;
  readonly #cache = new Map<string, string>();
  #count = 0;

  /**
   * @param input name of the graph's input
   * @param parameters the module's state dict; its keys become the names of constants
   */
  constructor(
    readonly input: string,
    parameters: ReadonlyMap<string, Tensor>,
  ) {
    this.#keys = new Map([...parameters].map(([key, tensor]) => [tensor, key]));
  }

  /** Gives a tensor that depends on the input a name. */
  bind(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name);
    this.#computed.add(tensor);
  }

  /** Whether a tensor depends on the input. */
  isComputed(tensor: Tensor): boolean {
    return this.#computed.has(tensor);
  }

  /** Drops the names of a constant, because its values have changed. */
  forget(tensor: Tensor): void {
    this.#names.delete(tensor);
    this.#transposed.delete(tensor);
  }

  /** The name of a tensor. A tensor that does not depend on the input becomes a constant, such as a weight. */
  nameOf(tensor: Tensor): string {
    const existing = this.#names.get(tensor);
    if (existing !== undefined) return existing;
    const name = this.#keys.get(tensor) ?? this.#newName('constant');
    this.constants.set(name, constantOf(tensor, name));
    this.#names.set(tensor, name);
    return name;
  }

  /** The name of a matrix with rows and columns exchanged. A constant is stored so. */
  transposed(matrix: Tensor): string {
    if (this.isComputed(matrix)) return this.node('Transpose', [this.nameOf(matrix)], { perm: { ints: [1, 0] } });
    const existing = this.#transposed.get(matrix);
    if (existing !== undefined) return existing;
    const name = `${this.#keys.get(matrix) ?? this.#newName('constant')}_transposed`;
    this.constants.set(name, transpose(constantOf(matrix, name)));
    this.#transposed.set(matrix, name);
    return name;
  }

  /** Adds a node and returns the name of its output. */
  node(op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    const output = this.#newName(op);
    this.nodes.push({ op, inputs: [...inputs], output, attributes });
    return output;
  }

  scalar(value: number): string {
    return this.floats([value], []);
  }

  floats(values: readonly number[], shape: readonly number[]): string {
    return this.#cached(`floats ${values} ${shape}`, () => {
      const name = this.#newName(shape.length === 0 ? 'scalar' : 'floats');
      this.constants.set(name, { type: 'float32', shape, data: Float32Array.from(values) });
      return name;
    });
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#cached(`integers ${values} ${shape}`, () => {
      const name = this.#newName('integers');
      this.constants.set(name, { type: 'int64', shape, data: BigInt64Array.from(values, BigInt) });
      return name;
    });
  }

  /** A list of sizes as int64. The number of images is read from the input when the model runs. */
  sizes(sizes: readonly Size[]): string {
    if (sizes.every((size) => typeof size === 'number')) return this.integers(sizes);
    const parts = sizes.map((size) => {
      if (typeof size === 'number') return this.integers([size]);
      const images = this.#cached('images', () => this.node('Shape', [this.input], { start: int(0), end: int(1) }));
      return size.perImage === 1 ? images : this.node('Mul', [images, this.integers([size.perImage])]);
    });
    return this.#cached(`sizes ${parts}`, () => this.node('Concat', parts, { axis: int(0) }));
  }

  /** The name that `make` returned for this key before, or that it returns now. */
  #cached(key: string, make: () => string): string {
    const name = this.#cache.get(key) ?? make();
    this.#cache.set(key, name);
    return name;
  }

  #newName(kind: string): string {
    return `${kind}_${this.#count++}`;
  }
}

const int = (value: number): Attribute => ({ int: value });

function constantOf(tensor: Tensor, name: string): Constant {
  const { shape, dtype } = tensor;
  const data = tensor.toArray();
  if (data instanceof Float32Array) return { type: 'float32', shape, data };
  if (data instanceof BigInt64Array) return { type: 'int64', shape, data };
  throw new ExportError(`${name} has the type ${dtype}; only float32 and int64 can be exported.`);
}

function transpose(matrix: Constant): Constant {
  const [rows, columns] = matrix.shape as [number, number];
  const { type, data } = matrix;
  if (type !== 'float32') throw new ExportError(`A matrix of ${type} cannot be transposed.`);
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]!;
  return { type, shape: [columns, rows], data: out };
}
