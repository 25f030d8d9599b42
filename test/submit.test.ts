// What the judges of a competition do with the zip: unpack it, install its two libraries, run it without evenhand.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPromise } from 'yauzl';
import { refusal, sha256, succeed, temporaryFolder } from './support.js';
import { copyTrainedRun } from './trained-run.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { path: folder, remove } = temporaryFolder();
const unpacked = join(folder, 'unpacked/Petal-Pushers');
let printed = '';

before(async () => {
  await copyTrainedRun(folder, 'run');
  printed = await succeed(['submit', 'run', '--team', 'Petal Pushers'], folder);
  await unzip(join(folder, 'Petal-Pushers.zip'), join(folder, 'unpacked'));
});
after(remove);

async function unzip(file: string, to: string): Promise<void> {
  const zip = await openPromise(file);
  for await (const entry of zip.eachEntry()) {
    const path = join(to, entry.fileName);
    mkdirSync(dirname(path), { recursive: true });
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path));
  }
}

describe('submit', () => {
  test('packages program, model, pinned dependencies, configuration and report', () => {
    assert.match(
      printed,
      /^Petal-Pushers\.zip: after unpacking, run "npm ci" once, then "npm run predict" classifies .* test\.csv\n/,
    );
    const names = readdirSync(unpacked).sort();
    assert.deepEqual(names, [
      'README.md',
      'model.onnx',
      'package-lock.json',
      'package.json',
      'predict.js',
      'report.pdf',
      'training',
      'worker.js',
    ]);
    assert.deepEqual(readdirSync(join(unpacked, 'training')).sort(), [
      'config.json',
      'environment.json',
      'metrics.jsonl',
    ]);
    assert.equal(sha256(join(unpacked, 'model.onnx')), sha256(join(folder, 'run/model.onnx')));
  });

  test('has a report of two pages', () => {
    const pdf = readFileSync(join(unpacked, 'report.pdf'), 'latin1');
    assert.ok(pdf.startsWith('%PDF-'));
    assert.equal(pdf.match(/\/Type \/Page\b(?!s)/g)?.length, 2);
  });

  test('predicts offline with only its two libraries', () => {
    // As npm ci would install them; the rest of this repository is out of reach.
    const modules = join(unpacked, 'node_modules');
    mkdirSync(modules, { recursive: true });
    const { packages } = JSON.parse(readFileSync(join(unpacked, 'package-lock.json'), 'utf8'));
    for (const place of Object.keys(packages).filter((name) => name !== '' && existsSync(join(ROOT, name)))) {
      const link = join(unpacked, place);
      mkdirSync(dirname(link), { recursive: true });
      if (!existsSync(link)) symlinkSync(join(ROOT, place), link);
    }
    mkdirSync(join(unpacked, 'test'));
    symlinkSync(join(folder, 'discs/val/red'), join(unpacked, 'test/images'));
    writeFileSync(join(unpacked, 'test.csv'), 'image_id,filename\nb,1.jpg\na,0.jpg\nc,gone.jpg\n');
    const { status, stdout, stderr } = spawnSync('npm', ['run', 'predict'], { cwd: unpacked, encoding: 'utf8' });
    assert.equal(status, 3, `${stdout}\n${stderr}`);
    // Not read from npm's output, which does not show the script at log level "silent".
    const { scripts } = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'));
    assert.match(scripts.predict, /--tta flip --time-limit 9m30s/);
    assert.match(stderr, /evenhand: test\/images\/gone\.jpg: there is no such file/);
    const rows = readFileSync(join(unpacked, 'predictions.csv'), 'utf8');
    assert.match(rows, /^image_id,label\nb,\w+\na,\w+\nc,\w+\n$/);
    const help = spawnSync(process.execPath, ['predict.js', '--help'], { cwd: unpacked, encoding: 'utf8' });
    assert.match(help.stdout, /^Usage: /);
  });

  test('pins every dependency by its hash', () => {
    const { packages } = JSON.parse(readFileSync(join(unpacked, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string; integrity?: string; dependencies?: Record<string, string> }>;
    };
    const { '': root, ...rest } = packages;
    assert.deepEqual(Object.keys(root!.dependencies!), ['onnxruntime-node', 'sharp']);
    for (const [place, { integrity, dependencies = {} }] of Object.entries(rest)) {
      assert.match(integrity ?? '', /^sha512-/, place);
      for (const name of Object.keys(dependencies)) {
        assert.ok(`${place}/node_modules/${name}` in rest || `node_modules/${name}` in rest, `${place} needs ${name}`);
      }
    }
    assert.ok('node_modules/@img/sharp-linux-x64' in rest && 'node_modules/@img/sharp-darwin-arm64' in rest);
  });

  test('reproduces the training from its configuration', async () => {
    const config = join(unpacked, 'training/config.json');
    const text = await succeed(['train', 'discs', '--config', config, '--print-config'], folder);
    assert.match(text, /^model = "efficientnet_mini"$/m);
    assert.match(text, /^epochs = 1$/m);
  });

  test('reports mistakes in one sentence', async () => {
    assert.match(await refusal(['submit', 'run'], folder), /--team is missing/);
    assert.match(await refusal(['submit', 'run', '--team', '...'], folder), /--team must have a letter or digit/);
    assert.match(await refusal(['submit', 'discs', '--team', 'a'], folder), /discs holds no run/);
    assert.match(
      await refusal(['submit', 'run', '--team', 'a', '--out', 'no/a.zip'], folder),
      /no\/a\.zip: cannot be written/,
    );
  });
});
