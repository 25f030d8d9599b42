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

/** The hash of each file by its path. */
async function hashes(folder: string): Promise<Record<string, string>> {
  const hashByFile: Record<string, string> = {};
  for (const entry of await readdir(path.join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    hashByFile[path.relative(path.join(root, folder), file)] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }
  return hashByFile;
}

const tally = (values: readonly string[]): Map<string, number> =>
  values.reduce((counts, value) => counts.set(value, (counts.get(value) ?? 0) + 1), new Map<string, number>());

describe('writeHerbarium', () => {
  it('writes the same bytes for the same options, and different images for another seed', async () => {
    await writeHerbarium(path.join(root, 'b'), SMALL);
    const first = await hashes('a');
    assert.deepEqual(await hashes('b'), first);
    await writeHerbarium(path.join(root, 'c'), { ...SMALL, seed: 1 });
    const other = await hashes('c');
    const shared = Object.keys(first).filter((name) => name.startsWith('val') && first[name] === other[name]);
    assert.deepEqual(shared, []);
  });

  it('has a long tail in training, and equal classes in validation and test', async () => {
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

  it('has the requested number of wrong labels, uniform or always the same sibling', async () => {
    const wrong = async (folder: string): Promise<string[]> => {
      const [labelled, truth] = [await rowsOf('train.csv', folder), await rowsOf('true-labels.csv', folder)];
      assert.deepEqual(
        labelled.map(([id]) => id),
        truth.map(([id]) => id),
      );
      return labelled.flatMap(([, , label], i) => (label === truth[i]![2] ? [] : [`${truth[i]![2]} > ${label}`]));
    };
    assert.equal((await wrong('a')).length, Math.round(0.2 * 27));
    assert.equal(summary.wrongLabels, Math.round(0.2 * 27));
    const pairs = { ...SMALL, noise: 0.5, noiseKind: 'pairs', size: 32, valPerClass: 0, testPerClass: 0 } as const;
    await writeHerbarium(path.join(root, 'pairs'), pairs);
    const pairsFound = await wrong('pairs');
    assert.equal(pairsFound.length, 14);
    assert.equal(
      new Set(pairsFound).size,
      new Set(pairsFound.map((pair) => pair.split(' > ')[0])).size,
      'one sibling per species',
    );
    for (const pair of pairsFound)
      assert.equal(pair.split(' > ')[0]!.split(' ')[0], pair.split(' > ')[1]!.split(' ')[0]);
  });

  it('has files that are empty, truncated or a web page', async () => {
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
    await refused({ noise: 1.5 }, /noise must be from 0 to 1, got 1.5/);
    await refused({ mostImages: 1 }, /mostImages must be a whole number of at least 2, got 1/);
    await refused({ size: 8 }, /size must be a whole number from 32 to 2048, got 8/);
    await refused({ noiseKind: 'siblings' as 'pairs' }, /noiseKind must be "uniform" or "pairs", got "siblings"/);
  });
});
