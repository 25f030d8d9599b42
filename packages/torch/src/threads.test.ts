import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as ops from './ops.js';
import { setThreadWaiting } from './runtime.js';
import { liveTensors } from './scope.js';
import { tensor } from './tensor.js';

const entryPoint = new URL('./index.js', import.meta.url).href;

// With them, setThreadWaiting does nothing.
delete process.env.OMP_WAIT_POLICY;
delete process.env.GOMP_SPINCOUNT;

const work = `
  const { parentPort } = require('node:worker_threads');
  import(${JSON.stringify(entryPoint)}).then(({ ops, nn, scope, liveTensors, manualSeed, noGrad, setThreadWaiting }) => {
    const before = liveTensors();
    const layer = new nn.ConvNormActivation(3, 8);
    const sums = [];
    for (let i = 0; i < 50; i++) {
      sums.push(scope(() => {
        const loss = ops.mean(layer.forward(ops.ones([2, 3, 16, 16])));
        loss.backward();
        return loss.item();
      }));
    }
    const leak = liveTensors() - before - nn.stateDict(layer).size;
    parentPort.postMessage({ finite: sums.every(Number.isFinite), leak });
    setThreadWaiting('adaptive'); // ends with a thread that watches
    process.leftBehind = ops.ones([1000]); // ends with live tensors
  });
`;

// When a worker ends, its finalizers run while other threads continue. Static state in the addon would break here.
test('two workers and the main thread can use the addon at once, each with its own count of live tensors', async () => {
  const before = liveTensors();
  const reports = await Promise.all(
    [1, 2].map(
      () =>
        new Promise<{ finite: boolean; leak: number }>((resolve, reject) => {
          let report: { finite: boolean; leak: number };
          const worker = new Worker(work, { eval: true });
          worker.once('message', (message) => {
            report = message;
          });
          worker.once('error', reject);
          worker.once('exit', (code) => (code === 0 ? resolve(report) : reject(new Error(`exit code ${code}`))));
        }),
    ),
  );
  assert.deepEqual(reports, [
    { finite: true, leak: 0 },
    { finite: true, leak: 0 },
  ]);
  assert.equal(liveTensors(), before);
  assert.equal(ops.sum(tensor([1, 2])).item(), 3);
});

const endings: [name: string, source: string][] = [
  ['the end of the program', ''],
  ['process.exit', 'process.exit(0)'],
  ['an exit inside a scope', 'scope(() => { ops.ones([10]); process.exit(0); })'],
  ['a graph without backward', 'globalThis.loss = ops.sum(ops.mul(w, w)); process.exit(0)'],
];

for (const [name, ending] of endings) {
  test(`the process exits cleanly with live tensors by ${name}`, () => {
    const source = `
      import { keep, nn, ops, scope, setThreadWaiting, tensor } from ${JSON.stringify(entryPoint)};
      setThreadWaiting('short');
      setThreadWaiting('adaptive');
      const w = keep(tensor([1, 2], { requiresGrad: true }));
      globalThis.model = new nn.Linear(4, 4);
      ops.sum(model.forward(ops.ones([2, 4]))).backward();
      ${ending}
    `;
    const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    });
    assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' });
  });
}

test('waits become short by idle threads and long by their end, however often each is set', {
  skip: process.platform === 'linux' ? false : 'only Linux has libgomp',
}, async () => {
  const countThreads = (): number => readdirSync('/proc/self/task').length;
  /** libgomp's threads end a little after the function that ended them. */
  const countOnceEnded = async (wanted: number): Promise<number> => {
    for (let i = 0; i < 1000 && countThreads() !== wanted; i++) await sleep(10);
    return countThreads();
  };
  const start = countThreads();
  for (let round = 0; round < 3; round++) {
    assert.equal(setThreadWaiting('short'), true);
    const short = countThreads();
    assert.ok(short > start + 1, `${short - start} threads more`);
    setThreadWaiting('short');
    assert.equal(countThreads(), short);
    setThreadWaiting('long');
    setThreadWaiting('long');
    assert.equal(await countOnceEnded(start), start);
    setThreadWaiting('adaptive');
    setThreadWaiting('adaptive');
    assert.ok(countThreads() > start);
    setThreadWaiting('long');
    assert.equal(await countOnceEnded(start), start);
  }
  process.env.GOMP_SPINCOUNT = '1000';
  assert.equal(setThreadWaiting('short'), false);
  delete process.env.GOMP_SPINCOUNT;
  assert.equal(countThreads(), start);
  assert.throws(() => setThreadWaiting('passive' as never), {
    code: 'TORCH_BAD_ARGUMENT',
    message: /'long'.*"passive"/,
  });
});
