import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Watch } from './watch.js';

test('a watch reports once if nothing happens after the limit', async () => {
  let stalls = 0;
  const watch = new Watch(performance.now() + 50, () => stalls++, 50);
  await sleep(400);
  assert.equal(stalls, 1);
  watch.stop();
});

test('a watch reports nothing without a limit, before it, while there is progress, and after it was stopped', async () => {
  const onStall = (): void => assert.fail('stalled');
  const stopped = new Watch(0, onStall, 10);
  stopped.stop();
  const working = new Watch(0, onStall, 10_000);
  const watches = [
    new Watch(undefined, onStall, 10),
    new Watch(performance.now() + 1e6, onStall, 10),
    working,
    stopped,
  ];
  working.progress();
  await sleep(200);
  for (const watch of watches) watch.stop();
});
