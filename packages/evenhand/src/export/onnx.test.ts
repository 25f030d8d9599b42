import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Constant } from './graph.js';
import { encodeOnnx } from './onnx.js';

test('weights that do not fit into an ONNX file are refused before anything is written', () => {
  // Weights that share their memory.
  const data = new Float32Array(2 ** 22);
  const graph = (count: number) => {
    const constant: Constant = { type: 'float32', shape: [2 ** 11, 2 ** 11], data };
    const constants = new Map(Array.from({ length: count }, (_, i) => [`${i}`, constant]));
    return { nodes: [], constants, input: 'x', inputShape: [], output: 'y', outputShape: [] };
  };
  const encode = (count: number, half: boolean) => () =>
    encodeOnnx(graph(count), { metadata: {}, half, producer: ['test', '0'] });
  assert.throws(encode(192, false), {
    name: 'ExportError',
    message:
      'The weights have 3.2 GB, but an ONNX file holds at most 2.1 GB: store them as float16 (--fp16), or choose a smaller ' +
      'model.',
  });
  assert.throws(encode(384, true), {
    name: 'ExportError',
    message: 'The weights have 3.2 GB, but an ONNX file holds at most 2.1 GB: choose a smaller model.',
  });
});
