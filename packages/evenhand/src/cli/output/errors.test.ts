import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ImageError, ModelError } from '@evenhand/predict';
import { TorchError, WeightsFileError } from '@evenhand/torch';
import { DataError } from '../../data/index.js';
import { ExportError } from '../../export/index.js';
import { WeightsError } from '../../models/index.js';
import { RunError } from '../../run/index.js';
import { ConfigError, TrainingError } from '../../train/index.js';
import { printableMessage, reportError, UsageError } from './errors.js';

describe('the report of an error', () => {
  // Classes are recognised by their names, which the compiler does not see: a class that is renamed fails here.
  test('is the message of a known error, with exit code 2 for a mistake and 1 for a failure', () => {
    const full = { cause: Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }) };
    const known: [error: Error, exitCode: number, resumable: boolean][] = [
      [new UsageError('a'), 2, false],
      [new ConfigError('a'), 2, false],
      [new DataError('a'), 2, false],
      [new ImageError('a.jpg', 'is cut off'), 2, false],
      [new RunError('a'), 2, false],
      [new RunError('a', full), 1, true],
      [new WeightsFileError('a.pth', 'is damaged'), 2, false],
      [new WeightsFileError('a.pth', 'cannot be written', full), 1, true],
      [new WeightsError('unreachable', 'a'), 1, true],
      [new WeightsError('not-found', 'a'), 1, false],
      [new TorchError('a', 'TORCH_OUT_OF_MEMORY'), 1, false],
      // A loss that diverged diverges again.
      [new TrainingError('a'), 1, false],
      [new ModelError('a'), 2, false],
      [new ExportError('a'), 1, false],
    ];
    for (const [error, exitCode, resumable] of known) {
      const report = reportError(error);
      assert.deepEqual([report.text, report.exitCode, report.resumable], [error.message, exitCode, resumable]);
      assert.match(report.stack, /errors\.test/);
    }
  });

  test('asks to report an error that nobody foresaw', () => {
    for (const error of [new RangeError('Invalid array length'), 'Invalid array length']) {
      const { text, exitCode } = reportError(error);
      assert.equal(text, 'unexpected failure: Invalid array length; run again with --debug, and please report it');
      assert.equal(exitCode, 1);
    }
  });

  test('says that memory is short if an array is too large for it', () => {
    const tooLarge = () => new ArrayBuffer(Number.MAX_SAFE_INTEGER);
    assert.throws(tooLarge, (error) => {
      const { text, exitCode } = reportError(error);
      assert.deepEqual(
        [text, exitCode],
        ['not enough memory; use smaller images, smaller batches or fewer workers', 1],
      );
      return true;
    });
  });

  test('is a sentence for an error of the operating system, which is nothing to report', () => {
    const of = (code: string) =>
      reportError(Object.assign(new Error(`${code}: open`), { code, syscall: 'open', path: '/a/b' }));
    assert.deepEqual(
      ['EMFILE', 'ENOSPC', 'EACCES', 'EWEIRD'].map((code) => [of(code).text, of(code).exitCode]),
      [
        ['too many files are open; raise the limit with ulimit -n 4096', 2],
        ['/a/b: the disk is full; free some space and try again', 1],
        ['/a/b: permission denied; check the permissions of the file and its folder', 2],
        ['/a/b: EWEIRD: open', 2],
      ],
    );
    assert.throws(
      () => readFileSync('/nowhere/at/all'),
      (error) => {
        assert.equal(reportError(error).text, '/nowhere/at/all: there is no such file or folder');
        return true;
      },
    );
  });

  test('shows control characters and foreign line breaks of names, and keeps the lines of a list', () => {
    const label = 'rose\u001b[2J\nevenhand: FAKE\r\u202e';
    const { text } = reportError(new DataError(`Unknown label ${label}; known:\n  a.jpg: damaged\n  b.jpg: empty`));
    assert.equal(
      text,
      'Unknown label rose\\x1b[2J\\nevenhand: FAKE\\r\\u202e; known:\n  a.jpg: damaged\n  b.jpg: empty',
    );
  });

  test('is cut if a value in it is long', () => {
    assert.ok(printableMessage('x'.repeat(30_000_000)).length < 6000);
    assert.equal(printableMessage('line\n  - one\n'), 'line\n  - one');
  });
});
