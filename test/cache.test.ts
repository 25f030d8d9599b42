// The cache of decoded images, from the command line: whatever happens to it, a training ends with the weights, bit for
// bit, of one without it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { drawDiscs, refusal, SMALL, sha256, start, succeed, temporaryFolder, until } from './support.js';

const { path: folder, remove } = temporaryFolder();
after(remove);
const userCache = join(folder, 'user-cache');
process.env.EVENHAND_CACHE = userCache;
const training = ['train', 'discs', ...SMALL, '--epochs', '2', '--head-rate', '0.01', '--backbone-rate', '0.01'];

/** Records that cannot be written or read are tested in data/records as well. */
const skip = process.env.EVENHAND_TEST_ALL ? false : 'takes seconds: npm test -- --all';

const weightsOf = (run: string): string => sha256(join(folder, run, 'best.safetensors'));

/** The records below a folder. */
function recordsIn(cache: string): string[] {
  if (!existsSync(cache)) return [];
  const names = readdirSync(cache, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.rgb')).map((name) => join(cache, name));
}

/** Mounts a small file system; undefined where that is not possible here. */
function mountSmall(path: string): { unmount: () => void } | undefined {
  mkdirSync(path);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path]).status !== 0) return undefined;
  return { unmount: () => spawnSync('umount', [path]) };
}

before(async () => {
  await drawDiscs(join(folder, 'discs'), { train: 5, val: 2 });
  await succeed([...training, '--cache', 'off', '--run', 'reference'], folder);
  assert.equal(existsSync(userCache), false);
});

describe('a training with a cache', () => {
  test('that a killed training has begun, and whose files are damaged, ends as without one', async () => {
    const killed = start([...training, '--run', 'killed'], folder);
    await until(killed, () => recordsIn(userCache).length >= 3);
    killed.signalAll('SIGKILL');
    await killed.ended;
    for (const [i, file] of recordsIn(userCache).entries()) {
      if (i % 3 === 0) truncateSync(file, 100);
      else if (i % 3 === 1) writeFileSync(file, readFileSync(file).reverse());
    }
    const text = await succeed([...training, '--run', 'resumed'], folder);
    assert.match(text, /^Decoded images are cached in .*user-cache\/images: up to \d+ kB for \d+ images/m);
    assert.equal(weightsOf('resumed'), weightsOf('reference'));
  });

  test('that fills the disk says so once, and ends as without one', { skip }, async (t) => {
    const disk = join(folder, 'disk');
    const mounted = mountSmall(disk);
    if (!mounted) return t.skip('no small disk can be mounted here');
    try {
      const text = await succeed([...training, '--cache', 'disk', '--run', 'full'], folder);
      assert.equal(text.match(/can no longer be cached in .*disk \(the disk is full\)/g)?.length, 1, text);
      assert.ok(recordsIn(disk).length > 0);
      assert.equal(weightsOf('full'), weightsOf('reference'));
    } finally {
      mounted.unmount();
    }
  });

  test('that is in memory, or cannot be written, ends as without one', { skip }, async () => {
    await succeed([...training, '--cache', 'memory', '--run', 'memory'], folder);
    assert.equal(weightsOf('memory'), weightsOf('reference'));
    process.env.EVENHAND_CACHE = '/proc/evenhand';
    try {
      const text = await succeed([...training, '--run', 'unwritable'], folder);
      assert.match(text, /^Decoded images are not cached, because \/proc\/evenhand\/images cannot be written/m);
      assert.equal(weightsOf('unwritable'), weightsOf('reference'));
    } finally {
      process.env.EVENHAND_CACHE = userCache;
    }
  });

  test('is refused before anything is read if its folder cannot be written', async () => {
    const message = await refusal([...training, '--cache', 'discs/train/red/0.jpg', '--run', 'refused'], folder);
    assert.match(message, /0\.jpg, which cannot be written \(there is a file of that name\): give another folder/);
    assert.equal(existsSync(join(folder, 'refused')), false);
  });
});

describe('evenhand cache', () => {
  test('lists what is cached, and clears it', async () => {
    const text = await succeed(['cache'], folder);
    assert.match(text, /^evaluation, 32 x 32 pixels +6 /m);
    assert.match(text, /^training, up to 64 x 64 pixels +\d+ /m);
    const { kinds } = JSON.parse(await succeed(['cache', 'list', '--json'], folder));
    const images = kinds.reduce((sum: number, kind: { images: number }) => sum + kind.images, 0);
    assert.equal(images, recordsIn(userCache).length);
    assert.match(await succeed(['cache', 'clear', '--older-than', '1'], folder), /^Deleted 0 decoded images/);
    writeFileSync(join(userCache, 'images/note.txt'), 'mine');
    assert.match(await succeed(['cache', 'clear'], folder), new RegExp(`^Deleted ${images} decoded images`));
    assert.deepEqual(readdirSync(join(userCache, 'images')), ['note.txt']);
    assert.match(await succeed(['cache', '--cache', 'discs'], folder), /^There are no decoded images in .*discs$/m);
    assert.match(await succeed(['cache', 'clear', '--cache', 'discs'], folder), /^Deleted 0 /);
    assert.ok(existsSync(join(folder, 'discs/train/red/0.jpg')));
  });

  test('refuses what it does not know', async () => {
    assert.match(await refusal(['cache', 'empty'], folder), /Unknown action "empty"; expected list or clear/);
    assert.match(await refusal(['cache', 'clear', '--older-than', 'x'], folder), /number of days .*, got "x"/);
    assert.match(await refusal(['cache', '--older-than', '3'], folder), /--older-than goes with clear/);
    assert.match(await refusal(['cache', 'clear', 'all'], folder), /Unexpected argument "all"/);
    assert.match(await refusal(['cache', '--cache', 'discs/train/red/0.jpg'], folder), /0\.jpg/);
  });
});
