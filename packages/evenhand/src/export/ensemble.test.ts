import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { ops } from '@evenhand/torch';
import { averageOf } from './ensemble.js';
import { type Computation, constant, runOnnx, runTorch, traced, values } from './export.test.helper.js';
import type { Graph } from './graph.js';
import { encodeOnnx } from './onnx.js';

const FILE = { metadata: {}, half: false, producer: ['test', '0'] } as const;
const [CHANNELS, SIZE, CLASSES] = [3, 8, 4];

/** Three small networks, the third for an input that is normalised otherwise. Each shape depends on the number of images. */
const change = { scale: [0.5, 2, 3], shift: [1, 0, -0.5] };
const networks: Computation[] = [1, 2, 3].map((seed) => {
  const weight = constant([CLASSES, CHANNELS * SIZE * SIZE], seed);
  return (x) => ops.linear(ops.reshape(x, [-1, CHANNELS * SIZE * SIZE]), weight);
});

function ensemble(): Graph {
  const graphs = networks.map((network) => traced(network, [CHANNELS, SIZE, SIZE]));
  const plain = { mean: [0, 0, 0], std: [1, 1, 1] };
  const other = { mean: change.scale.map((x, c) => -change.shift[c]! / x), std: change.scale.map((x) => 1 / x) };
  return averageOf(graphs.map((graph, i) => ({ graph, normalisation: i === 2 ? other : plain })));
}

const input = { shape: [2, CHANNELS, SIZE, SIZE], data: values([2, CHANNELS, SIZE, SIZE], 9) };
const area = SIZE * SIZE;
const changed = input.data.map((x, i) => {
  const channel = Math.floor(i / area) % CHANNELS;
  return x * change.scale[channel]! + change.shift[channel]!;
});
const outputs = networks.map((network, i) => runTorch(network, i === 2 ? { ...input, data: changed } : input).data);

const meanOf = (members: number): number[] =>
  Array.from(outputs[0]!, (_, k) => outputs.slice(0, members).reduce((sum, one) => sum + one[k]!, 0) / members);

function assertNear(actual: Float32Array, expected: readonly number[], tolerance: number, what: string): void {
  for (const [k, value] of expected.entries()) {
    assert.ok(
      Math.abs(actual[k]! - value) < tolerance * Math.max(1, Math.abs(value)),
      `${what}: ${actual}, not ${expected}`,
    );
  }
}

test('an ensemble gives the mean of its first members, each with its own normalisation', async () => {
  const bytes = encodeOnnx(ensemble(), FILE);
  // Fewer or more members than there are count as one and as all.
  for (const [members, expected] of [
    [1, 1],
    [2, 2],
    [3, 3],
    [0, 1],
    [99, 3],
  ] as const) {
    const [result] = await runOnnx(bytes, [input], members);
    assert.deepEqual(result!.shape, [2, CLASSES]);
    assertNear(result!.data, meanOf(expected), 1e-4, `${members} members`);
  }
});

test('members that are left out are not computed', async () => {
  const graph = ensemble();
  // Fails whenever it is computed: it gathers what is not there.
  const branch = graph.nodes.findLast(({ op }) => op === 'If')!.attributes.then_branch!;
  assert.ok('graph' in branch);
  const { nodes, constants, output } = branch.graph;
  nodes.at(-1)!.output = 'before';
  constants.set('far', { type: 'int64', shape: [1], data: BigInt64Array.of(1000n) });
  nodes.push({ op: 'Gather', inputs: ['before', 'far'], output, attributes: { axis: { int: 0 } } });
  const bytes = encodeOnnx(graph, FILE);
  const [result] = await runOnnx(bytes, [input], 2);
  assertNear(result!.data, meanOf(2), 1e-4, 'two members');
  await assert.rejects(runOnnx(bytes, [input], 3), /Gather|indices/i);
});

test('weights in branches are halved and counted like all others', async () => {
  const [whole, half] = [false, true].map((half) => encodeOnnx(ensemble(), { ...FILE, half }));
  const weights = 3 * 4 * CLASSES * CHANNELS * area;
  assert.ok(whole!.length > weights && whole!.length < weights + 2500, `${whole!.length} bytes for ${weights}`);
  assert.ok(half!.length < weights / 2 + 3000, `${half!.length} bytes for ${weights / 2}`);
  assertNear((await runOnnx(half!, [input], 3))[0]!.data, meanOf(3), 5e-2, 'float16');

  const data = new Float32Array(2 ** 22);
  const big = ensemble();
  const branch = big.nodes.findLast(({ op }) => op === 'If')!.attributes.then_branch!;
  assert.ok('graph' in branch);
  for (let i = 0; i < 192; i++)
    branch.graph.constants.set(`${i}`, { type: 'float32', shape: [2 ** 11, 2 ** 11], data });
  assert.throws(() => encodeOnnx(big, FILE), {
    name: 'ExportError',
    message:
      'The weights have 3.2 GB, but an ONNX file holds at most 2.1 GB: store them as float16 (--fp16), or choose fewer or ' +
      'smaller models.',
  });
});

const python = '/usr/bin/python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;

test('an ensemble passes the ONNX checker', { skip: !hasOnnx && `${python} has no onnx` }, () => {
  const program =
    'import onnx, sys\nfor size in sys.argv[1:]: onnx.checker.check_model(onnx.load_from_string(sys.stdin.buffer.read(int(size))), full_check=True)';
  const files = [false, true].map((half) => encodeOnnx(ensemble(), { ...FILE, half }));
  const { status, stderr } = spawnSync(python, ['-c', program, ...files.map(({ length }) => `${length}`)], {
    input: Buffer.concat(files),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});
