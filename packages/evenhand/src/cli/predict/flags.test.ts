import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { DataError } from '../../data/index.js';
import { parseFlags } from '../options/flags.js';
import { UsageError } from '../output/errors.js';
import { predictFlags, settingsOf } from './flags.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-flags-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const settings = (...args: string[]) => settingsOf(parseFlags('predict', args, predictFlags));
const refused = (args: string[], message: string | RegExp): Promise<void> =>
  assert.rejects(settings(...args), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });

const preset = { resize: 256, crop: 224, interpolation: 'bicubic', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

describe('the settings of predict', () => {
  test('have a value for all that is not said', async () => {
    assert.deepEqual(await settings('m.onnx', 'a.jpg', 'b.jpg'), {
      model: 'm.onnx',
      paths: ['a.jpg', 'b.jpg'],
      csv: undefined,
      images: undefined,
      filenameColumn: undefined,
      idColumn: undefined,
      out: undefined,
      probs: undefined,
      json: false,
      topK: 3,
      resume: false,
      tta: 'none',
      timeLimit: undefined,
      device: 'auto',
      threads: undefined,
      labels: undefined,
      preset: undefined,
    });
    assert.equal((await settings('m.onnx', '--csv', 'x.csv')).out, 'predictions.csv');
  });

  test('are what the flags say', async () => {
    writeFileSync(at('labels.txt'), '\uFEFFcat\r\ndog\r\n\r\n');
    const input = ['--csv', 'x.csv', '--images', 'i', '--filename-column', 'f', '--id-column', 'k'];
    const output = ['--out', 'o.csv', '--probs', 'p.csv', '--json', '--top-k', '7', '--resume'];
    const computation = ['--tta', 'flip+scales', '--device', 'cpu', '--threads', '2', '--labels', at('labels.txt')];
    const found = await settings('m.onnx', ...input, ...output, ...computation, '--preset', JSON.stringify(preset));
    assert.deepEqual(found, {
      model: 'm.onnx',
      paths: [],
      csv: 'x.csv',
      images: 'i',
      filenameColumn: 'f',
      idColumn: 'k',
      out: 'o.csv',
      probs: 'p.csv',
      json: true,
      topK: 7,
      resume: true,
      tta: 'flip+scales',
      timeLimit: undefined,
      device: 'cpu',
      threads: 2,
      labels: ['cat', 'dog'],
      preset,
    });
  });

  test('take a run for the model in it', async () => {
    mkdirSync(at('run'));
    await refused(
      [at('run'), 'a.jpg'],
      `${at('run')} holds no model.onnx: if it is a run, evenhand export ${at('run')} makes it`,
    );
    writeFileSync(at('run/model.onnx'), '');
    assert.equal((await settings(at('run'), 'a.jpg')).model, at('run/model.onnx'));
  });

  test('take a preset from a file, or as it stands', async () => {
    writeFileSync(at('preset.json'), JSON.stringify(preset));
    for (const given of [at('preset.json'), ` ${JSON.stringify(preset)}`]) {
      assert.deepEqual((await settings('m.onnx', 'a.jpg', '--preset', given)).preset, preset);
    }
  });

  test('know times in hours, minutes and seconds', async () => {
    const times: [text: string, seconds: number][] = [
      ['10m', 600],
      ['90s', 90],
      ['2.5s', 2.5],
      ['9m30s', 570],
      ['1h30m', 5400],
      ['1h', 3600],
      ['1h0m1s', 3601],
    ];
    for (const [text, seconds] of times) {
      assert.equal((await settings('m.onnx', 'a.jpg', '--time-limit', text)).timeLimit, seconds * 1000, text);
    }
  });
});

describe('predict refuses, in a sentence:', () => {
  test('nothing to do', async () => {
    await refused([], 'MODEL is missing: evenhand predict MODEL IMAGE..., or MODEL --csv FILE');
    await refused(
      ['my model.onnx'],
      "There is nothing to predict: name images or folders after 'my model.onnx', or give --csv FILE",
    );
  });

  test('flags that contradict one another', async () => {
    await refused(['m', 'a.jpg', '--csv', 'x.csv'], 'Unexpected "a.jpg": --csv names the images already');
    for (const name of ['images', 'filename-column', 'id-column']) {
      await refused(['m', 'a.jpg', `--${name}`, 'x'], `--${name} belongs to --csv FILE, which is not given`);
    }
    await refused(['m', 'a.jpg', '--resume'], '--resume goes on with --out FILE, which is not given');
    await refused(['m', 'a.jpg', '--probs', 'p.csv'], '--probs FILE needs --out FILE, or --csv FILE');
  });

  test('values that are not allowed', async () => {
    const cases: [flag: string, value: string, message: string][] = [
      ['tta', 'flips', '--tta must be one of none, flip, flip+scales, got "flips"'],
      ['device', 'gpu', '--device must be one of auto, cpu, cuda, webgpu, got "gpu"'],
      ...['0', '-1', '1.5', 'x', '', '1e3', '99999999999999999999'].flatMap((value): [string, string, string][] =>
        ['top-k', 'threads'].map((flag) => [
          flag,
          value,
          `--${flag} must be a whole number of at least 1, got ${JSON.stringify(value)}`,
        ]),
      ),
      ...['', '0s', '10', '10 m', '1.5m', '-1s', '30s1m', 'm', '1d'].map((value): [string, string, string] => [
        'time-limit',
        value,
        `--time-limit must be a time such as 10m, 90s or 1h30m, got ${JSON.stringify(value)}`,
      ]),
    ];
    for (const [flag, value, message] of cases) await refused(['m', 'a.jpg', `--${flag}=${value}`], message);
  });

  test('labels and presets that are not there or are none', async () => {
    await refused(['m', 'a.jpg', '--labels', at('no.txt')], `--labels ${at('no.txt')}: there is no such file`);
    writeFileSync(at('twice.txt'), 'cat\ncat\n');
    await assert.rejects(settings('m', 'a.jpg', '--labels', at('twice.txt')), (error) => error instanceof DataError);
    await refused(['m', 'a.jpg', '--preset', at('no.json')], `--preset ${at('no.json')}: there is no such file`);
    await refused(['m', 'a.jpg', '--preset', folder], new RegExp(`^--preset ${folder}: EISDIR`));
    await refused(['m', 'a.jpg', '--preset', '{"resize": 1'], /^--preset \{"resize": 1: .*JSON/);
    await refused(
      ['m', 'a.jpg', '--preset', JSON.stringify({ ...preset, crop: 300 })],
      /^--preset \{.*\}: preset\.crop: expected at most preset\.resize \(256\), got 300\.$/,
    );
  });
});
