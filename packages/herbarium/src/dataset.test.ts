import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { type HerbariumOptions, type HerbariumSummary, writeHerbarium } from './dataset.js';

const SMALL: HerbariumOptions = {
  species: 6,
  size: 48,
  mostImages: 8,
  fewestImages: 2,
  valPerClass: 1,
  testPerClass: 1,
  noise: 0.2,
  brokenFiles: 4,
};

let root = '';
let summary: HerbariumSummary;
before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'evenhand-herbarium-'));
  summary = await writeHerbarium(path.join(root, 'a'), SMALL);
});
after(() => rm(root, { recursive: true }));

async function rowsOf(file: string, folder = 'a'): Promise<string[][]> {
  const [, ...lines] = (await readFile(path.join(root, folder, file), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => line.split(','));
}

/** A hash of each file by its path. */
async function hashes(folder: string): Promise<Record<string, string>> {
  const of: Record<string, string> = {};
  for (const entry of await readdir(path.join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    of[path.relative(path.join(root, folder), file)] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }
  return of;
}

const tally = (values: readonly string[]): Map<string, number> =>
  values.reduce((counts, value) => counts.set(value, (counts.get(value) ?? 0) + 1), new Map<string, number>());

describe('writeHerbarium', () => {
  it('writes the same bytes again for the same options, and others for another seed', async () => {
    await writeHerbarium(path.join(root, 'b'), SMALL);
    const first = await hashes('a');
    assert.deepEqual(await hashes('b'), first);
    await writeHerbarium(path.join(root, 'c'), { ...SMALL, seed: 1 });
    const other = await hashes('c');
    const shared = Object.keys(first).filter((name) => name.startsWith('val') && first[name] === other[name]);
    assert.deepEqual(shared, []);
  });

  it('follows the long tail in training, and is even in validation and test', async () => {
    const falling = [...summary.trainCounts].sort((a, b) => b - a);
    assert.deepEqual(falling, [8, 6, 5, 3, 3, 2]);
    const broken = new Set(summary.brokenFiles);
    const shown = (await rowsOf('true-labels.csv'))
      .filter(([, file]) => !broken.has(file!))
      .map(([, , label]) => label!);
    const counts = tally(shown);
    assert.deepEqual(
      summary.species.map(({ name }) => counts.get(name)),
      [...summary.trainCounts],
    );
    assert.deepEqual([...tally((await rowsOf('val.csv')).map(([, , label]) => label!)).values()], Array(6).fill(1));
    assert.deepEqual(
      [...tally((await rowsOf('test-labels.csv')).map(([, , label]) => label!)).values()],
      Array(6).fill(1),
    );
    assert.ok((await rowsOf('test.csv')).every((row) => row.length === 2));
  });

  it('has as many wrong labels as asked, uniform or always the same sibling', async () => {
    const wrong = async (folder: string): Promise<string[]> => {
      const [said, shown] = [await rowsOf('train.csv', folder), await rowsOf('true-labels.csv', folder)];
      assert.deepEqual(
        said.map(([id]) => id),
        shown.map(([id]) => id),
      );
      return said.flatMap(([, , label], i) => (label === shown[i]![2] ? [] : [`${shown[i]![2]} > ${label}`]));
    };
    assert.equal((await wrong('a')).length, Math.round(0.2 * 27));
    assert.equal(summary.wrongLabels, Math.round(0.2 * 27));
    const pairs = { ...SMALL, noise: 0.5, noiseKind: 'pairs', size: 32, valPerClass: 0, testPerClass: 0 } as const;
    await writeHerbarium(path.join(root, 'pairs'), pairs);
    const found = await wrong('pairs');
    assert.equal(found.length, 14);
    assert.equal(new Set(found).size, new Set(found.map((pair) => pair.split(' > ')[0])).size, 'one sibling a species');
    for (const pair of found) assert.equal(pair.split(' > ')[0]!.split(' ')[0], pair.split(' > ')[1]!.split(' ')[0]);
  });

  it('has files that are empty, cut short or a web page', async () => {
    assert.equal(summary.brokenFiles.length, 4);
    const reasons = await Promise.all(
      summary.brokenFiles.map(async (name) => {
        const bytes = await readFile(path.join(root, 'a/train/images', name));
        if (bytes.length === 0) return 'empty';
        if (bytes.toString('latin1').startsWith('<!DOCTYPE')) return 'html';
        await assert.rejects(sharp(bytes, { failOn: 'error' }).raw().toBuffer());
        return 'cut';
      }),
    );
    assert.deepEqual(new Set(reasons), new Set(['empty', 'cut', 'html']));
  });

  it('draws no blank image', async () => {
    for (const name of await readdir(path.join(root, 'a/test/images'))) {
      const { channels } = await sharp(path.join(root, 'a/test/images', name)).stats();
      assert.ok(
        channels.some(({ stdev }) => stdev > 8),
        `${name} is blank`,
      );
    }
  });

  it('refuses options out of range', async () => {
    const refused = (options: HerbariumOptions, message: RegExp) =>
      assert.rejects(writeHerbarium(path.join(root, 'no'), { ...SMALL, ...options }), message);
    await refused({ noise: 1.5 }, /expects noise from 0 to 1, not 1.5/);
    await refused({ mostImages: 1 }, /expects mostImages to be an integer of at least 2, not 1/);
    await refused({ size: 8 }, /expects a size from 32 to 2048 pixels, not 8/);
    await refused({ noiseKind: 'siblings' as 'pairs' }, /expects noiseKind to be "uniform" or "pairs", not "siblings"/);
  });
});
