import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError } from './field.js';
import { resolveConfig } from './resolve.js';
import { changeOnResume } from './resume.js';

const values = { data: '/old/photos', labelList: '/old/photos/labels.txt', valCsv: '/other/val.csv', headRate: 1e-3 };
const config = { ...resolveConfig('competition', [{ source: 'test', values }]), batchSize: 32 };

describe('changes on resume', () => {
  test('leave the configuration as it is if there are none', () => {
    assert.deepEqual(changeOnResume(config, {}), { config, notes: [] });
  });

  test('may lower the learning rates, and each is noted', () => {
    const { config: changed, notes } = changeOnResume(config, { headRate: 1e-4, threads: 2, cache: 'off' });
    assert.deepEqual(changed, { ...config, headRate: 1e-4, threads: 2, cache: 'off' });
    assert.deepEqual(notes, [
      'Changed on resume: headRate from 0.001 to 0.0001.',
      'Changed on resume: threads from 0 to 2.',
      'Changed on resume: cache from auto to off.',
    ]);
  });

  test('follow data that has moved, with the files inside it', () => {
    const { data, labelList, valCsv } = changeOnResume(config, { data: '/new/photos' }).config;
    assert.deepEqual([data, labelList, valCsv], ['/new/photos', '/new/photos/labels.txt', '/other/val.csv']);
  });

  test('may split batches if accumulation keeps their product', () => {
    const { config: changed } = changeOnResume(config, { batchSize: 8, accumulate: 4 });
    assert.deepEqual(changed, { ...config, batchSize: 8, accumulate: 4 });
    for (const changes of [{ batchSize: 8 }, { accumulate: 2 }, { batchSize: 8, accumulate: 2 }]) {
      assert.throws(() => changeOnResume(config, changes), /batchSize with accumulate if their product remains 32$/);
    }
    assert.throws(() => changeOnResume(config, { batchSize: 'auto' }), ConfigError);
  });

  test('refuse what would make another run of it', () => {
    for (const changes of [{ epochs: 30 }, { seed: 1 }, { labelColumn: 'x' }, { batchSize: 8 }]) {
      assert.throws(
        () => changeOnResume(config, changes),
        (error) => error instanceof ConfigError && /cannot change when a run is resumed/.test(error.message),
      );
    }
  });
});
