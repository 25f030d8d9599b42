import type { DType, MemoryFormat } from './dtype.js';
import { native } from './native.js';
import { reportCall } from './record.js';
import type { Generator, Tensor } from './tensor.js';

// TypeScript derives the types of arguments and results from the schema string. So ops.ts needs one line per operation,
// and its types always match the schema that libtorch is asked for.

interface SchemaTypes {
  Tensor: Tensor;
  int: number | bigint;
  float: number;
  bool: boolean;
  str: string;
  Scalar: number | bigint | boolean;
  ScalarType: DType;
  Device: string;
  Layout: 'strided';
  MemoryFormat: MemoryFormat;
  Generator: Generator;
}

/** `Tensor(a!)[]`, `int[2]`, `Scalar?` as a TypeScript type. */
type TypeOf<T extends string> = T extends `${infer U}?`
  ? TypeOf<U> | null
  : T extends `Tensor(${string})${infer Rest}`
    ? TypeOf<`Tensor${Rest}`>
    : T extends `${infer U}?[${string}]`
      ? readonly (TypeOf<U> | null)[]
      : T extends `${infer U}[]`
        ? readonly TypeOf<U>[]
        : T extends `${infer U}[${number}]`
          ? TypeOf<U> | readonly TypeOf<U>[]
          : T extends keyof SchemaTypes
            ? SchemaTypes[T]
            : never;

type Split<S extends string> = S extends `${infer Head}, ${infer Tail}`
  ? [Head, ...Split<Tail>]
  : S extends ''
    ? []
    : [S];

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** Arguments before `*`; those with a default are optional. */
type Positional<A extends string[]> = A extends [infer Head extends string, ...infer Tail extends string[]]
  ? Head extends '*'
    ? []
    : Head extends `${infer T} ${string}=${string}`
      ? [TypeOf<T>?, ...Positional<Tail>]
      : Head extends `${infer T} ${string}`
        ? [TypeOf<T>, ...Positional<Tail>]
        : never
  : [];

/** Arguments after `*`, as one optional object. */
type Keywords<A extends string[]> = A extends [infer Head, ...infer Tail extends string[]]
  ? Head extends '*'
    ? [
        options?: {
          [K in Tail[number] as NameOf<K>]?: K extends `${infer T} ${string}` ? TypeOf<T> | undefined : never;
        },
      ]
    : Keywords<Tail>
  : [];

type NameOf<A extends string> = A extends `${string} ${infer Name}=${string}`
  ? CamelCase<Name>
  : A extends `${string} ${infer Name}`
    ? CamelCase<Name>
    : never;

/** `Tensor(a -> *)` is a tensor of which the results are views. */
type Arguments<S extends string> = S extends `${infer Before}Tensor(a -> *)${infer After}`
  ? Arguments<`${Before}Tensor${After}`>
  : S extends `${string}(${infer A}) -> ${string}`
    ? [...Positional<Split<A>>, ...Keywords<Split<A>>]
    : never;

type Results<A extends string[]> = { [I in keyof A]: A[I] extends `${infer T} ${string}` ? TypeOf<T> : TypeOf<A[I]> };

type Mutable<T> = T extends readonly (infer U)[] ? U[] : T;

type Result<S extends string> = S extends `${string}) -> ()`
  ? undefined
  : S extends `${string}) -> (${infer A})`
    ? Results<Split<A>>
    : S extends `${string}) -> ${infer T}`
      ? Mutable<TypeOf<T>>
      : never;

/** An operation of libtorch, with the arguments and the result of its schema. */
export interface Op<S extends string> {
  (...args: Arguments<S>): Result<S>;
  readonly schema: S;
}

const availability = new Map<string, boolean>();

/** Whether the loaded libtorch has the operation with exactly this schema: not all versions have all. */
export function isAvailable({ schema }: { readonly schema: string }): boolean {
  let available = availability.get(schema);
  if (available === undefined) {
    const [name = '', overload = ''] = schema.slice(0, schema.indexOf('(')).split('.');
    available = native().schema(name, overload)?.replaceAll('SymInt', 'int') === schema;
    availability.set(schema, available);
  }
  return available;
}

/**
 * The operation with this schema (from PyTorch's `native_functions.yaml`, with `int` for `SymInt`). Arguments before `*`
 * are positional; those after it go into one object, with their names in camelCase.
 *
 * Calling it throws TorchError: TORCH_BAD_ARGUMENT names an argument of the wrong type, TORCH_OPERATION_FAILED has
 * libtorch's message and the shapes, TORCH_DISPOSED names a tensor that was disposed.
 */
export function op<const S extends string>(schema: S): Op<S> {
  const [name = '', overload = ''] = schema.slice(0, schema.indexOf('(')).split('.');
  let id: number | undefined;
  const call = (...args: unknown[]) => {
    id ??= native().resolve(name, overload);
    const result = native().call(id, ...args);
    reportCall(schema, args, result);
    return result;
  };
  return Object.assign(call as (...args: Arguments<S>) => Result<S>, { schema });
}
