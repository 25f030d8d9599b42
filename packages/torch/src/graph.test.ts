import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CudaGraphs, hasCudaGraphs } from './graph.js';
import * as ops from './ops.js';
import { manualSeed } from './runtime.js';
import { keep, liveTensors, scope } from './scope.js';
import { tensor } from './tensor.js';
import { testedDevices } from './testing/golden.js';

for (const device of testedDevices.filter((name) => name === 'cpu' || (name.startsWith('cuda') && hasCudaGraphs()))) {
  describe(`CUDA graphs on ${device}`, () => {
    test('read what is in their inputs, under several keys', () => {
      const live = liveTensors();
      const graphs = new CudaGraphs(device);
      const input = keep(tensor([1, 2], { device }));
      const double = () => ops.mulScalar(input, 2);
      const square = () => ops.mul(input, input);
      assert.deepEqual([...scope(() => graphs.warmUp(double).toArray())], [2, 4]);
      for (const factor of [1, 3, 5]) {
        ops.copy_(input, tensor([factor, 2 * factor], { device }));
        assert.deepEqual([...graphs.run('double', double).toArray()], [2 * factor, 4 * factor]);
        assert.deepEqual([...graphs.run('square', square).toArray()], [factor ** 2, 4 * factor ** 2]);
      }
      graphs.dispose();
      input.dispose();
      assert.equal(liveTensors() - live, 3, 'the three tensors above that no scope freed');
    });

    test('draw other random numbers each time, which follow the seed', () =>
      scope(() => {
        const graphs = new CudaGraphs(device);
        const draw = () => ops.dropout(ops.ones([64], { device }), 0.5, true);
        const plain = [1, 2, 3].map((seed) => {
          manualSeed(seed);
          return [...draw().toArray()];
        });
        assert.notDeepEqual(plain[0], plain[1]);
        graphs.warmUp(draw);
        const captured = [1, 2, 3].map((seed) => {
          manualSeed(seed);
          return [...graphs.run('draw', draw).toArray()];
        });
        assert.deepEqual(captured, plain);
        assert.notDeepEqual([...graphs.run('draw', draw).toArray()], plain[2]);
        graphs.dispose();
      }));

    test('that copy an array to the device are refused', { skip: device === 'cpu' && 'nothing is captured here' }, () =>
      scope(() => {
        const graphs = new CudaGraphs(device);
        assert.throws(() => graphs.run('copy', () => tensor([1], { device })), /CUDA graph.*make the tensor before/);
        assert.equal(ops.sum(ops.ones([3], { device })).item(), 3);
        graphs.dispose();
      }),
    );
  });
}
