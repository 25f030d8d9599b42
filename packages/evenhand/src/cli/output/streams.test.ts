// Small programs that lose their output or are interrupted.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';

const STREAMS = new URL('./streams.js', import.meta.url).href;

/** Runs a program that prints `first`, waits for its reader, and does the rest of `main`. */
function start(main: string, stdout: 'pipe' | number = 'pipe', args: readonly string[] = []) {
  const program = `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { continueWithoutOutput, runProgram } from '${STREAMS}';
    await runProgram('evenhand', process.argv.slice(1), async () => { ${main} });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, '--', ...args], {
    stdio: ['ignore', stdout, 'pipe'],
  });
  const stderr = text(child.stderr!);
  const code = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, ended: async () => [await code, await stderr] };
}

/** Reads the beginning of the output and closes it, as `head -1` does. */
function readFirst({ child }: ReturnType<typeof start>): void {
  child.stdout!.once('data', () => child.stdout!.destroy());
}

const PRINT_ON = `for (let i = 0; i < 20; i++) { console.log('line'); await sleep(20); }`;

describe('a command whose output ends', () => {
  test('ends without an error if its reader has seen enough', async () => {
    const running = start(`${PRINT_ON} process.stderr.write('did not stop'); return 0;`);
    readFirst(running);
    assert.deepEqual(await running.ended(), [0, '']);
  });

  test('continues if its work is worth more than its output', async () => {
    const running = start(`continueWithoutOutput(); ${PRINT_ON} process.stderr.write('done'); return 0;`);
    readFirst(running);
    assert.deepEqual(await running.ended(), [0, 'done']);
  });

  const full = '/dev/full';
  const skip = existsSync(full) ? false : `there is no ${full}`;
  const sentence = 'evenhand: standard output cannot be written: the disk is full; free some space and try again\n';
  test('says in one sentence that the disk is full', { skip }, async () => {
    assert.deepEqual(await start(`${PRINT_ON} return 0;`, openSync(full, 'w')).ended(), [1, sentence]);
    const optional = `continueWithoutOutput(); ${PRINT_ON} return 0;`;
    assert.deepEqual(await start(optional, openSync(full, 'w')).ended(), [0, sentence]);
  });
});

describe('Ctrl-C', () => {
  test('ends a command with 130 and one line', async () => {
    const running = start(`console.log('ready'); await sleep(60_000); return 0;`);
    running.child.stdout!.once('data', () => running.child.kill('SIGINT'));
    assert.deepEqual(await running.ended(), [130, 'evenhand: interrupted\n']);
  });

  test('is left to a command that saves its work', async () => {
    const running = start(`
      const alive = setInterval(() => {}, 1000);
      const stopped = new Promise((resolve) => process.once('SIGINT', resolve));
      console.log('ready');
      await stopped;
      clearInterval(alive);
      return 7;`);
    running.child.stdout!.once('data', () => running.child.kill('SIGINT'));
    assert.equal((await running.ended())[0], 7);
  });
});

test('an error is one line, with its stack after --debug', async () => {
  const fail = `throw Object.assign(new Error('open'), { code: 'EMFILE', syscall: 'open', path: 'a' });`;
  const line = 'evenhand: too many files are open; raise the limit with ulimit -n 4096\n';
  assert.deepEqual(await start(fail).ended(), [2, line]);
  const [code, stderr] = await start(fail, 'pipe', ['--debug']).ended();
  assert.equal(code, 2);
  assert.match(String(stderr), /^evenhand: too many .*\n.*\n +at /);
});
