// What can be wrong with a model that a user names: one sentence each.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { nn, saveTensors } from '@evenhand/torch';
import { createModel } from 'evenhand';
import { copyFolder, drawDiscs, namesIn, refusal, succeed, temporaryFolder } from './support.js';
import { copyTrainedRun } from './trained-run.js';

const { path: folder, remove } = temporaryFolder();
const at = (...parts: string[]): string => join(folder, ...parts);
const SMALL = '--batch-size 4 --threads 1 --workers 1 --run run'.split(' ');
const CONVNEXT = { architecture: 'convnext_atto', model_args: { depths: [1, 1, 1, 1], dims: [8, 8, 16, 16] } };
const VIT = { architecture: 'vit_tiny_patch16_224', model_args: { embed_dim: 32, depth: 2, num_heads: 2 } };

const commit = { 'x-repo-commit': '7'.repeat(40) };
/** A hub with repositories whose configuration is there, and weights are not, or are larger than any disk. */
const server = createServer(({ url, headers }, response) => {
  const [, repository, file] = /^\/org\/(\w+)\/resolve\/\w+\/(.+)$/.exec(url ?? '') ?? [];
  const answer = (status: number, more: object): ServerResponse => response.writeHead(status, { ...commit, ...more });
  if (repository === 'gated') {
    answer(headers.authorization ? 403 : 401, { 'x-error-code': 'GatedRepo' }).end();
  } else if (file === 'config.json') {
    const text = JSON.stringify({ ...CONVNEXT, license: 'mit' });
    answer(200, { etag: `"config-${repository}"`, 'content-length': text.length }).end(text);
  } else if (repository === 'huge' && file === 'model.safetensors') {
    const linked = { 'x-linked-etag': `"${'a'.repeat(64)}"`, 'x-linked-size': 4e14 };
    answer(302, { ...linked, location: 'http://127.0.0.1:9/' }).end();
  } else {
    answer(404, { 'x-error-code': 'EntryNotFound' }).end();
  }
});

before(async () => {
  await drawDiscs(at('discs'), { train: 2, val: 2 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  process.env.HF_HOME = at('home');
  for (const name of ['HF_HUB_OFFLINE', 'HF_TOKEN', 'HF_HUB_CACHE']) delete process.env[name];
  for (const name of ['run', 'home']) rmSync(at(name), { recursive: true, force: true });
});
after(() => {
  server.close();
  remove();
});

/** A folder with a model of `file` that its config.json describes. */
function modelFolder(name: string, config: object, file: string, content: string | Buffer = ''): string {
  mkdirSync(at(name), { recursive: true });
  writeFileSync(at(name, 'config.json'), JSON.stringify(config));
  writeFileSync(at(name, file), content);
  return `./${name}`;
}

/** As `modelFolder`, with weights of the network `saved`. */
function savedModel(name: string, config: object, saved: typeof CONVNEXT | typeof VIT, numClasses: number): string {
  const path = modelFolder(name, config, 'model.safetensors');
  const { architecture, model_args: args } = saved;
  const model = createModel({ architecture, args }, { numClasses, seed: 1 });
  saveTensors(at(name, 'model.safetensors'), nn.stateDict(model));
  nn.disposeModule(model);
  return path;
}

const trainAt = (size: number, model: string, ...more: string[]): string[] => [
  ...['train', 'discs', ...SMALL, '--image-size', String(size), '--model', model],
  ...more,
];
const train = (model: string, ...more: string[]): string[] => trainAt(32, model, ...more);

/** The sentence with which a command is refused, which must be the only one but for how to resume. */
async function sentence(args: readonly string[], code: number): Promise<string> {
  const [first = '', ...more] = (await refusal(args, folder, code)).trim().split('\n');
  for (const line of more) assert.match(line, /^Resume with: /);
  return first;
}

describe('a folder or a repository that is no model', () => {
  test('has an architecture that evenhand does not know', async () => {
    const model = modelFolder('unknown', { architecture: 'inception_v4' }, 'model.safetensors');
    const expected =
      /unknown\/config\.json: the architecture "inception_v4" is not supported; choose a model of another/;
    assert.match(await sentence(train(model), 1), expected);
    assert.equal(existsSync(at('run')), false);
  });

  test('has no weights', async () => {
    const message = await sentence(train('hf-hub:org/empty'), 1);
    assert.match(message, /^evenhand: org\/empty has no weights that can be loaded \(none of model\.safetensors, /);
  });

  test('is gated, and there is no token, or one whose account has not accepted the terms', async () => {
    assert.match(await sentence(train('hf-hub:org/gated'), 1), /org\/gated is gated \(HTTP 401\).* set HF_TOKEN to a/);
    process.env.HF_TOKEN = 'hf_test';
    const message = await sentence(train('hf-hub:org/gated'), 1);
    assert.match(message, /org\/gated is gated \(HTTP 403\); accept its terms at .* with the account of your token/);
    assert.deepEqual(namesIn(at('run')), []);
  });

  test('is not in the cache, and the hub may not be asked', async () => {
    process.env.HF_HUB_OFFLINE = '1';
    assert.match(await sentence(train('hf-hub:org/name'), 1), /org\/name is not in .*home.*HF_HUB_OFFLINE/);
    assert.match(await sentence(train('convnext_atto.d2_in1k'), 1), /timm\/convnext_atto\.d2_in1k .*HF_HUB_OFFLINE/);
  });

  test('is larger than the disk', async () => {
    const message = await sentence(train('hf-hub:org/huge'), 1);
    assert.match(
      message,
      /model\.safetensors of org\/huge has 400,000,000 MB, but the disk of .* has only [\d,]+ MB left/,
    );
    assert.match(message, /set HF_HUB_CACHE to a folder that can hold the weights\.$/);
  });
});

describe('a weights file', () => {
  test('of another program may contain code, which is not run', async () => {
    const pickle = Buffer.from('\x80\x02cposix\nsystem\nX\x0b\x00\x00\x00touch owned\x85R.', 'latin1');
    const model = modelFolder('pickled', CONVNEXT, 'pytorch_model.bin', pickle);
    const message = await sentence(train(model), 2);
    assert.match(message, /pickled\/pytorch_model\.bin: contains "posix\.system", which is refused: .*no code is run/);
    assert.equal(existsSync(at('owned')), false);
  });

  test('of another size of the model is named, with what differs', async () => {
    const wide = { ...CONVNEXT, model_args: { ...CONVNEXT.model_args, dims: [8, 8, 16, 24] } };
    const message = await sentence(train(savedModel('other', CONVNEXT, wide, 5)), 2);
    assert.match(message, /The weights of .*other: .* does not match the model: \d+ with another shape \(.*instead of/);
    assert.match(message, /; give weights of this size of convnext_atto$/);
  });

  test('has a head of any number of classes, and position embeddings of any size', async () => {
    const model = savedModel('fitting', VIT, VIT, 12);
    assert.match(
      await succeed(train(model, '--epochs', '1', '--head-epochs', '0'), folder),
      /^Backbone: .*fitting, weights from .*fitting\/model\.safetensors$/m,
    );
    const { loaded } = JSON.parse(readFileSync(at('run/model.json'), 'utf8'));
    assert.deepEqual(loaded, { path: at('fitting/model.safetensors'), repository: null, commit: null, sha256: null });
  });
});

describe('a setting that does not suit the model', () => {
  test('is an image size that is no multiple of the patch', async () => {
    const model = modelFolder('vit', VIT, 'model.safetensors');
    const message = await sentence(trainAt(50, model), 2);
    assert.match(message, /An image size of 50 does not fit vit_tiny_patch16_224, .* multiples of 16: 48 and 64 do\.$/);
  });

  test('is a pool that it lacks', async () => {
    const message = await sentence(train(modelFolder('convnext', CONVNEXT, 'model.safetensors'), '--pool', 'map'), 2);
    assert.match(message, /pool of convnext_atto must be one of avg, max; got "map"\.$/);
  });

  test('is an image size that grows, if the model has one', async () => {
    const model = modelFolder('vit', VIT, 'model.safetensors');
    const message = await sentence(train(model, '--start-size', '16'), 2);
    assert.match(
      message,
      /--start-size is 16, but images of \.\/vit cannot grow .* \(32 pixels\): set --start-size to 0$/,
    );
    // Recipes for networks of any size leave it out by themselves, and a size that is reached at once grows nothing.
    for (const size of ['0', '32']) {
      await succeed(train(model, '--recipe', 'fast', '--start-size', size, '--print-config'), folder);
    }
    assert.match(await succeed(train(model, '--recipe', 'fast', '--print-config'), folder), /^startSize = 0$/m);
  });
});

describe('the model.json of a run', () => {
  before(() => copyTrainedRun(folder, 'trained'));

  test('is not in runs of version 0.1, which evaluate, export and report', async () => {
    const run = copyFolder(at('trained'), at('old'));
    rmSync(join(run, 'model.json'));
    const { pool, dropPath, ...config } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    assert.deepEqual([pool, dropPath], ['auto', -1], 'settings that version 0.1 had not');
    writeFileSync(join(run, 'config.json'), JSON.stringify(config));
    assert.match(await succeed(['eval', 'old'], folder), /Macro F1/);
    assert.match(await succeed(['export', 'old', '--out', 'old.onnx'], folder), /^old\.onnx: efficientnet_mini/);
    await succeed(['report', 'old'], folder);
  });

  test('is damaged', async () => {
    const run = copyFolder(at('trained'), at('damaged'));
    const model = JSON.parse(readFileSync(join(run, 'model.json'), 'utf8'));
    for (const [text, expected, ...more] of [
      ['{"name": "effi', /damaged\/model\.json: is damaged: /, 'report'],
      ['[]', /damaged\/model\.json: is damaged: it is not an object$/, 'report'],
      [JSON.stringify({ ...model, architecture: 7 }), /damaged\/model\.json: architecture must be text, got 7$/],
      [
        JSON.stringify({ ...model, architecture: 'resnet51' }),
        /damaged\/model\.json: Unknown architecture "resnet51"; did/,
      ],
    ] as const) {
      writeFileSync(join(run, 'model.json'), text);
      for (const command of ['eval', 'export', ...more])
        assert.match(await sentence([command, 'damaged'], 2), expected);
    }
  });
});
