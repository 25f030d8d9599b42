import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { DataError } from '../../data/index.js';
import { parseFlags } from '../options/flags.js';
import { UsageError } from '../output/errors.js';
import { predictFlags, readSettings } from './flags.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-flags-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const settings = (...args: string[]) => readSettings(parseFlags('predict', args, predictFlags));
const refused = (args: string[], message: string | RegExp): Promise<void> =>
  assert.rejects(settings(...args), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });

const preset = { resize: 256, crop: 224, interpolation: 'bicubic', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

describe('the settings of predict', () => {
  test('have defaults', async () => {
    assert.deepEqual(await settings('m.onnx', 'a.jpg', 'b.jpg'), {
      model: 'm.onnx',
      paths: ['a.jpg', 'b.jpg'],
      csv: undefined,
      images: undefined,
      filenameColumn: undefined,
      idColumn: undefined,
      out: undefined,
      probs: undefined,
      csvSafe: false,
      json: false,
      topK: 3,
      resume: false,
      shard: undefined,
      merge: false,
      tta: 'none',
      timeLimit: undefined,
      device: 'auto',
      threads: undefined,
      labels: undefined,
      preset: undefined,
    });
    assert.equal((await settings('m.onnx', '--csv', 'x.csv')).out, 'predictions.csv');
  });

  test('follow the flags', async () => {
    writeFileSync(at('labels.txt'), '\uFEFFcat\r\ndog\r\n\r\n');
    const input = ['--csv', 'x.csv', '--images', 'i', '--filename-column', 'f', '--id-column', 'k'];
    const output = ['--out', 'o.csv', '--probs', 'p.csv', '--csv-safe', '--json', '--top-k', '7', '--resume'];
    const computation = ['--tta', 'flip+scales', '--device', 'cpu', '--threads', '2', '--labels', at('labels.txt')];
    const actual = await settings('m.onnx', ...input, ...output, ...computation, '--preset', JSON.stringify(preset));
    assert.deepEqual(actual, {
      model: 'm.onnx',
      paths: [],
      csv: 'x.csv',
      images: 'i',
      filenameColumn: 'f',
      idColumn: 'k',
      out: 'o.csv',
      probs: 'p.csv',
      csvSafe: true,
      json: true,
      topK: 7,
      resume: true,
      shard: undefined,
      merge: false,
      tta: 'flip+scales',
      timeLimit: undefined,
      device: 'cpu',
      threads: 2,
      labels: ['cat', 'dog'],
      preset,
    });
  });

  test('accept a run folder as the model', async () => {
    mkdirSync(at('run'));
    await refused(
      [at('run'), 'a.jpg'],
      `${at('run')} has no model.onnx; if it is a run, evenhand export ${at('run')} makes one`,
    );
    writeFileSync(at('run/model.onnx'), '');
    assert.equal((await settings(at('run'), 'a.jpg')).model, at('run/model.onnx'));
  });

  test('accept a preset from a file, or as JSON', async () => {
    writeFileSync(at('preset.json'), JSON.stringify(preset));
    for (const given of [at('preset.json'), ` ${JSON.stringify(preset)}`]) {
      assert.deepEqual((await settings('m.onnx', 'a.jpg', '--preset', given)).preset, preset);
    }
  });

  test('accept times in hours, minutes and seconds', async () => {
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

describe('predict refuses by one sentence:', () => {
  test('nothing to do', async () => {
    await refused([], 'MODEL is missing: evenhand predict MODEL IMAGE..., or MODEL --csv FILE');
    await refused(
      ['my model.onnx'],
      "There is nothing to predict: give images or folders after 'my model.onnx', or --csv FILE",
    );
  });

  test('contradicting flags', async () => {
    await refused(
      ['m', 'a.jpg', '--csv', 'x.csv'],
      'Unexpected argument "a.jpg": the images are already listed by --csv',
    );
    for (const name of ['images', 'filename-column', 'id-column']) {
      await refused(['m', 'a.jpg', `--${name}`, 'x'], `--${name} is only for --csv FILE`);
    }
    await refused(['m', 'a.jpg', '--resume'], '--resume needs the --out FILE of the interrupted prediction');
    await refused(['m', 'a.jpg', '--probs', 'p.csv'], '--probs FILE needs --out FILE or --csv FILE');
    const same = `--out and --probs are the same file, ${at('a.csv')}; give them different names`;
    await refused(['m', 'a.jpg', '--out', at('a.csv'), '--probs', `${folder}/./a.csv`], same);
  });

  test('output that is not a file, which would be replaced by one', async () => {
    for (const flag of ['out', 'probs']) {
      const out = flag === 'out' ? [] : ['--out', at('a.csv')];
      const device = `--${flag} /dev/null is not a file; give a file name, or print with --json`;
      await refused(['m', 'a.jpg', ...out, `--${flag}`, '/dev/null'], device);
      const directory = `--${flag} ${folder} is not a file; give a file name in it`;
      await refused(['m', 'a.jpg', ...out, `--${flag}`, folder], directory);
    }
  });

  test('invalid values', async () => {
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

  test('labels and presets that are missing or invalid', async () => {
    await refused(['m', 'a.jpg', '--labels', at('no.txt')], `--labels ${at('no.txt')}: there is no such file`);
    writeFileSync(at('twice.txt'), 'cat\ncat\n');
    await assert.rejects(settings('m', 'a.jpg', '--labels', at('twice.txt')), (error) => error instanceof DataError);
    await refused(['m', 'a.jpg', '--preset', at('no.json')], `--preset ${at('no.json')}: there is no such file`);
    await refused(
      ['m', 'a.jpg', '--preset', folder],
      `--preset ${folder}: it is not a file; give JSON or the name of a JSON file`,
    );
    await refused(['m', 'a.jpg', '--preset', '{"resize": 1'], /^--preset \{"resize": 1: .*JSON/);
    await refused(
      ['m', 'a.jpg', '--preset', JSON.stringify({ ...preset, crop: 300 })],
      /^--preset \{.*\}: preset\.crop: expected at most preset\.resize \(256\), got 300\.$/,
    );
  });
});
