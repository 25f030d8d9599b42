import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ops, scope } from '@evenhand/torch';
import { ConfigError } from '../config/field.js';
import { resolveConfig } from '../config/resolve.js';
import { chooseHalfType, inHalf, prepareDevice, requireCudaGraphs } from './device.js';

const configOf = (values: Record<string, unknown>) => resolveConfig('competition', [{ source: 'test', values }]);

test('on a CPU 16 bits are used if the configuration asks for them; true and false of older runs are understood', () => {
  const types = [{}, { autocast: 'auto' }, { autocast: 'off' }, { autocast: false }].map((values) =>
    chooseHalfType(configOf(values), 'cpu'),
  );
  assert.deepEqual(types, [null, null, null, null]);
  for (const autocast of ['on', true]) {
    const config = configOf({ autocast });
    assert.equal(config.autocast, 'on');
    assert.equal(chooseHalfType(config, 'cpu'), 'bfloat16');
  }
  assert.throws(() => configOf({ autocast: 'true' }), /autocast must be auto, on or off, got "true"/);
});

test('work runs in the 16-bit type, or as it is without one', () =>
  scope(() => {
    const x = ops.ones([2, 2]);
    const product = () => ops.matmul(x, x);
    assert.equal(inHalf('bfloat16', 'cpu', product).dtype, 'bfloat16');
    assert.equal(inHalf(null, 'cpu', product).dtype, 'float32');
  }));

test('a CPU is left as it is', () => {
  prepareDevice('cpu', { deterministic: true });
  assert.equal(process.env.CUBLAS_WORKSPACE_CONFIG, undefined);
});

test('CUDA graphs are refused on other devices', () => {
  requireCudaGraphs(configOf({ cudaGraph: false }), 'cpu');
  assert.throws(
    () => requireCudaGraphs(configOf({ cudaGraph: true }), 'cpu'),
    (error) => error instanceof ConfigError && /needs an NVIDIA GPU, and the device is cpu/.test(error.message),
  );
});
