import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allCommands } from '../commands/index.js';
import { UsageError } from '../output/errors.js';
import { FOREIGN_NAMES } from './flag-names.js';
import { expectPositionals, type Flag, parseFlags } from './flags.js';

const flags: readonly Flag[] = [
  { name: 'epochs', boolean: false, value: 'N', doc: '' },
  { name: 'head-dropout', boolean: false, doc: '' },
  { name: 'autocast', boolean: true, doc: '' },
];
const parse = (...args: string[]) => parseFlags('train', args, flags);
const parsed = (...args: string[]) => Object.fromEntries(parse(...args).flags);
const named = (name: string): Flag => ({ name, boolean: false, doc: '' });
const refused = (args: string[], message: string): void => {
  assert.throws(() => parse(...args), new UsageError(message));
};

describe('flags', () => {
  test('take their values after a space or an equals sign, negative ones too', () => {
    assert.deepEqual(parsed('--epochs', '3', '--head-dropout', '-1'), { epochs: '3', 'head-dropout': '-1' });
    assert.deepEqual(parsed('--epochs=3', '--head-dropout=--x'), { epochs: '3', 'head-dropout': '--x' });
  });

  test('without a value are switched on, or off with =false', () => {
    assert.deepEqual(parsed('--autocast', '--debug'), { autocast: 'true', debug: 'true' });
    assert.deepEqual(parsed('--autocast=false'), { autocast: 'false' });
    refused(['--autocast=maybe'], '--autocast takes no value, or true or false, got "maybe"');
  });

  test('leave the other arguments in order', () => {
    assert.deepEqual(parse('a', '--autocast', 'b', '--', '--c').positionals, ['a', 'b', '--c']);
  });

  test('that are unknown are refused with the likely spelling', () => {
    refused(['--epoch', '3'], 'Unknown flag --epoch; did you mean --epochs?');
    refused(['--headDropout=1'], 'Unknown flag --headDropout; did you mean --head-dropout?');
    refused(['--zzzzzzzz'], 'Unknown flag --zzzzzzzz; see evenhand train --help');
    refused(['-x'], 'Unknown flag -x; see evenhand train --help');
  });

  test('of other programs are recognised', () => {
    const train = [
      ...flags,
      ...['backbone-rate', 'head-rate', 'batch-size', 'image-size', 'workers', 'run'].map(named),
    ];
    const hints: [given: string[], hint: string][] = [
      [['--lr', '0.1'], '--lr; did you mean --backbone-rate or --head-rate?'],
      [['--batch=16'], '--batch; did you mean --batch-size?'],
      [['-b', '16'], '-b; did you mean --batch-size?'],
      [['--bs', '16'], '--bs; did you mean --batch-size?'],
      [['--img-size', '224'], '--img-size; did you mean --image-size?'],
      [['--imgsz', '224'], '--imgsz; did you mean --image-size?'],
      [['--num_workers', '4'], '--num_workers; did you mean --workers?'],
      [['-j', '4'], '-j; did you mean --workers?'],
      [['--output', 'a'], '--output; did you mean --run?'],
      [['--amp'], '--amp; did you mean --autocast?'],
      [['--data-path', 'photos'], '--data-path; the data is given without a flag: evenhand train DATA'],
      // The command has no flag for it.
      [['--wd', '0.1'], '--wd; see evenhand train --help'],
      [['--constructor'], '--constructor; see evenhand train --help'],
      [['--__proto__'], '--__proto__; see evenhand train --help'],
    ];
    for (const [args, hint] of hints) {
      assert.throws(() => parseFlags('train', args, train), new UsageError(`Unknown flag ${hint}`));
    }
    assert.throws(() => parseFlags('recipes', ['--data-path'], []), /see evenhand recipes --help/);
  });

  test('are suggested by a table whose every entry is a flag of some command', async () => {
    const known = new Set((await allCommands()).flatMap((command) => command.flags.map(({ name }) => name)));
    for (const name of [...FOREIGN_NAMES.values()].flat()) assert.ok(known.has(name), name);
    for (const name of FOREIGN_NAMES.keys()) assert.match(name, /^[a-z\d]+$/);
  });

  // Taking the next flag as the value would train for hours with two settings lost.
  test('without their value, or given twice, are refused', () => {
    refused(['--epochs'], '--epochs needs a value: --epochs N');
    refused(['--epochs', '--autocast'], '--epochs needs a value: --epochs N');
    refused(
      ['--epochs', '1', '--epochs=2'],
      '--epochs is given twice; give it once, with commas between several values',
    );
  });

  test('come with exactly the arguments that a command takes', () => {
    assert.deepEqual(expectPositionals('eval', parse('a', 'b'), ['RUN', 'DATA']), ['a', 'b']);
    assert.throws(
      () => expectPositionals('eval', parse('a'), ['RUN', 'DATA']),
      new UsageError('DATA is missing; usage: evenhand eval RUN DATA'),
    );
    assert.throws(
      () => expectPositionals('eval', parse('a', 'b', 'c'), ['RUN', 'DATA']),
      new UsageError('Unexpected argument "c"; usage: evenhand eval RUN DATA'),
    );
  });
});
