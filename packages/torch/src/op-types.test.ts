import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DType, MemoryFormat } from './dtype.js';
import type { Op } from './op.js';
import * as ops from './ops.js';
import { scope } from './scope.js';
import { Generator, type Tensor, tensor } from './tensor.js';

// The types that op.ts derives from schemas. The compiler checks most of this file: the build fails if a type is not the
// one written here, or if a line marked @ts-expect-error is correct.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;
type Answer<F> = F extends (...args: infer _A) => infer R ? R : never;
type Int = number | bigint;

/** Compiles for `true` only. */
function expect<_Check extends true>(): void {}

expect<Same<Arguments<Op<'t::f(Tensor a, Tensor? b=None) -> ()'>>, [Tensor, (Tensor | null)?]>>();
expect<
  Same<Arguments<Op<'t::f(Tensor(a!)[] a, Tensor?[] b) -> ()'>>, [readonly Tensor[], readonly (Tensor | null)[]]>
>();
expect<
  Same<
    Arguments<Op<'t::f(int[] a, int[2] b=1, int? c=None) -> ()'>>,
    [readonly Int[], (Int | readonly Int[])?, (Int | null)?]
  >
>();
expect<Same<Arguments<Op<'t::f(int[1]? dim, bool keep=False) -> ()'>>, [Int | readonly Int[] | null, boolean?]>>();
expect<Same<Arguments<Op<'t::f(Scalar a, float b, str c="x") -> ()'>>, [number | bigint | boolean, number, string?]>>();
expect<Same<Arguments<Op<'t::f() -> ()'>>, []>>();
expect<Same<Arguments<Op<'t::f(Tensor(a -> *) a, int b=0) -> Tensor(a)[]'>>, [Tensor, Int?]>>();
expect<
  Same<
    Arguments<
      Op<'t::f(Tensor a, *, ScalarType? dtype=None, bool non_blocking=False, MemoryFormat memory_format=0, Generator? generator, Device d="x") -> ()'>
    >,
    [
      Tensor,
      options?: {
        dtype?: DType | null | undefined;
        nonBlocking?: boolean | undefined;
        memoryFormat?: MemoryFormat | undefined;
        generator?: Generator | null | undefined;
        d?: string | undefined;
      },
    ]
  >
>();

expect<Same<Answer<Op<'t::f() -> ()'>>, undefined>>();
expect<Same<Answer<Op<'t::f() -> Tensor(a!)'>>, Tensor>>();
expect<Same<Answer<Op<'t::f() -> Tensor[]'>>, Tensor[]>>();
expect<Same<Answer<Op<'t::f() -> bool'>>, boolean>>();
expect<Same<Answer<Op<'t::f() -> (Tensor values, Tensor indices)'>>, [Tensor, Tensor]>>();
expect<Same<Op<'t::f() -> ()'>['schema'], 't::f() -> ()'>>();

test('calls that the types allow run', () => {
  scope(() => {
    const image = ops.ones([1, 2, 4, 4]);
    const weight = ops.ones([3, 2, 3, 3]);
    const shapes = [
      ops.conv2d(image, weight),
      ops.conv2d(image, weight, null, 1, 1),
      ops.conv2d(image, weight, undefined, [1, 2n], 1),
      ops.conv2dPadded(image, weight, ops.zeros([3]), 1, 'same'),
    ].map(({ shape }) => shape);
    assert.deepEqual(shapes, [[1, 3, 2, 2], [1, 3, 4, 4], [1, 3, 4, 2], [1, 3, 4, 4]]); // biome-ignore format: a line
    const [values, indices] = ops.topk(tensor([3, 1, 2]), 2);
    assert.deepEqual([...values.toArray(), ...indices.toArray()], [3, 2, 0n, 2n]);
    assert.equal(ops.equal(values, values), true);
    assert.equal(ops.sumDim(image, null).item(), 32);
    assert.equal(ops.foreachZero_([values]), undefined);
    assert.deepEqual(ops.foreachSqrt([values, image]).map(({ shape }) => shape), [[2], [1, 2, 4, 4]]); // biome-ignore format: a line
    assert.equal(ops.to(image, { dtype: 'int32', memoryFormat: 'channelsLast' }).dtype, 'int32');
    assert.deepEqual(ops.randn([2], { generator: new Generator(1) }).shape, [2]);
    assert.equal(ops.full([], true).dtype, 'bool');
  });
});

test('calls that the types forbid are refused at run time too', () => {
  scope(() => {
    const x = ops.ones([2]);
    const refused: (() => unknown)[] = [
      // @ts-expect-error: an argument without a default is missing
      () => ops.conv2d(x),
      // @ts-expect-error: this tensor may not be null
      () => ops.relu(null),
      // @ts-expect-error: int[] without a length must be an array
      () => ops.reshape(x, 2),
      // @ts-expect-error: one argument too many
      () => ops.relu(x, 1),
      // @ts-expect-error: keyword arguments are not positional
      () => ops.add(x, x, 2),
      // @ts-expect-error: names of options are in camelCase
      () => ops.to(x, { non_blocking: true }),
      // @ts-expect-error: an unknown option
      () => ops.zeros([1], { size: 2 }),
      // @ts-expect-error: an unknown element type
      () => ops.zeros([1], { dtype: 'float' }),
      // @ts-expect-error: an unknown memory format
      () => ops.clone(x, { memoryFormat: 'channels_last' }),
      // @ts-expect-error: a list of tensors is not a tensor
      () => ops.cat(x),
      // @ts-expect-error: a string is not a number
      () => ops.addScalar(x, '1'),
      // @ts-expect-error: a number is not a boolean
      () => ops.dropout(x, 0.5, 1),
    ];
    for (const call of refused) assert.throws(call, { name: 'TorchError', code: 'TORCH_BAD_ARGUMENT' }, String(call));
  });
});

test('a result has the type of the schema', () => {
  scope(() => {
    const [values] = ops.sort(tensor([2, 1]));
    // @ts-expect-error: two results, not three
    const third = ops.sort(values)[2];
    assert.equal(third, undefined);
    // @ts-expect-error: a boolean, not a tensor
    assert.equal(ops.equal(values, values).shape, undefined);
  });
});
