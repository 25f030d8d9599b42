import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { DataError } from '../../data/index.js';
import { ConfigError } from '../config/field.js';
import type { ConfigLayer } from '../config/resolve.js';
import { drawImages, smallConfig, temporaryFolder } from '../engine/images.test.helper.js';
import type { TrainEvent } from '../events.js';
import { prepareData, readOptions } from './prepare.js';

const { path: root, remove } = temporaryFolder();
after(remove);
const photos = join(root, 'photos');
before(async () => {
  await drawImages(join(photos, 'train'), 8);
  await drawImages(join(photos, 'val'), 4, 1);
});

let made = 0;
/** A copy of the images, to be changed. */
function copy(): string {
  const folder = join(root, `copy-${++made}`);
  cpSync(photos, folder, { recursive: true });
  return folder;
}

async function prepare(data: string, values: ConfigLayer['values'] = {}) {
  const events: TrainEvent[] = [];
  const prepared = await prepareData(smallConfig(data, values), (event) => events.push(event));
  return { prepared, events, notes: events.flatMap((event) => (event.type === 'note' ? [event.text] : [])) };
}

async function refusal(data: string, values: ConfigLayer['values'] = {}): Promise<string> {
  try {
    await prepare(data, values);
  } catch (error) {
    assert.ok(error instanceof ConfigError || error instanceof DataError, String(error));
    return error.message;
  }
  assert.fail('it was not refused');
}

describe('the data of a run', () => {
  test('is what the folders hold, with progress of the scan', async () => {
    const { prepared, events, notes } = await prepare(photos);
    const { classes, train, val, skipped, fingerprint } = prepared;
    assert.deepEqual([classes, train.length, val.length, skipped], [['blue', 'green', 'red'], 24, 12, []]);
    assert.match(fingerprint, /^[0-9a-f]{64}$/);
    assert.equal(fingerprint, (await prepare(photos)).prepared.fingerprint);
    assert.deepEqual(notes, []);
    const last = events.findLast((event) => event.type === 'progress' && event.stage === 'scan');
    assert.ok(last?.type === 'progress' && last.done === 36 && last.total === 36);
  });

  test('has another fingerprint when an image is added', async () => {
    const changed = copy();
    cpSync(join(changed, 'train/red/0.png'), join(changed, 'train/red/8.png'));
    const [a, b] = [await prepare(changed), await prepare(photos)];
    assert.notEqual(a.prepared.fingerprint, b.prepared.fingerprint);
  });

  test('is read as the configuration says, which by default says nothing', () => {
    assert.deepEqual(readOptions(smallConfig('photos')), {});
    const given = { valCsv: 'v.csv', labelColumn: 'species', images: 'images' };
    assert.deepEqual(readOptions(smallConfig('photos', given)), given);
  });
});

describe('images that cannot be read', () => {
  function damaged(): string {
    const folder = copy();
    writeFileSync(join(folder, 'train/red/page.png'), '<!DOCTYPE html><html></html>');
    writeFileSync(join(folder, 'val/blue/empty.jpg'), '');
    return folder;
  }

  test('stop the run with the list of them and what to do', async () => {
    const message = await refusal(damaged());
    assert.match(message, /^2 images of 38 are missing or unreadable: .*--on-bad-image skip\.\n/);
    const lines = message.split('\n').slice(1);
    assert.equal(lines.length, 2);
    assert.match(message, /train\/red\/page\.png: \S/);
    assert.match(message, /val\/blue\/empty\.jpg: \S/);
  });

  test('are skipped, noted and recorded if that is asked for', async () => {
    const { prepared, notes } = await prepare(damaged(), { onBadImage: 'skip' });
    assert.deepEqual([prepared.train.length, prepared.val.length], [24, 12]);
    assert.deepEqual(prepared.skipped.map(({ file }) => basename(file)).sort(), ['empty.jpg', 'page.png']);
    assert.match(notes.join('\n'), /^2 images of 38 are .* skipped\.\n.*page\.png: /s);
  });

  test('may be missing ones that a table names', async () => {
    const folder = join(root, 'table');
    mkdirSync(join(folder, 'train'), { recursive: true });
    cpSync(join(photos, 'train/red/0.png'), join(folder, 'train/images/a.png'));
    cpSync(join(photos, 'train/blue/0.png'), join(folder, 'train/images/b.png'));
    writeFileSync(join(folder, 'train.csv'), 'filename,label\na.png,red\nb.png,blue\nc.png,blue\n');
    assert.match(await refusal(folder), /^1 image of 3 is missing or unreadable.*\n.*c\.png: /);
  });
});

describe('validation images', () => {
  const trainOnly = join(photos, 'train');

  test('are held out evenly and always the same', async () => {
    const { prepared } = await prepare(trainOnly, { valFraction: 0.25 });
    assert.deepEqual([prepared.train.length, prepared.val.length], [18, 6]);
    for (const label of [0, 1, 2]) assert.equal(prepared.val.filter((each) => each.label === label).length, 2);
    assert.deepEqual((await prepare(trainOnly, { valFraction: 0.25 })).prepared, prepared);
    const other = await prepare(trainOnly, { valFraction: 0.25, seed: 7 });
    assert.notDeepEqual(other.prepared.val, prepared.val);
  });

  test('of all folds are all images, each once', async () => {
    const files: string[] = [];
    for (let fold = 0; fold < 4; fold++) {
      const { prepared } = await prepare(trainOnly, { folds: 4, fold });
      assert.equal(prepared.train.length + prepared.val.length, 24);
      files.push(...prepared.val.map(({ file }) => file));
    }
    assert.equal(new Set(files).size, 24);
    assert.equal(files.length, 24);
  });

  // Copies of one photo on both sides would make validation an exercise in memory.
  test('that are held out have no near-duplicates among the training images', async () => {
    const folder = join(root, 'duplicates');
    await drawImages(folder, 6);
    for (const label of ['red', 'green', 'blue']) {
      for (let i = 0; i < 6; i++) {
        const image = sharp(join(folder, label, `${i}.png`)).resize(48, 48);
        await image.jpeg({ quality: 80 }).toFile(join(folder, label, `${i}-again.jpg`));
      }
    }
    const original = (file: string) => file.replace(/(-again\.jpg|\.png)$/, '');
    for (const seed of [1, 2, 3]) {
      const { prepared } = await prepare(folder, { valFraction: 0.34, seed });
      const held = new Set(prepared.val.map(({ file }) => original(file)));
      assert.equal(prepared.val.length, 2 * held.size, 'an image was held out without its copy');
      assert.ok(prepared.train.every(({ file }) => !held.has(original(file))));
      assert.ok(held.size >= 3 && held.size <= 9, `${held.size} images of 18 were held out`);
    }
  });

  test('of the data are not used if others are held out, and a note says so', async () => {
    const { prepared, notes } = await prepare(photos, { valFraction: 0.25 });
    assert.deepEqual([prepared.train.length, prepared.val.length], [18, 6]);
    assert.match(notes.join('\n'), /^The 12 validation images of the data are not used/);
  });

  test('are held out by default if the data has none, and a note says so', async () => {
    const { prepared, notes } = await prepare(trainOnly);
    assert.deepEqual([prepared.train.length, prepared.val.length], [21, 3]);
    assert.deepEqual(notes, [
      'The data has no validation images: 3 of 24 training images (12.5 %) are held out (--val-fraction sets how many, 0 none).',
    ]);
    assert.deepEqual((await prepare(trainOnly, { valFraction: 0.15 })).prepared.val, prepared.val);
  });

  test('are required if none may be held out', async () => {
    const message = await refusal(trainOnly, { valFraction: 0 });
    assert.match(message, /^There are no validation images, .*--val-fraction 0\.15 or --folds 5 --fold 0$/);
  });

  test('are the nearest possible split if the fraction is small or groups are large, and a note says so', async () => {
    const small = await prepare(trainOnly, { valFraction: 0.01 });
    assert.equal(small.prepared.val.length, 3);
    assert.match(
      small.notes.join(),
      /^3 of 24 training images \(12\.5 %\) are held out for validation in place of 1\.0 %/,
    );
    const folder = join(root, 'plants');
    for (const label of ['red', 'blue']) {
      for (let i = 0; i < 8; i++) {
        mkdirSync(join(folder, label, `plant-${i % 2}`), { recursive: true });
        cpSync(join(photos, 'train', label, `${i}.png`), join(folder, label, `plant-${i % 2}/${i}.png`));
      }
    }
    const grouped = await prepare(folder, { groupFolder: true });
    assert.match(grouped.notes.join(), /^Nothing could be held out at exactly 15\.0 %.* 8 of 16 training images/);
    const plantOf = (file: string) => file.replace(/\/\d\.png$/, '');
    const trained = new Set(grouped.prepared.train.map(({ file }) => plantOf(file)));
    assert.ok(grouped.prepared.val.every(({ file }) => !trained.has(plantOf(file))));
    const fold = (await prepare(folder, { groupFolder: true, folds: 2, fold: 1 })).prepared;
    assert.equal(new Set(fold.val.map(({ file }) => plantOf(file))).size, 2);
    assert.equal(fold.val.length, 8);
    writeFileSync(
      join(root, 'one-plant.csv'),
      `filename,label,plant\n${['red', 'blue'].map((label) => [0, 2, 4].map((i) => `plants/${label}/plant-0/${i}.png,${label},p\n`).join('')).join('')}`,
    );
    const message = await refusal(join(root, 'one-plant.csv'), { groupColumn: 'plant' });
    assert.match(message, /^All 6 training images belong together/);
  });

  // Runs of version 0.1 wrote valFraction 0 if the data had validation images of its own.
  test('of the data are used by default and with a fraction of 0', async () => {
    for (const values of [{}, { valFraction: 0 }]) {
      const { prepared, notes } = await prepare(photos, values);
      assert.deepEqual([prepared.train.length, prepared.val.length, notes], [24, 12, []]);
    }
  });

  test('share no group with training, else a note says so', async () => {
    for (const part of ['train', 'val']) {
      const rows = ['red', 'blue'].map((label) => `${part}/${label}/0.png,${label},site-1`);
      writeFileSync(join(photos, `${part}-sites.csv`), `filename,label,site\n${rows.join('\n')}\n`);
    }
    const values = { valCsv: join(photos, 'val-sites.csv'), groupColumn: 'site' };
    const { notes } = await prepare(join(photos, 'train-sites.csv'), values);
    assert.match(notes.join(), /^1 group of images is in both training and validation of the data/);
  });
});

describe('a note', () => {
  // `check` said it, and `train` went on to a Macro F1 of 0 without a word.
  test('names classes without training or validation images', async () => {
    const folder = copy();
    rmSync(join(folder, 'val/red'), { recursive: true });
    rmSync(join(folder, 'train/blue'), { recursive: true });
    assert.deepEqual((await prepare(folder)).notes, [
      '1 class of 3 has no training images (blue): they cannot be learned, and every image of them counts as an error.',
      '1 class of 3 has no validation images (red): Macro F1 says nothing about them.',
    ]);
  });

  test('says what reading the data skipped and joined', async () => {
    const folder = copy();
    writeFileSync(join(folder, 'train/red/x.ppm'), '');
    assert.match(
      (await prepare(folder)).notes.join(),
      /^Skipped 1 file that evenhand does not read as images: 1 \.ppm\.$/,
    );
  });
});

describe('missing images', () => {
  // 3,002 lines were printed once, with the sentence at the top scrolled away.
  test('are ten of them at most, with where they were looked for; the log has the rest', async () => {
    const folder = join(root, 'most-missing');
    mkdirSync(folder);
    const rows = Array.from({ length: 300 }, (_, i) => `photo_${i}.jpg,c${i % 3}`);
    for (const [i, label] of ['c0', 'c1', 'c2', 'c0', 'c1', 'c2'].entries()) {
      cpSync(join(photos, `train/red/${i}.png`), join(folder, `other_${i}.png`));
      rows.push(`other_${i}.png,${label}`);
    }
    writeFileSync(join(folder, 'train.csv'), `filename,label\n${rows.join('\n')}\n`);
    const message = await refusal(folder);
    const lines = message.split('\n');
    assert.equal(lines.length, 12);
    assert.match(
      lines[0]!,
      /^300 images of 306 are missing or unreadable: .* looked for as photo_0\.jpg in .*most-missing, which has other images, such as other_0\.png: name the folder with --images DIR/,
    );
    assert.match(lines[11]!, /^ {2}and 290 more: evenhand check .*most-missing --all shows all$/);
    const { events } = await prepare(folder, { onBadImage: 'skip' });
    const note = events.find((event) => event.type === 'note');
    assert.equal(note?.text.split('\n').length, 12);
    assert.equal(note?.details?.split('\n').length, 290);
  });
});

describe('data that nothing can be learnt from', () => {
  test('is refused: no images, none that can be read, one class', async () => {
    assert.match(await refusal(join(root, 'nowhere')), /nowhere: there is no such file or folder/);
    const empty = join(root, 'empty');
    mkdirSync(join(empty, 'red'), { recursive: true });
    assert.match(await refusal(empty), /empty has no train\.csv and no sub-folders with images/);

    const one = copy();
    for (const part of ['train', 'val']) {
      for (const label of ['green', 'blue']) rmSync(join(one, part, label), { recursive: true });
    }
    assert.match(await refusal(one), /^All images have the label red; .*at least 2 classes$/);

    const unreadable = join(root, 'unreadable');
    for (const label of ['a', 'b']) {
      mkdirSync(join(unreadable, label), { recursive: true });
      writeFileSync(join(unreadable, label, '0.png'), 'no image');
    }
    assert.match(
      await refusal(unreadable, { onBadImage: 'skip' }),
      /^2 images of 2 are missing or unreadable: none is left to train on\./,
    );
  });
});
