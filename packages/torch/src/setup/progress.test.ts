import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatElapsed, startProgress } from './progress.js';

/** A display with a clock that the test sets, and what it has written. */
function display({ isTTY, steps = 8 }: { isTTY: boolean; steps?: number }) {
  let text = '';
  let time = 0;
  let done = 0;
  const stream = { isTTY, write: (part: string) => (text += part) };
  const progress = startProgress(() => `compiling C++ files: ${done} of ${steps} done`, {
    stream,
    now: () => time,
    logInterval: 15_000,
  });
  const finishStep = (at: number): void => {
    time = at;
    done++;
    progress.update();
  };
  return { progress, finishStep, written: () => text };
}

test('a log shows progress, with at most one line per interval', () => {
  const { progress, finishStep, written } = display({ isTTY: false });
  for (const at of [1_000, 2_000, 16_000, 17_000, 30_000, 95_000]) finishStep(at);
  assert.equal(progress.end(), '1 min 35 s');
  assert.equal(
    written(),
    'setup: compiling C++ files: 3 of 8 done, 16 s\nsetup: compiling C++ files: 6 of 8 done, 1 min 35 s\n',
  );
});

test('a terminal shows every step on one line, and the line is cleared at the end', () => {
  const { progress, finishStep, written } = display({ isTTY: true });
  finishStep(40_000);
  progress.end();
  assert.ok(!written().includes('\n'));
  assert.deepEqual(written().split('\r\x1b[2K'), [
    '',
    'setup: compiling C++ files: 0 of 8 done, 0 s',
    'setup: compiling C++ files: 1 of 8 done, 40 s',
    '',
  ]);
});

test('elapsed time has minutes from one minute on', () => {
  assert.deepEqual([59_400, 60_000, 192_000].map(formatElapsed), ['59 s', '1 min 0 s', '3 min 12 s']);
});
