import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageError, ModelError } from '@evenhand/predict';
import { TorchError, WeightsFileError } from '@evenhand/torch';
import { DataError } from '../../data/index.js';
import { ExportError } from '../../export/index.js';
import { WeightsError } from '../../models/index.js';
import { RunError } from '../../run/index.js';
import { ConfigError, TrainingError } from '../../train/index.js';
import { tell, UsageError } from './errors.js';

// They are told apart by their names, which the compiler does not see: a class that is renamed fails here.
test('errors that are known are told by their message, a mistake with 2 and a failure with 1', () => {
  const full = { cause: Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }) };
  const known: [error: Error, exitCode: number][] = [
    [new UsageError('a'), 2],
    [new ConfigError('a'), 2],
    [new DataError('a'), 2],
    [new ImageError('a.jpg', 'is cut off'), 2],
    [new RunError('a'), 2],
    [new RunError('a', full), 1],
    [new WeightsFileError('a.pth', 'is damaged'), 2],
    [new WeightsFileError('a.pth', 'cannot be written', full), 1],
    [new WeightsError('unreachable', 'a'), 1],
    [new TorchError('a', 'TORCH_OUT_OF_MEMORY'), 1],
    [new TrainingError('a'), 1],
    [new ModelError('a'), 2],
    [new ExportError('a'), 1],
  ];
  for (const [error, exitCode] of known) {
    const { text, exitCode: told, stack } = tell(error);
    assert.deepEqual([text, told], [error.message, exitCode], error.constructor.name);
    assert.match(stack, /errors\.test/);
  }
});

test('an error that nobody foresaw asks for a report', () => {
  for (const error of [new RangeError('Invalid array length'), 'Invalid array length']) {
    const { text, exitCode } = tell(error);
    assert.equal(text, 'unexpected failure: Invalid array length; run again with --debug, and please report it');
    assert.equal(exitCode, 1);
  }
});
