import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Gate } from './gate.js';

test('a gate is closed only if the worker is outside, and lets nobody in after that', () => {
  const gate = Gate.create();
  const worker = new Gate(gate.buffer);
  assert.equal(gate.tryClose(), false, 'a new gate counts as entered');
  worker.leave();
  assert.equal(worker.enter(), true);
  assert.equal(gate.tryClose(), false);
  worker.leave();
  assert.equal(gate.tryClose(), true);
  assert.equal(gate.tryClose(), true);
  assert.equal(worker.enter(), false);
});

test('closing waits for the worker to leave, but not forever', async () => {
  const stuck = Gate.create();
  stuck.closeSync(10);
  assert.equal(stuck.tryClose(), false);

  const gate = Gate.create();
  const lines = `const { Gate } = await import(${JSON.stringify(import.meta.resolve('./gate.js'))});
    const { workerData } = await import('node:worker_threads');
    setTimeout(() => new Gate(workerData).leave(), 50);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(lines)}`), { workerData: gate.buffer });
  gate.closeSync(60_000);
  assert.equal(gate.tryClose(), true);
  assert.equal(gate.enter(), false);
  await worker.terminate();
});
