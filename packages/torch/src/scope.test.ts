import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noGrad } from './modes.js';
import * as ops from './ops.js';
import { keep, liveTensors, scope } from './scope.js';
import { type Tensor, tensor } from './tensor.js';

test('a scope frees all tensors but those that it returns, at any depth', () => {
  const before = liveTensors();
  const result = scope(() => {
    const x = tensor([1, 2, 3]);
    const y = ops.mulScalar(x, 2);
    return { loss: 1, list: [ops.add(x, y)], map: new Map([['y', y]]) };
  });
  assert.equal(liveTensors() - before, 2);
  assert.deepEqual([...(result.list[0] as Tensor).toArray()], [3, 6, 9]);
  result.list[0]?.dispose();
  result.map.get('y')?.dispose();
  assert.equal(liveTensors(), before);
});

test('a tensor returned by an inner scope belongs to the outer one, which frees it unless it returns it too', () => {
  const before = liveTensors();
  let inner: Tensor | undefined;
  scope(() => {
    inner = scope(() => tensor([1]));
    assert.equal(inner.disposed, false);
  });
  assert.equal(inner?.disposed, true);
  assert.equal(liveTensors(), before);
});

test('keep() removes a tensor from all scopes', () => {
  const kept = scope(() => {
    scope(() => keep(tensor([7])));
    return keep(tensor([8]));
  });
  assert.equal(kept.item(), 8);
  kept.dispose();
});

test('an error frees all tensors of the scope and is thrown on', () => {
  const before = liveTensors();
  assert.throws(
    () =>
      scope(() => {
        scope(() => tensor([1]));
        throw new RangeError('mine');
      }),
    RangeError,
  );
  assert.equal(liveTensors(), before);
});

test('a scope refuses a Promise and still frees its tensors', () => {
  const before = liveTensors();
  assert.throws(
    () =>
      scope(async () => {
        tensor([1]);
        throw new Error('must not become an unhandled rejection');
      }),
    { code: 'TORCH_BAD_ARGUMENT', message: /^scope\(\) takes a synchronous function/ },
  );
  assert.equal(liveTensors(), before);
  assert.throws(() => noGrad(async () => 1), { code: 'TORCH_BAD_ARGUMENT' });
});

test('dispose() may be called twice, any other later use throws TORCH_DISPOSED', () => {
  const x = tensor([1, 2]);
  x.dispose();
  x.dispose();
  assert.equal(x.disposed, true);
  const uses: [string, () => unknown][] = [
    ['add', () => ops.add(x, tensor([1]))],
    ['cat', () => ops.cat([tensor([1]), x])],
    ['shape', () => x.shape],
    ['toArray', () => x.toArray()],
    ['backward', () => x.backward()],
    ['grad', () => x.grad],
    ['setData', () => tensor([1]).setData(x)],
  ];
  for (const [name, use] of uses) assert.throws(use, { name: 'TorchError', code: 'TORCH_DISPOSED' }, name);
});

test('a tensor that shares memory with a disposed one keeps it', () => {
  const view = scope(() => ops.reshape(tensor([1, 2, 3, 4]), [2, 2]));
  assert.deepEqual([...view.toArray()], [1, 2, 3, 4]);
  view.dispose();
});

test('an in-place operation returns the object that it was given', () => {
  const before = liveTensors();
  const x = tensor([1, 2]);
  assert.equal(ops.addScalar_(x, 1), x);
  assert.equal(liveTensors() - before, 1);
  x.dispose();
});

test('backward works after the scope has freed the intermediate tensors', () => {
  const w = tensor([2, 3], { requiresGrad: true });
  const loss = scope(() =>
    ops.sum(
      ops.mul(
        scope(() => ops.mul(w, w)),
        w,
      ),
    ),
  );
  loss.backward();
  assert.deepEqual([...w.grad!.toArray()], [12, 27]);
  loss.dispose();
  w.dispose();
});

test('the garbage collector frees unreachable tensors that were made outside scopes', async () => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const before = liveTensors();
  (() => {
    for (let i = 0; i < 100; i++) tensor([i]);
  })();
  assert.equal(liveTensors() - before, 100);
  for (let i = 0; i < 20 && liveTensors() > before; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(liveTensors() - before < 10, `${liveTensors() - before} of 100 are still there`);
});
