import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { readCsv } from '../../data/read/csv.js';
import { UsageError } from './errors.js';
import { csv, writeLines, writeOutput, writePage } from './files.js';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenhand-output-'));
  file = join(folder, 'out.csv');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function* lines(count: number, failAt = -1): AsyncGenerator<string> {
  for (let i = 0; i < count; i++) {
    if (i === failAt) throw new Error('the source failed');
    yield `line ${i}, é\n`;
  }
}

describe('lines', () => {
  test('are written completely and in order', async () => {
    for (const count of [0, 1, 30_000]) {
      await writeLines(file, lines(count));
      assert.equal(readFileSync(file, 'utf8'), Array.from({ length: count }, (_, i) => `line ${i}, é\n`).join(''));
      assert.deepEqual(readdirSync(folder), ['out.csv']);
    }
  });

  test('replace the old file only when they are complete', async () => {
    writeFileSync(file, 'old');
    let seen = '';
    await writeLines(
      file,
      (async function* () {
        yield* lines(20_000);
        seen = readFileSync(file, 'utf8');
      })(),
    );
    assert.equal(seen, 'old');
    assert.equal(readFileSync(file, 'utf8').split('\n').length, 20_001);
  });

  test('leave the old file, and nothing else, if their source fails', {
    skip: !existsSync('/proc/self/fd'),
  }, async () => {
    writeFileSync(file, 'old');
    const before = readdirSync('/proc/self/fd').length;
    for (const failAt of [0, 5, 20_000]) {
      await assert.rejects(writeLines(file, lines(30_000, failAt)), { message: 'the source failed' });
    }
    assert.equal(readFileSync(file, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['out.csv']);
    assert.equal(readdirSync('/proc/self/fd').length, before, 'files are left open');
  });

  test('are refused if there is no folder for the file, or a folder in its place', async () => {
    const refused = (path: string, reason: RegExp) =>
      assert.rejects(writeLines(path, lines(1)), (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, reason);
        assert.ok(error.message.startsWith(`${path}: cannot be written: `));
        return true;
      });
    await refused(join(folder, 'no', 'out.csv'), /there is no folder .*no$/);
    mkdirSync(file);
    writeFileSync(join(file, 'kept'), '');
    await refused(file, /folder/);
    assert.deepEqual(readdirSync(folder), ['out.csv']);
  });
});

describe('a file', () => {
  const full = '/dev/full';
  test('on a full disk is one sentence with the remedy', {
    skip: !existsSync(full) && `there is no ${full}`,
  }, async () => {
    const message = `${full}: cannot be written: the disk is full; free some space and try again`;
    assert.throws(() => writeOutput(full, 'text'), new UsageError(message));
    assert.throws(() => writePage(full, 'text'), new UsageError(message));
    await assert.rejects(writeLines(full, lines(1)), new UsageError(message));
  });

  test('that does not fit on the disk leaves nothing behind', (t) => {
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    if (status !== 0) return t.skip('no small disk can be mounted here');
    try {
      for (const write of [writeOutput, writePage]) {
        assert.throws(() => write(file, 'x'.repeat(1_000_000)), /the disk is full/);
        assert.deepEqual(readdirSync(folder), []);
      }
    } finally {
      spawnSync('umount', [folder]);
    }
  });

  // A rename would replace the device itself.
  test('that is a pipe is written to, not replaced', { skip: process.platform === 'win32' }, async () => {
    const pipe = join(folder, 'pipe');
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    for (const write of [() => writeOutput(pipe, 'line 0, é\n'), () => writeLines(pipe, lines(1))]) {
      const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
      const read = text(reader.stdout);
      await write();
      assert.equal(await read, 'line 0, é\n');
      assert.ok(statSync(pipe).isFIFO());
    }
  });
});

test('cells are quoted if a reader would change or split them', () => {
  const rows = [
    ['id', 'a,b', 'say "no"', 'two\nlines', 'cr\r', ' space ', ''],
    [1, 0.5, -1e-9],
  ];
  assert.equal(csv(rows), 'id,"a,b","say ""no""","two\nlines","cr\r"," space ",\n1,0.5,-1e-9\n');
  assert.equal(csv([]), '');
});

test('what is written can be read back, outer spaces included', async () => {
  const names = ['rose', ' rose', 'rose ', '\trose', 'rose\u00a0', '\u3000rose', ' ', 'a "b" ', '\n', ''];
  writeFileSync(file, csv([['name', 'id'], ...names.map((name, i) => [name, i])]));
  const { rows } = await readCsv(file);
  assert.deepEqual(
    rows.map(({ values }) => values[0]),
    names,
  );
});

test('formulas of spreadsheets are made text on request, and only then', () => {
  const formulas = ['=cmd()', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("x","y")'];
  const text = [..."a=b,'=1,1-2".split(','), ' rose', '', -1];
  assert.equal(
    csv([[...formulas, ...text]], { safe: true }),
    `'=cmd(),'+1,'-1,'@SUM(A1),'\t=1,"'\r=1","'=HYPERLINK(""x"",""y"")",a=b,'=1,1-2," rose",,-1\n`,
  );
  assert.equal(csv([formulas.slice(0, 4)]), '=cmd(),+1,-1,@SUM(A1)\n');
});
