/// <reference lib="dom" />
// The programs in examples/, as a reader would run them, on small drawn images.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nn, saveTensors } from '@evenhand/torch';
import { build } from 'esbuild';
import { createModel } from 'evenhand';
import { launch, noBrowser } from './browser.js';
import { drawDiscs, temporaryFolder } from './support.js';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
const { path: folder, remove } = temporaryFolder();
let trained = '';

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(EXAMPLES, program), ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${program}\n${stdout}\n${stderr}`);
  return stdout;
}

before(async () => {
  await drawDiscs(join(folder, 'photos'), { train: 9, val: 3 });
  trained = run('dist/train.js', 'photos', 'run');
});
after(remove);

describe('the example', () => {
  test('train.ts trains and scores in 30 lines', () => {
    assert.match(trained, /^epoch 2: Macro F1 \d\.\d{3}$/m);
    assert.match(trained, /^Macro F1 \d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]\nThe model is in run\/model\.onnx$/m);
    assert.ok(readFileSync(join(EXAMPLES, 'train.ts'), 'utf8').split('\n').length < 36);
  });

  test('predict.mjs predicts images, and reports what it cannot read', () => {
    const lines = run('predict.mjs', 'run/model.onnx', 'photos/val/red/0.jpg', 'missing.jpg').trim().split('\n');
    assert.match(lines[0]!, /^photos\/val\/red\/0\.jpg: ((red|green|blue) \d+\.\d %(, )?){3}$/);
    assert.equal(lines[1], 'missing.jpg: there is no such file');
  });

  test('add-a-model.ts exports and loads a custom model', () => {
    assert.match(run('dist/add-a-model.js'), /^features\.0\.0\.weight .*\ncat dog 32\n$/);
  });

  test('convert-weights.mjs takes a prefix away', () => {
    assert.match(
      run('convert-weights.mjs', 'run/best.safetensors', 'w.safetensors', 'features.'),
      /^\d{3} tensors in w/,
    );
  });

  test('similar.mjs finds the most similar images with a model from a folder', () => {
    const config = {
      architecture: 'convnext_atto',
      model_args: { depths: [1, 1, 1, 1], dims: [8, 8, 16, 16] },
      pretrained_cfg: { input_size: [3, 64, 64], license: 'mit' },
    };
    mkdirSync(join(folder, 'own'));
    writeFileSync(join(folder, 'own/config.json'), JSON.stringify(config));
    const { architecture, model_args: args } = config;
    const model = createModel({ architecture, args }, { numClasses: 10, imageSize: 64, seed: 1 });
    saveTensors(join(folder, 'own/model.safetensors'), nn.stateDict(model));
    const [red, ...others] = ['red/0', 'red/1', 'blue/1', 'red/0'].map((name) => `photos/val/${name}.jpg`);
    const lines = run('similar.mjs', './own', red!, ...others)
      .trim()
      .split('\n');
    assert.equal(lines[0], './own: 16 features, licence mit');
    assert.equal(lines[1], `1.000 ${red}`);
    assert.match(lines[2]!, /^-?[01]\.\d{3} photos\/val\/(red|blue)\/1\.jpg$/);
    assert.equal(lines.length, 4);
  });

  test('browser.html predicts a chosen image', { skip: noBrowser }, async () => {
    const site = join(folder, 'site');
    await build({
      entryPoints: [join(EXAMPLES, 'browser.js')],
      outfile: join(site, 'browser.js'),
      bundle: true,
      format: 'esm',
      target: 'es2022',
      logLevel: 'error',
    });
    copyFileSync(join(EXAMPLES, 'browser.html'), join(site, 'index.html'));
    copyFileSync(join(folder, 'run/model.onnx'), join(site, 'model.onnx'));
    symlinkSync(dirname(fileURLToPath(import.meta.resolve('onnxruntime-web'))), join(site, 'wasm'));
    const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' };
    const server = createServer((request, response) => {
      const file = join(site, request.url === '/' ? 'index.html' : request.url!);
      response.setHeader('content-type', types[extname(file)] ?? 'application/wasm');
      response.end(existsSync(file) ? readFileSync(file) : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launch();
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      // The page listens once its model is there.
      await page.waitForLoadState('networkidle');
      await page.setInputFiles('input', join(folder, 'photos/val/blue/0.jpg'));
      await page.waitForSelector('meter');
      assert.match((await page.textContent('#prediction')) ?? '', /(red|green|blue), \d+\.\d %/);
      assert.equal(await page.locator('meter').count(), 3);
    } finally {
      await browser.close();
      server.close();
    }
  });

  test('is run here, each of them', () => {
    const programs = readdirSync(EXAMPLES).filter((name) => /\.(ts|mjs|js|html)$/.test(name));
    const own = readFileSync(fileURLToPath(import.meta.url), 'utf8');
    for (const name of programs) assert.ok(own.includes(name.replace(/\.ts$/, '.')), `${name} is not run by this test`);
  });
});
