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
  test('is what the folders hold, looked through with progress', async () => {
    const { prepared, events, notes } = await prepare(photos);
    const { classes, train, val, skipped, fingerprint } = prepared;
    assert.deepEqual([classes, train.length, val.length, skipped], [['blue', 'green', 'red'], 24, 12, []]);
    assert.match(fingerprint, /^[0-9a-f]{64}$/);
    assert.equal(fingerprint, (await prepare(photos)).prepared.fingerprint);
    assert.deepEqual(notes, []);
    const last = events.at(-1);
    assert.ok(last?.type === 'progress' && last.stage === 'scan' && last.done === 36 && last.total === 36);
  });

  test('has another fingerprint when an image is added', async () => {
    const changed = copy();
    cpSync(join(changed, 'train/red/0.png'), join(changed, 'train/red/8.png'));
    const [a, b] = [await prepare(changed), await prepare(photos)];
    assert.notEqual(a.prepared.fingerprint, b.prepared.fingerprint);
  });

  test('is found by what the configuration says of it, and by nothing where it says nothing', () => {
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
    assert.match(message, /^2 images are missing or unreadable; .*--on-bad-image skip:\n/);
    const lines = message.split('\n').slice(1);
    assert.equal(lines.length, 2);
    assert.match(message, /train\/red\/page\.png: \S/);
    assert.match(message, /val\/blue\/empty\.jpg: \S/);
  });

  test('are left out, told of and recorded where that is asked for', async () => {
    const { prepared, notes } = await prepare(damaged(), { onBadImage: 'skip' });
    assert.deepEqual([prepared.train.length, prepared.val.length], [24, 12]);
    assert.deepEqual(prepared.skipped.map(({ file }) => basename(file)).sort(), ['empty.jpg', 'page.png']);
    assert.match(notes.join('\n'), /^2 images are .*left out:\n.*page\.png: /s);
  });

  test('may be missing ones that a table names', async () => {
    const folder = join(root, 'table');
    mkdirSync(join(folder, 'train'), { recursive: true });
    cpSync(join(photos, 'train/red/0.png'), join(folder, 'train/images/a.png'));
    cpSync(join(photos, 'train/blue/0.png'), join(folder, 'train/images/b.png'));
    writeFileSync(join(folder, 'train.csv'), 'filename,label\na.png,red\nb.png,blue\nc.png,blue\n');
    assert.match(await refusal(folder), /^1 image is missing or unreadable.*\n.*c\.png: /);
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

  test('that the data has are not used where others are held out, and that is said', async () => {
    const { prepared, notes } = await prepare(photos, { valFraction: 0.25 });
    assert.deepEqual([prepared.train.length, prepared.val.length], [18, 6]);
    assert.match(notes.join('\n'), /^The 12 validation images of the data are not used/);
  });

  test('must be there', async () => {
    const message = await refusal(trainOnly);
    assert.match(message, /^There are no validation images, .*--val-fraction 0\.15 or --folds 5 --fold 0$/);
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
    assert.match(await refusal(unreadable, { onBadImage: 'skip' }), /^There are no readable images to train on$/);
  });
});
