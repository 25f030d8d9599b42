import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../output/errors.js';
import { expectPositionals, type Flag, parseFlags } from './flags.js';

const known: readonly Flag[] = [
  { name: 'epochs', boolean: false, value: 'N', doc: '' },
  { name: 'head-dropout', boolean: false, doc: '' },
  { name: 'autocast', boolean: true, doc: '' },
];
const parse = (...args: string[]) => parseFlags('train', args, known);
const given = (...args: string[]) => Object.fromEntries(parse(...args).flags);
const refused = (args: string[], message: string): void => {
  assert.throws(() => parse(...args), new UsageError(message));
};

describe('flags', () => {
  test('take their values after a space or an equals sign, negative ones too', () => {
    assert.deepEqual(given('--epochs', '3', '--head-dropout', '-1'), { epochs: '3', 'head-dropout': '-1' });
    assert.deepEqual(given('--epochs=3', '--head-dropout=--x'), { epochs: '3', 'head-dropout': '--x' });
  });

  test('without a value are switched on, or off by =false', () => {
    assert.deepEqual(given('--autocast', '--debug'), { autocast: 'true', debug: 'true' });
    assert.deepEqual(given('--autocast=false'), { autocast: 'false' });
    refused(['--autocast=maybe'], '--autocast stands alone or is true or false, got "maybe"');
  });

  test('leave the other arguments in their order', () => {
    assert.deepEqual(parse('a', '--autocast', 'b', '--', '--c').positionals, ['a', 'b', '--c']);
  });

  test('that are unknown are refused with the likely spelling', () => {
    refused(['--epoch', '3'], 'Unknown flag --epoch: did you mean --epochs?');
    refused(['--headDropout=1'], 'Unknown flag --headDropout: did you mean --head-dropout?');
    refused(['--zzzzzzzz'], 'Unknown flag --zzzzzzzz: see evenhand train --help');
    refused(['-x'], 'Unknown flag -x: see evenhand train --help');
  });

  // Taking the next flag as the value would train for hours with two settings lost.
  test('that lack their value or come twice are refused', () => {
    refused(['--epochs'], '--epochs needs a value: --epochs N');
    refused(['--epochs', '--autocast'], '--epochs needs a value: --epochs N');
    refused(['--epochs', '1', '--epochs=2'], '--epochs is given twice: give it once, several values with commas');
  });

  test('come with exactly the arguments that a command wants', () => {
    assert.deepEqual(expectPositionals('eval', parse('a', 'b'), ['RUN', 'DATA']), ['a', 'b']);
    assert.throws(
      () => expectPositionals('eval', parse('a'), ['RUN', 'DATA']),
      new UsageError('DATA is missing: evenhand eval RUN DATA'),
    );
    assert.throws(
      () => expectPositionals('eval', parse('a', 'b', 'c'), ['RUN', 'DATA']),
      new UsageError('Unexpected "c": expected evenhand eval RUN DATA'),
    );
  });
});
