import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { macroF1Difference } from '../metrics/index.js';
import { epoch, prediction, root, runOf, twelve } from '../report/run/test-runs.test.helper.js';
import { RunFolder } from '../run/index.js';
import { compareRuns } from './compare-runs.js';
import { createBoard } from './create-board.js';
import { RunFinder } from './find-runs.js';
import { LogReader } from './follow-log.js';
import { idOf } from './paths.js';
import { RunIndex } from './run-index.js';

const HOSTILE = '<img src=x onerror=alert(1)>';

let made = 0;

/** A folder with runs by their names, each made by a function that gets its path. */
function folderOf(runs: Readonly<Record<string, (run: RunFolder) => void>>): string {
  const folder = join(root, `board-${++made}`);
  for (const [name, change] of Object.entries(runs)) {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    const run = RunFolder.create(path);
    run.writeConfig({ model: 'mobilenet_v2', data: '/data/trees' });
    run.writeEpochs([epoch]);
    change(run);
  }
  return folder;
}

const progress = { updated: new Date().toISOString(), state: 'training', stage: 'full', epoch: 2, epochs: 9 } as const;

describe('the list of runs', () => {
  test('has those in and below the folders once, without what is inside of runs or belongs to other programs', async () => {
    const folder = folderOf({ a: () => {}, 'deep/er/b': () => {} });
    const cross = runOf({ config: { fold: 'all', folds: 3 }, epochs: [], folds: [[epoch], [epoch]] });
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other/config.json'), '{}');
    symlinkSync(join(folder, 'a'), join(folder, 'link'));
    symlinkSync(folder, join(folder, 'deep/loop'));
    symlinkSync(cross.path, join(folder, 'cross'));
    const runs = await new RunIndex([folder, join(folder, 'a'), join(folder, 'none')]).list();
    assert.deepEqual(runs.map(({ name }) => name).sort(), ['a', 'b', 'cross']);
    const { folds, score, scoreOf, epochs } = runs.find(({ name }) => name === 'cross')!;
    assert.deepEqual([folds, score!.value, scoreOf, epochs], [{ begun: 2, planned: 3 }, 0.6, 'mean of 2 folds', 2]);
  });

  test('says how each run is, by its progress and by whether its process lives', async () => {
    const folder = folderOf({
      alive: (run) => {
        run.writeProgress(progress);
        run.lock();
      },
      killed: (run) => run.writeProgress(progress),
      elsewhere: (run) => {
        run.writeProgress(progress);
        writeFileSync(join(run.path, 'train.colab%2Dvm.12.345.lock'), '');
      },
      silent: (run) => {
        run.writeProgress({ ...progress, updated: '2026-01-01T00:00:00.000Z' });
        writeFileSync(join(run.path, 'train.colab%2Dvm.12.345.lock'), '');
      },
      failed: (run) => run.writeProgress({ ...progress, state: 'failed', reason: 'out of memory' }),
      finished: (run) => run.writeProgress({ ...progress, state: 'finished' }),
      old: (run) => writeFileSync(run.model, ''),
      incomplete: () => {},
      damaged: (run) => writeFileSync(join(run.path, 'config.json'), '{'),
      'in part': (run) => writeFileSync(join(run.path, 'metrics.jsonl'), '{"phase": 1}\n'),
    });
    const runs = await new RunIndex([folder]).list();
    assert.deepEqual(Object.fromEntries(runs.map(({ name, state }) => [name, state])), {
      alive: 'training',
      killed: 'interrupted',
      elsewhere: 'training',
      silent: 'interrupted',
      failed: 'failed',
      finished: 'finished',
      old: 'finished',
      incomplete: 'unknown',
      damaged: 'damaged',
      'in part': 'unknown',
    });
    const problem = (name: string) => runs.find((run) => run.name === name)!.problem;
    assert.equal(problem('failed'), 'out of memory');
    assert.match(problem('damaged')!, /config\.json: is damaged/);
    assert.match(problem('in part')!, /metrics\.jsonl: line 1 is damaged: phase must be text/);
  });

  test('notices runs that come and go in folders that were read before', async () => {
    const folder = folderOf({ 'deep/a': () => {} });
    const old = new Date(Date.now() - 60_000);
    for (const path of [folder, join(folder, 'deep'), join(folder, 'deep/a')]) utimesSync(path, old, old);
    const finder = new RunFinder();
    const names = async () => (await finder.find([folder])).map(({ path }) => path.slice(folder.length + 1));
    assert.deepEqual([await names(), await names()], [['deep/a'], ['deep/a']]);
    RunFolder.create(join(folder, 'deep/b')).writeConfig({});
    assert.deepEqual(await names(), ['deep/a', 'deep/b']);
    rmSync(join(folder, 'deep/a'), { recursive: true });
    assert.deepEqual(await names(), ['deep/b']);
  });

  test('reads again only what has changed', async () => {
    const folder = folderOf({ a: () => {}, b: () => {} });
    const index = new RunIndex([folder]);
    const first = await index.list();
    RunFolder.open(join(folder, 'b')).writeEpochs([epoch, { ...epoch, macroF1: 0.9 }]);
    const again = await new Promise<typeof first>((resolve) => setTimeout(() => resolve(index.list()), 800));
    const of = (runs: typeof first, name: string) => runs.find((run) => run.name === name)!;
    assert.equal(of(again, 'a'), of(first, 'a'));
    assert.equal(of(again, 'b').score!.value, 0.9);
  });
});

describe('a comparison', () => {
  const runs = (...folders: readonly RunFolder[]) =>
    Promise.all(folders.map(async ({ path }) => ({ path, summary: await index.summary(path) })));
  const index = new RunIndex([]);

  test('has paired intervals on the images that two runs share, and the settings that differ', async () => {
    // The second run has one image less, and predicts another one right.
    const better = twelve.slice(1).map((row, i) => (i === 8 ? { ...row, logits: [0, 0, 1] } : row));
    const [a, b] = [runOf({ predictions: twelve }), runOf({ predictions: better, config: { seed: 2, mixup: 0.2 } })];
    const { runs: compared, settings, classes } = compareRuns(await runs(a, b), index.predictions);
    assert.deepEqual(
      compared.map(({ images }) => images),
      [12, 11],
    );
    const indexOf = (name: string) => ['a', 'b', 'c'].indexOf(name);
    const truth = Int32Array.from(better, ({ label }) => indexOf(label));
    const argmaxes = (rows: typeof better) =>
      Int32Array.from(rows, ({ logits }) => logits.indexOf(Math.max(...logits)));
    const expected = macroF1Difference(truth, argmaxes(twelve.slice(1)), argmaxes(better), 3, { average: 'all' });
    assert.deepEqual(compared[1]!.difference, expected);
    assert.ok(expected.value > 0);
    assert.deepEqual(settings, [
      { name: 'seed', values: ['1', '2'] },
      { name: 'mixup', values: ['', '0.2'] },
    ]);
    assert.deepEqual(
      classes!.better.map(({ name }) => name),
      ['c', 'a'],
    );
    const { file, first, second, index: place } = classes!.better[0]!.images[0]!;
    assert.deepEqual([file, first, second, place], ['c/a-1.jpg', 'a', 'c', 9]);
  });

  test('says why a run cannot be compared', async () => {
    const names = ['a', 'b', 'x'];
    const other = [prediction('x', 'x', 2, names), prediction('a', 'a', 2, names)];
    const elsewhere = twelve.map((row) => ({ ...row, file: `other/${row.file}` }));
    const damaged = runOf({ predictions: twelve });
    writeFileSync(damaged.predictions, '{\n');
    const all = await runs(
      runOf({ predictions: twelve }),
      runOf({}),
      runOf({ predictions: other, classes: names }),
      runOf({ predictions: elsewhere }),
      damaged,
    );
    const reasons = compareRuns(all, index.predictions).runs.map(({ reason }) => reason);
    assert.deepEqual(reasons.slice(0, 4), [
      undefined,
      'It has no predictions yet.',
      'It has other classes than the first run.',
      'It shares no validation image with the first run.',
    ]);
    assert.match(reasons[4]!, /predictions\.jsonl: line 1 is damaged/);
    assert.deepEqual(compareRuns([], index.predictions).runs, []);
  });
});

test('a log is followed from its end, over an unfinished line, and from its start if it is written anew', async () => {
  const path = join(root, 'train.log');
  const log = new LogReader(path);
  assert.equal(await log.next(), undefined);
  writeFileSync(path, 'one\ntw');
  assert.deepEqual(await log.next(), { lines: ['one'], all: true });
  assert.equal(await log.next(), undefined);
  appendFileSync(path, 'o\nthree\n');
  assert.deepEqual(await log.next(), { lines: ['two', 'three'], all: false });
  writeFileSync(path, 'new\n');
  assert.deepEqual(await log.next(), { lines: ['new'], all: true });
  writeFileSync(path, `${'x'.repeat(70)}\n`.repeat(2000));
  const { lines } = (await new LogReader(path).next())!;
  assert.deepEqual([lines.length, lines[0]!.length], [300, 70]);
});

describe('the pages', () => {
  const policy = "script-src 'sha256-x'";
  const boardOf = (folder: string) =>
    createBoard({
      roots: [folder],
      audits: [],
      token: 't',
      writeReport: async (run) => ({ html: `report of ${run.path}`, policy, notes: [] }),
    });

  test('show every run, also a damaged one, and a name that is HTML as text', async () => {
    const folder = folderOf({
      [HOSTILE.replaceAll('/', '')]: (run) => run.writeConfig({ model: HOSTILE, data: HOSTILE }),
      damaged: (run) => writeFileSync(join(run.path, 'config.json'), '{'),
      training: (run) => {
        run.log(HOSTILE);
        run.writeProgress({ ...progress, stage: HOSTILE });
        run.lock();
      },
    });
    const { app } = await boardOf(folder);
    const ids = [HOSTILE, 'damaged', 'training'].map((name) => idOf(join(folder, name)));
    const compare = `/compare?${ids.map((id) => `run=${id}`).join('&')}&with=${HOSTILE}&first=${ids[1]}`;
    for (const url of ['/', `/?select=${ids[0]}`, ...ids.map((id) => `/run/${id}`), compare, '/compare']) {
      const { statusCode, body } = await app.inject(url);
      assert.equal(statusCode, 200, url);
      assert.ok(!body.includes('<img src=x'), url);
      assert.doesNotMatch(body.replaceAll(/data-points="[^"]*"/g, ''), /\b(NaN|undefined|Infinity|null)\b/, url);
      assert.doesNotMatch(body, /<script>|onclick|(src|href)="(https?:)?\/\//, url);
    }
    assert.match((await app.inject(`/run/${ids[1]}`)).body, /config\.json: is damaged/);
    assert.match((await app.inject(`/?select=${ids[0]}`)).body, new RegExp(`value="${ids[0]}"[^>]* checked>`));
    await app.close();
  });

  test('of a run lead to its report, which its own policy governs, and to images by their places only', async () => {
    const run = runOf({ predictions: twelve });
    await sharp({ create: { width: 9, height: 9, channels: 3, background: '#0a0' } }).toFile(join(root, 'x.png'));
    mkdirSync(join(root, 'a'), { recursive: true });
    await sharp(join(root, 'x.png')).toFile(join(root, 'a/a-2.jpg'));
    const { app } = await boardOf(run.path);
    const id = idOf(run.path);
    const report = await app.inject(`/run/${id}/report`);
    assert.equal(report.body, `report of ${run.path}`);
    assert.equal(report.headers['content-security-policy'], `${policy}; frame-ancestors 'none'`);
    const image = await app.inject(`/run/${id}/image/0`);
    assert.deepEqual([image.statusCode, image.headers['content-type']], [200, 'image/webp']);
    // The file is not there.
    const missing = await app.inject(`/run/${id}/image/11`);
    assert.deepEqual([missing.statusCode, missing.headers['content-type']], [404, 'image/svg+xml']);
    for (const place of ['12', '-1', '0.5', '..%2f0', 'x', '__proto__']) {
      assert.equal((await app.inject(`/run/${id}/image/${place}`)).statusCode, 404, place);
    }
    for (const url of ['/run/none', '/run/..%2f..', '/run/__proto__', `/run/${id}/config.json`, '/audit/none']) {
      assert.equal((await app.inject(url)).statusCode, 404, url);
    }
    await app.close();
  });

  test('of a cross-validation lead to its folds and back', async () => {
    const run = runOf({
      config: { fold: 'all', folds: 3 },
      epochs: [],
      predictions: twelve,
      folds: [[epoch], [epoch]],
    });
    const { app } = await boardOf(run.path);
    const page = (await app.inject(`/run/${idOf(run.path)}`)).body;
    assert.match(page, /Macro F1 over all classes, out of fold/);
    const fold = idOf(run.foldPath(1));
    assert.ok(page.includes(`href="/run/${fold}"`));
    assert.ok((await app.inject(`/run/${fold}`)).body.includes(`href="/run/${idOf(run.path)}"`));
    await app.close();
  });
});
