import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { stringify } from 'smol-toml';
import { type Config, ConfigError, fields, flagName, recipes, resolveConfig } from '../../train/index.js';
import { readConfigFile } from './config-file.js';
import { configFlags, configOf, readFlags, readOptionsOf } from './config-flags.js';
import { type Flag, parseFlags } from './flags.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-config-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const extra: readonly Flag[] = ['recipe', 'config'].map((name) => ({ name, boolean: false, doc: '' }));
const resolved = (...args: string[]) => configOf(parseFlags('train', args, [...configFlags, ...extra]), 'photos');
const refused = (args: string[], message: RegExp): Promise<void> => assert.rejects(resolved(...args), message);

describe('the configuration of a command line', () => {
  test('has a flag for every field but the data', () => {
    const expected = Object.keys(fields).filter((name) => name !== 'data');
    assert.deepEqual(
      configFlags.map(({ name }) => name),
      expected.map(flagName),
    );
  });

  test('is the recipe, on it the file, on it the flags', async () => {
    const path = file('a.toml', 'recipe = "fast"\nepochs = 9\nheadRate = 0.5\n');
    const { recipe, config } = await resolved('--config', path, '--epochs', '2');
    const { epochs, headRate, backboneRate, data } = config;
    assert.deepEqual([recipe, epochs, headRate, data], ['fast', 2, 0.5, 'photos']);
    assert.equal(backboneRate, recipes.fast!.changes.backboneRate);
    assert.equal((await resolved('--config', path, '--recipe', 'competition')).config.model, 'efficientnet_b3');
  });

  test('is the recipe fast on a CPU and strong on a GPU if none is named, with the reason', async () => {
    const { recipe, reason, config } = await resolved('--device', 'cpu');
    assert.equal(recipe, 'fast');
    assert.match(reason, /training on the CPU/);
    assert.equal(config.model, 'mobilenet_v2');
    assert.match((await resolved('--device', 'cuda:1')).reason, /training on cuda:1/);
    assert.equal((await resolved('--device', 'cuda:1')).recipe, 'strong');
    assert.equal((await resolved('--recipe', 'competition')).reason, '');
  });

  test('takes every kind of value', async () => {
    const args = ['--crop-scale', '0.5,1', '--balance', 'logit-adjust', '--autocast', '--model', 'mobilenet_v2'];
    const { cropScale, balance, autocast, model } = (await resolved(...args)).config;
    assert.deepEqual([cropScale, balance, autocast, model], [[0.5, 1], ['logit-adjust'], 'on', 'mobilenet_v2']);
  });

  test('reads the same from TOML, YAML and JSON', () => {
    const values = { epochs: 4, cropScale: [0.5, 1], autocast: true, model: 'mobilenet_v2' };
    const files = [
      file('b.toml', stringify(values)),
      file('b.yaml', 'epochs: 4\ncropScale: [0.5, 1]\nautocast: true\nmodel: mobilenet_v2\n'),
      file('b.yml', '\uFEFF# a comment\nepochs: 4\ncropScale:\n  - 0.5\n  - 1\nautocast: true\nmodel: mobilenet_v2\n'),
      file('b.json', JSON.stringify(values)),
    ];
    for (const path of files) assert.deepEqual({ ...readConfigFile(path) }, values, path);
    assert.deepEqual(readConfigFile(file('empty.yaml', '')), {});
  });

  // What --print-config prints must make the same run when it is given back.
  test('survives being printed and read again', async () => {
    for (const recipe of Object.keys(recipes)) {
      const config = resolveConfig(recipe, [{ source: 'test', values: { data: 'photos' } }]);
      const path = file(`${recipe}.toml`, stringify({ recipe, ...config }));
      assert.deepEqual(await resolved('--config', path), { recipe, reason: '', config });
    }
  });

  test('refuses what is misspelt or wrong, with the place and what was expected', async () => {
    await refused(['--recipe', 'fsat'], /Unknown recipe fsat: did you mean fast\?/);
    await refused(['--epochs', 'many'], /--epochs must be a whole number of at least 0, got "many"/);
    await refused(['--model', 'mobilenet_v3'], /Unknown model "mobilenet_v3"; did you mean mobilenet_v2/);
    await refused(['--balance', 'sampler,weighted-loss'], /correct about twice.*--allow-double-balance$/);
    await refused(['--val-fraction', '0.2', '--folds', '5'], /Error: --val-fraction and folds/);
    await refused(['--config', file('c.toml', 'epoch = 3')], /c\.toml: epoch: did you mean epochs\?/);
    await refused(
      ['--config', file('d.yaml', 'epochs: -1')],
      /d\.yaml: epochs must be a whole number of at least 0, got -1/,
    );
    await refused(
      ['--config', file('e.json', '{"recipe": 3}')],
      /e\.json: recipe must be one of .*competition.*, got 3/,
    );
    await assert.rejects(resolved('--config', file('c.toml', 'epoch = 3')), ConfigError);
  });

  test('refuses files that are missing or cannot be understood, with the line', async () => {
    await refused(['--config', join(folder, 'none.toml')], /none\.toml: there is no such file/);
    await refused(['--config', folder], /expected a file that ends in \.toml, \.yaml, \.yml, \.json/);
    await refused(['--config', file('f.toml', 'epochs = 3\nmodel = \n')], /f\.toml, line 2: /);
    await refused(['--config', file('f.yaml', 'epochs: 3\nmodel: [\n')], /f\.yaml: .* at line \d/);
    await refused(['--config', file('f.json', '{"epochs": }')], /f\.json: Unexpected token/);
    await refused(['--config', file('g.json', '[1]')], /g\.json: expected keys and values, such as epochs: 5/);
    for (const name of ['f.toml', 'f.yaml', 'f.json']) {
      assert.throws(
        () => readConfigFile(join(folder, name)),
        (error: Error) => !error.message.includes('\n'),
      );
    }
  });

  // Each of these once ended in a stack trace, in minutes of work or in a message of megabytes.
  test('refuses values that are endless, deep or large in one short sentence', async () => {
    const deep = '['.repeat(100_000);
    const closed = `${deep}${']'.repeat(100_000)}`;
    const hostile: [name: string, text: string, message: RegExp][] = [
      ['cycle.yaml', 'epochs: &a [*a]', /epochs must be a whole number/],
      ['cycle2.yaml', 'recipe: &a [*a]', /recipe must be one of .*, got \[…\]/],
      ['deep.json', `{"epochs": ${closed}}`, /is too large for a configuration: 201 kB/],
      ['deep.yaml', `epochs: ${closed.slice(90_000, 110_000)}`, /is nested too deeply/],
      ['deep.toml', `epochs = ${deep.slice(0, 30_000)}`, /is nested too deeply/],
      ['long.yaml', `epochs: ${'x'.repeat(30_000)}`, /epochs must be a whole number .*x…"$/],
      ['long.toml', `epochs = "${'x'.repeat(30_000_000)}"`, /is too large for a configuration: 30,001 kB/],
      ['key.json', `{"${'k'.repeat(30_000)}": 1}`, /key\.json: kkk/],
      ['value.json', `{"model": "a\\u001b[2J\\nevenhand: fake"}`, /"a\\x1b\[2J\\nevenhand: fake"/],
      ['proto.json', '{"__proto__": 1}', /__proto__/],
    ];
    for (const [name, text, message] of hostile) {
      await refused(['--config', file(name, text)], message);
      await assert.rejects(
        resolved('--config', join(folder, name)),
        ({ message }: Error) => message.length < 2000 && !message.includes('\n') && !message.includes('\u001b'),
        name,
      );
    }
  });

  test('refuses what is not a regular file, without waiting for it', {
    skip: process.platform === 'win32',
  }, async () => {
    assert.equal(spawnSync('mkfifo', [join(folder, 'pipe.yaml')]).status, 0);
    symlinkSync('/dev/zero', join(folder, 'zero.toml'));
    for (const name of ['pipe.yaml', 'zero.toml']) {
      await refused(['--config', join(folder, name)], new RegExp(`${name}: must be a regular file`));
    }
  });

  test('hands the flags about reading to commands that only read', () => {
    const parsed = parseFlags('check', ['--label-column', 'species', '--images', 'pics'], readFlags);
    assert.deepEqual(readOptionsOf(parsed), { images: 'pics', labelColumn: 'species' } satisfies Partial<Config>);
  });
});
