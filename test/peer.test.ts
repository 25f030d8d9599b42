// The same weights on the same real photos, predicted by us and by PyTorch and torchvision.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { succeed, temporaryFolder } from './support.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SHARED = join(ROOT, '../shared');
const PEER = join(SHARED, 'peer/predict.py');
const WEIGHTS = join(SHARED, 'data/weights/mobilenet_v2.imagenet-features.pth');
const FLOWERS = join(SHARED, 'data/flowers');
/** Debian's, which has its PyTorch. */
const PYTHON = '/usr/bin/python3';
const PHOTOS = 400;

const { path: folder, remove } = temporaryFolder();
after(remove);

function reasonToSkip(): string | false {
  const missing = [PEER, WEIGHTS, FLOWERS].find((place) => !existsSync(place));
  if (missing !== undefined) return `${missing} is not there`;
  const python = spawnSync(PYTHON, ['-c', 'import torch, torchvision, numpy']);
  return python.status === 0
    ? false
    : `${PYTHON} has no torch and torchvision (Debian: python3-torch, python3-torchvision)`;
}

/** glibc gives freed memory back to the system, and asking for it again at every layer costs PyTorch most of its time. */
const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: '8589934592', MALLOC_TRIM_THRESHOLD_: '17179869184' };

function python(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(PYTHON, args, { cwd: folder, encoding: 'utf8', env });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

function answersOf(file: string): Map<string, string> {
  const rows = readFileSync(join(folder, file), 'utf8').trim().split(/\r?\n/).slice(1);
  return new Map(rows.map((row) => row.split(',') as [string, string]).map(([name, label]) => [basename(name), label]));
}

const skip = reasonToSkip();
test('answers agree with those of PyTorch for 99.5 % of real photos, from its own .pth file', { skip }, async () => {
  const rows = readFileSync(join(FLOWERS, 'train.csv'), 'utf8').trim().split('\n');
  const some = rows.filter((row, i) => i === 0 || Number(row.split(',')[2]) <= 10);
  writeFileSync(join(folder, 'flowers.csv'), `${some.join('\n')}\n`);
  const images = ['--images', join(FLOWERS, 'train/images')];
  const recipe = [
    '--model',
    'mobilenet_v2',
    '--weights',
    WEIGHTS,
    '--val-fraction',
    '0.2',
    '--head-epochs',
    '1',
    '--epochs',
    '0',
  ];
  await succeed(['train', 'flowers.csv', '--run', 'run', ...images, ...recipe], folder);
  const labels = JSON.parse(readFileSync(join(folder, 'run/environment.json'), 'utf8')).dataset.classes;
  writeFileSync(join(folder, 'labels.txt'), `${labels.join('\n')}\n`);
  mkdirSync(join(folder, 'photos'));
  for (const row of rows.slice(1, PHOTOS + 1)) {
    const name = row.split(',')[1]!;
    symlinkSync(join(FLOWERS, 'train/images', name), join(folder, 'photos', name));
  }

  python(join(ROOT, 'tools/safetensors_to_pth.py'), 'run/best.safetensors', 'best.pth');
  const weights = ['--model', 'mobilenet_v2', '--weights', 'best.pth', '--labels', 'labels.txt'];
  await succeed(['export', ...weights, '--out', 'model.onnx'], folder);
  await succeed(['predict', 'model.onnx', 'photos', '--tta', 'flip', '--out', 'ours.csv'], folder);
  const peer = ['--images', 'photos', '--labels', 'labels.txt', '--model', 'mobilenet_v2', '--weights', 'best.pth'];
  python(PEER, ...peer, '--size', '224', '--resize', '256', '--fast', '--workers', '1', '--out', 'theirs.csv');

  const [ours, theirs] = [answersOf('ours.csv'), answersOf('theirs.csv')];
  assert.equal(ours.size, PHOTOS);
  assert.ok(new Set(ours.values()).size >= 8);
  const other = [...theirs].filter(([name, label]) => ours.get(name) !== label);
  assert.ok(other.length <= PHOTOS * 0.005, `${other.length} of ${PHOTOS} differ: ${other.map(([name]) => name)}`);
});
