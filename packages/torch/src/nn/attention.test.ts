import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as ops from '../ops.js';
import { scope } from '../scope.js';
import { assertClose } from '../testing/assert-close.js';
import { type GoldenTensor, makeTensor, readGolden, testedDevices, toleranceOn, valuesOf } from '../testing/golden.js';
import { attention, plainAttention } from './index.js';

// The expected results are those of PyTorch, from tools/golden_nn.py.
interface AttentionCase {
  name: string;
  /** q, k, v and in some cases the mask. */
  given: Record<string, GoldenTensor>;
  output: GoldenTensor;
  cotangent: GoldenTensor;
  gradients: Record<string, GoldenTensor>;
}

const { attention: cases } = readGolden<{ attention: AttentionCase[] }>('nn/nn.json.gz');

// On libtorch 1.13 both are the same function; on later versions `attention` is the fused operation.
for (const [kind, compute] of Object.entries({ attention, plainAttention })) {
  for (const device of testedDevices) {
    describe(`${kind} on ${device}`, () => {
      for (const golden of cases) test(golden.name, () => scope(() => check(golden, compute, device)));
    });
  }
}

test('a mask in float32 may be added to products in bfloat16', () => {
  for (const compute of [attention, plainAttention]) {
    scope(() => {
      const { q, k, v, mask } = cases.find(({ given }) => given.mask)!.given;
      const half = (value: GoldenTensor) => ops.to(makeTensor(value, 'cpu'), { dtype: 'bfloat16' });
      const expected = plainAttention(
        makeTensor(q!, 'cpu'),
        makeTensor(k!, 'cpu'),
        makeTensor(v!, 'cpu'),
        makeTensor(mask!, 'cpu'),
      );
      const output = compute(half(q!), half(k!), half(v!), makeTensor(mask!, 'cpu'));
      assert.equal(output.dtype, 'bfloat16');
      assertClose(ops.to(output, { dtype: 'float32' }), expected, {
        rtol: 0.05,
        atol: 0.05,
        name: 'output',
      });
    });
  }
});

function check(golden: AttentionCase, compute: typeof attention, device: string): void {
  const tolerance = { rtol: 1e-5, atol: 2e-6, ...toleranceOn(device) };
  const inputs = Object.entries(golden.given).map(([key, value]) => [key, makeTensor(value, device)] as const);
  const { q, k, v, mask } = Object.fromEntries(inputs);
  const output = compute(q!, k!, v!, mask ?? null);
  assertClose(output, valuesOf(golden.output), { ...tolerance, name: 'output' });

  output.backward(makeTensor(golden.cotangent, device));
  assert.deepEqual(Object.keys(golden.given), Object.keys(golden.gradients));
  for (const [key, tensor] of inputs) {
    assertClose(tensor.grad!, valuesOf(golden.gradients[key]!), { ...tolerance, name: `gradient of ${key}` });
  }
}
