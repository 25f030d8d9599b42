// What one process of distributed.test.ts does. Arguments: rank, then a port for each group. It prints what it is told when a
// group fails, one line of JSON each.
import assert from 'node:assert/strict';
import { distributed, noGrad, ops, optim, scope, setNumThreads, type Tensor, tensor } from '../index.js';

const rank = Number(process.argv[2]);
const ports = process.argv.slice(3).map(Number);
setNumThreads(1);

function join(group: number, { worldSize = 3, timeoutSeconds = 60 } = {}): distributed.ProcessGroup {
  const environment = {
    rank,
    worldSize,
    localRank: rank,
    localWorldSize: worldSize,
    masterAddress: '127.0.0.1',
    masterPort: ports[group]!,
    launcher: 'environment',
    restart: 0,
    hostsStore: true,
  } as const;
  return distributed.initProcessGroup({ environment, timeoutSeconds });
}

function printFailure(name: string, work: () => void): void {
  let told = 'nothing';
  try {
    work();
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'distributed', String(error));
    told = (error as Error).message;
  }
  console.log(JSON.stringify({ name, rank, told }));
}

const sleep = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

function collectives(group: distributed.ProcessGroup): void {
  const values = (each: Tensor): number[] => Array.from(each.toArray() as Float32Array, Number);
  const sum = tensor([rank, 10]);
  group.allReduce(sum);
  assert.deepEqual(values(sum), [3, 30]);
  for (const [operation, expected] of [
    ['max', 2],
    ['min', 0],
  ] as const) {
    for (const dtype of ['float64', 'bfloat16', 'int64', 'int16', 'uint8'] as const) {
      const each = tensor([rank], { dtype });
      group.allReduce(each, operation);
      assert.deepEqual(values(each), [expected], dtype);
    }
  }
  const any = tensor([rank === 1 ? 1 : 0, 0], { dtype: 'bool' });
  group.allReduce(any, 'max');
  assert.deepEqual(values(any), [1, 0]);

  // A transposed view: not contiguous, and its memory is changed in place.
  const matrix = tensor([
    [0, 1, 2],
    [3, 4, 5],
  ]);
  const transposed = ops.transpose(matrix, 0, 1);
  group.allReduce(transposed);
  assert.deepEqual(values(matrix), [0, 3, 6, 9, 12, 15]);
  const sent = ops.transpose(
    tensor(
      [
        [rank, 1],
        [2, 3],
      ],
      { dtype: 'bfloat16' },
    ),
    0,
    1,
  );
  group.broadcast(sent, 2);
  assert.deepEqual(values(sent), [2, 2, 1, 3]);
  const gathered = group.allGather(ops.transpose(tensor([[rank, 1]]), 0, 1));
  assert.deepEqual(gathered.map(values), [
    [0, 1],
    [1, 1],
    [2, 1],
  ]);
  assert.deepEqual(
    group.allGather(ops.zeros([0, 2])).map(({ shape }) => shape),
    [
      [0, 2],
      [0, 2],
      [0, 2],
    ],
  );

  const bytes = Uint8Array.from({ length: 5 * rank }, (_, i) => i + rank);
  assert.deepEqual(
    group.allGatherBytes(bytes).map(({ length }) => length),
    [0, 5, 10],
  );
  assert.deepEqual([...group.allGatherBytes(bytes)[1]!], [1, 2, 3, 4, 5]);
  assert.deepEqual([...group.broadcastBytes(rank === 1 ? bytes : null, 1)], [1, 2, 3, 4, 5]);
  assert.equal(group.broadcastBytes(new Uint8Array(0)).length, 0);
  assert.throws(() => group.broadcast(sum, 3), /a rank from 0 to 2, got 3/);
  group.barrier();
}

/** Weights of two convolutions, channels-last, and a parameter that nothing uses. The same on each rank. */
function network(): { parameters: Tensor[]; loss: (start: number, images: number) => Tensor } {
  const wave = (shape: number[]): Tensor => {
    const count = shape.reduce((product, size) => product * size, 1);
    return tensor(
      Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) / 3),
      shape,
    );
  };
  const [images, first, second] = [
    [6, 3, 8, 8],
    [8, 3, 3, 3],
    [4, 8, 3, 3],
  ].map((shape) => ops.contiguous(wave(shape), { memoryFormat: 'channelsLast' })) as [Tensor, Tensor, Tensor];
  const parameters = [first, second, wave([5]), wave([4])];
  for (const parameter of parameters) parameter.requiresGrad = true;
  const loss = (start: number, count: number): Tensor => {
    const hidden = ops.relu(ops.conv2d(ops.narrow(images, 0, start, count), first));
    return ops.sum(ops.mul(ops.meanDim(ops.conv2d(hidden, second), [2, 3]), parameters[3]!));
  };
  return { parameters, loss };
}

const gradientsOf = (parameters: readonly Tensor[]): number[][] =>
  parameters.map(({ grad }) => Array.from(grad ? (grad.toArray() as Float32Array) : []));

function buckets(group: distributed.ProcessGroup): void {
  const { parameters, loss } = network();
  loss(0, 6).backward();
  const expected = gradientsOf(parameters);
  expected[2] = [0, 0, 0, 0, 0];
  const optimizer = new optim.AdamW([{ parameters, learningRate: 0.01 }]);
  optimizer.zeroGrad();

  // Small buckets, so that there are several.
  const summed = new distributed.GradientBuckets(group, parameters, { bucketBytes: 1000 });
  const update = (): number[][] => {
    summed.zero();
    loss(2 * rank, 1).backward(); // accumulated
    summed.arm();
    loss(2 * rank + 1, 1).backward();
    summed.finish();
    return gradientsOf(parameters);
  };
  const first = update();
  for (const [i, gradient] of expected.entries()) {
    const largest = Math.max(...gradient.map(Math.abs), 1e-6);
    for (const [j, value] of gradient.entries())
      assert.ok(Math.abs(first[i]![j]! - value) < 1e-5 * largest, `gradient ${i}`);
  }
  assert.deepEqual(parameters[0]!.grad!.strides, parameters[0]!.strides);
  assert.deepEqual(update(), first, 'the same bits again');
  for (const [i, gradients] of group.allGather(parameters[0]!.grad!).entries())
    assert.deepEqual(Array.from(gradients.toArray() as Float32Array), first[0], `the same bits on rank ${i}`);

  // Clipping and the optimizer work on the views, and the parameters stay equal on all ranks.
  optim.clipGradNorm(parameters, 0.1);
  optimizer.step();
  const [mine, theirs] = [parameters[1]!, group.allGather(parameters[1]!)[(rank + 1) % 3]!];
  assert.deepEqual(theirs.toArray(), mine.toArray());

  optimizer.zeroGrad();
  assert.throws(() => summed.arm(), /call zero\(\) of GradientBuckets before backward/);
  assert.throws(() => summed.finish(), /needs arm\(\)/);
  update();
  summed.dispose();
  summed.dispose();
  assert.equal(parameters[0]!.grad, null);
  loss(0, 1).backward(); // without hooks
  assert.throws(() => summed.arm(), /were disposed/);
  const refuse = (each: Tensor, reason: RegExp): void =>
    assert.throws(() => new distributed.GradientBuckets(group, [each]), reason);
  refuse(tensor([1]), /does not require a gradient/);
  refuse(
    noGrad(() => tensor([1, 2], { dtype: 'bfloat16', requiresGrad: true })),
    /float32 or float64/,
  );
}

const working = join(0);
assert.deepEqual([working.rank, working.worldSize, working.localRank, working.localWorldSize], [rank, 3, rank, 3]);
scope(() => collectives(working));
scope(() => buckets(working));
const stopping = join(1);
if (rank === 1) stopping.reportFailure('too little memory\nfor this');
else printFailure('stopped', () => scope(() => stopping.allReduce(tensor([1]))));
stopping.destroy();

// All are here at about the same time, so that short timeouts do.
working.barrier();
const absent = { timeoutSeconds: 2 };
if (rank < 2) printFailure('absent', () => join(2, absent));
else {
  // Nobody is at this port.
  printFailure('wrong address', () => join(3, { timeoutSeconds: 1 }));
}

// The others need up to two seconds more to find out who it is.
working.barrier();
const hanging = join(4, { timeoutSeconds: 2 });
if (rank === 1) sleep(5500);
printFailure('hung', () => hanging.barrier());
hanging.destroy();
working.destroy();
working.destroy();
assert.throws(() => working.barrier(), /was destroyed/);

// Buckets that were started are not waited for either.
const dying = join(5);
const { parameters, loss } = network();
const started = new distributed.GradientBuckets(dying, parameters);
started.arm();
if (rank === 2) process.kill(process.pid, 'SIGKILL');
loss(0, 1).backward();
printFailure('killed', () => started.finish());
printFailure('again', () => dying.barrier());

const orphaned = join(6, { worldSize: 2 });
if (rank === 0) process.kill(process.pid, 'SIGKILL');
printFailure('without rank 0', () => orphaned.barrier());
orphaned.destroy();
