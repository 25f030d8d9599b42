import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { Random } from '../../random.js';
import { readDataset } from '../read/formats.js';
import { fingerprintOf, splitFingerprintOf } from './data-fingerprint.js';
import { findDuplicates, groupDuplicates } from './duplicates.js';
import { checkDataset, type DatasetReport, type Duplicate } from './report.js';
import { scanImages } from './scan.js';

/** An image of coloured patches, different for each seed. */
function image(seed: number, width = 240, height = 180): Sharp {
  const random = new Random(seed);
  const patches = Uint8Array.from({ length: 12 * 9 * 3 }, () => random.int(256));
  return sharp(patches, { raw: { width: 12, height: 9, channels: 3 } }).resize({ width, height, kernel: 'cubic' });
}

let root = '';
let report: DatasetReport;
const at = (name: string): string => path.join(root, name);

before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'evenhand-report-'));
  await mkdir(at('train/images'), { recursive: true });
  await mkdir(at('val/images'), { recursive: true });
  for (let i = 0; i < 8; i++)
    await image(i)
      .jpeg()
      .toFile(at(`train/images/${i}.jpg`));
  await copyFile(at('train/images/0.jpg'), at('train/images/copy-of-0.jpg'));
  await image(1, 160, 120).modulate({ brightness: 1.1 }).webp({ quality: 60 }).toFile(at('val/images/like-1.webp'));
  await image(20).toColourspace('b-w').png().toFile(at('val/images/20.png'));
  await writeFile(at('train/images/page.jpg'), '<!doctype html>');
  const rows = ['0.jpg,a', '1.jpg,a', '2.jpg,a', '3.jpg,b', '4.jpg,b', '5.jpg,a', '6.jpg,a', '7.jpg,a'];
  rows.push('copy-of-0.jpg,b', 'page.jpg,b', 'missing.jpg,c', '2.jpg,a', '3.jpg,a');
  await writeFile(at('train.csv'), `filename,label\n${rows.join('\n')}\n`);
  await writeFile(at('val.csv'), 'filename,label\nlike-1.webp,a\n20.png,b\n');
  await writeFile(at('label_list.txt'), 'a\nb\nc\nd\n');
  report = await checkDataset(await readDataset(root));
});
after(() => rm(root, { recursive: true }));

const names = ({ a, b, exact }: Duplicate): unknown[] => [path.basename(a), path.basename(b), exact];

describe('checkDataset', () => {
  it('counts rows, classes and imbalance', () => {
    assert.deepEqual([report.train, report.val], [13, 2]);
    assert.deepEqual(report.classes, [
      { label: 'a', train: 8, val: 1 },
      { label: 'b', train: 4, val: 1 },
      { label: 'c', train: 1, val: 0 },
      { label: 'd', train: 0, val: 0 },
    ]);
    assert.equal(report.imbalanceRatio, 8);
    assert.deepEqual([report.absentFromTrain, report.absentFromVal], [['d'], ['c', 'd']]);
  });

  it('names missing and unreadable files with the reason', () => {
    assert.deepEqual(
      report.bad.map(({ file, reason, parts }) => [path.basename(file), /web page|no such/.exec(reason)?.[0], parts]),
      [
        ['page.jpg', 'web page', ['train']],
        ['missing.jpg', 'no such', ['train']],
      ],
    );
  });

  it('finds repeated rows, and images with two labels', () => {
    assert.deepEqual(
      report.repeats.map(({ file, rows, labels }) => [path.basename(file), rows, labels]),
      [
        ['2.jpg', 2, ['a']],
        ['3.jpg', 2, ['b', 'a']],
      ],
    );
    assert.deepEqual(
      report.conflicts.map(({ files, labels }) => [files.map((file) => path.basename(file)), labels]),
      [
        [['3.jpg'], ['b', 'a']],
        [
          ['0.jpg', 'copy-of-0.jpg'],
          ['a', 'b'],
        ],
      ],
    );
  });

  it('finds a training image in validation although it was scaled, brightened and recompressed', () => {
    assert.deepEqual(report.leaks.map(names), [['1.jpg', 'like-1.webp', false]]);
    assert.deepEqual(report.duplicates.map(names), [['0.jpg', 'copy-of-0.jpg', true]]);
  });

  it('reports sizes, modes and formats', () => {
    assert.deepEqual(report.sizes, {
      width: { min: 160, median: 240, max: 240 },
      height: { min: 120, median: 180, max: 180 },
    });
    assert.deepEqual(report.modes, { rgb: 10, grey: 1 });
    assert.deepEqual(report.formats, { jpeg: 9, webp: 1, png: 1 });
  });

  it('fingerprints the data, independent of its folder and the order of its rows', async () => {
    const data = await readDataset(root);
    assert.match(report.fingerprint, /^[0-9a-f]{64}$/);
    const shuffled = { ...data, train: data.train.toReversed() };
    assert.equal((await checkDataset(shuffled)).fingerprint, report.fingerprint);
    const relabelled = { ...data, train: data.train.with(0, { ...data.train[0]!, label: 1 }) };
    assert.notEqual((await checkDataset(relabelled)).fingerprint, report.fingerprint);
  });

  it('fingerprints many rows as sorting all lines does', async () => {
    const names = Array.from({ length: 40_000 }, (_, i) => `${(i * 7919) % 30_011}.jpg`);
    const data = { classes: ['a', 'ä'], train: names.map((file, i) => ({ file, label: i % 2 })), val: [] };
    const lines = data.train.map(({ file, label }) => `train\t${file}\tunreadable\t${data.classes[label]}`);
    const expected = createHash('sha256').update(lines.sort().join('\n')).digest('hex');
    assert.equal(await fingerprintOf(data, { images: new Map(), bad: [] }), expected);
  });

  // A reordered train.csv has other images held out: on resume they would leak into training.
  it('fingerprints order and split apart from the data', async () => {
    const data = await readDataset(root);
    const scan = await scanImages([...data.train, ...data.val].map(({ file }) => file));
    const once = await splitFingerprintOf(data, scan);
    assert.equal(await splitFingerprintOf({ ...data }, scan), once);
    assert.notEqual(await splitFingerprintOf({ ...data, train: data.train.toReversed() }, scan), once);
    const [moved, ...rest] = data.val;
    assert.notEqual(await splitFingerprintOf({ ...data, train: [...data.train, moved!], val: rest }, scan), once);
  });

  it('reports pipes and devices as unreadable, without opening them', { timeout: 20_000 }, async () => {
    execFileSync('mkfifo', [at('pipe.jpg')]);
    await symlink('/dev/zero', at('zero.jpg'));
    const { bad } = await scanImages([at('pipe.jpg'), at('zero.jpg')]);
    assert.deepEqual(
      bad.map(({ reason }) => reason),
      ['it is a named pipe (FIFO), not a file', 'it is a device, not a file'],
    );
  });
});

describe('groupDuplicates', () => {
  it('gives connected files one number, rows of one file too', () => {
    const pairs = [
      { a: 'd', b: 'b', exact: false },
      { a: 'd', b: 'e', exact: true },
    ];
    const files = ['a', 'b', 'c', 'd', 'e', 'a'];
    const [a, b, c, d, e, again] = groupDuplicates(files, pairs);
    assert.ok(b === d && d === e && a === again);
    assert.equal(new Set([a, b, c]).size, 3);
    const joined = groupDuplicates(files, pairs, [undefined, 'p', 'p', undefined, undefined, undefined]);
    assert.equal(joined[2], joined[4], 'a group joins c with b, and pairs join b with d and e');
    assert.notEqual(joined[0], joined[1]);
  });
});

const flowers = fileURLToPath(new URL('../../../../../../shared/data/flowers', import.meta.url));
describe('findDuplicates on real photos', { skip: existsSync(flowers) ? false : 'no flower photos here' }, () => {
  it('finds what a person saw to be the same flower, and takes no two different ones for the same', async () => {
    const number = (n: number): string => path.join(flowers, `train/images/train_${String(n).padStart(5, '0')}.jpg`);
    const same = [[727, 1897], [162, 1788], [1714, 2542], [1490, 1906], [313, 1064], [1604, 1948], [2012, 2028]]; // biome-ignore format: pairs
    const different = [[317, 2761], [1385, 2363], [844, 1799], [1256, 1726], [636, 1794]]; // biome-ignore format: pairs
    const { images, bad } = await scanImages([...same, ...different].flat().map(number));
    assert.deepEqual(bad, []);
    const { pairs } = await findDuplicates(images.values());
    const found = pairs.map(({ a, b }) => [a, b]);
    assert.deepEqual(found.sort(), same.map((pair) => pair.map(number)).sort()); // biome-ignore format: one line
  });
});
