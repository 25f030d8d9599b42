// npm run bench -- scale: time and memory of check, split and sampling for 10,000, 100,000 and 1 million images.
// SIZES=10000,100000 changes the sizes.
//
// The images are made up: empty files that a CSV file lists, and facts about them (size, hash, miniature) in the cache of
// scans. So no image is opened; everything else is what the commands do: reading the CSV file, looking each file up, the
// cache, near-duplicates, the report, the split and the order of an epoch. One image of a hundred has a near-duplicate.
// Each size runs in a process of its own. `pause` is the longest time for which Ctrl-C would have waited.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from 'evenhand/random';

type Data = typeof import('../packages/evenhand/dist/data/index.js');
type Cache = typeof import('../packages/evenhand/dist/data/inspect/scan-cache.js');

const CLASSES = 1000;
const PACKAGE = new URL('../../packages/evenhand/dist/data/', import.meta.url);

const [, , folder, count] = process.argv;
if (folder === undefined) {
  const sizes = (process.env.SIZES ?? '10000,100000,1000000').split(',').map(Number);
  console.log('images     step                           seconds   pause ms   peak memory MB');
  for (const size of sizes) {
    const folder = mkdtempSync(join(tmpdir(), 'evenhand-scale-'));
    try {
      const args = ['--enable-source-maps', fileURLToPath(import.meta.url), folder, String(size)];
      for (const part of ['make', 'measure']) {
        const { status } = spawnSync(process.execPath, [...args, part], { stdio: 'inherit' });
        if (status !== 0) process.exit(status ?? 1);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
} else if (process.argv[4] === 'make') {
  await make(folder, Number(count));
} else {
  await measure(folder, Number(count));
}

async function make(folder: string, size: number): Promise<void> {
  const { ScanCache } = (await import(new URL('inspect/scan-cache.js', PACKAGE).href)) as Cache;
  mkdirSync(join(folder, 'images'));
  const random = new Random(size);
  const nameOf = (i: number): string => `${String(i).padStart(7, '0')}.jpg`;
  const rows = ['filename,label'];
  for (let i = 0; i < size; i++) {
    closeSync(openSync(join(folder, 'images', nameOf(i)), 'w'));
    // Classes of a long tail.
    rows.push(`${nameOf(i)},class ${Math.floor(CLASSES * random.uniform() ** 2)}`);
  }
  writeFileSync(join(folder, 'data.csv'), `${rows.join('\n')}\n`);
  // The cache keeps nothing about files that were just written.
  await wait(3500);
  const cache = new ScanCache(join(folder, 'cache'));
  let hash: [number, number] = [0, 0];
  let miniature = new Uint8Array(192);
  for (let i = 0; i < size; i++) {
    if (i % 100 === 1) {
      hash = [hash[0] ^ 5, hash[1] ^ (1 << 20)].map((word) => word >>> 0) as [number, number];
    } else {
      hash = [random.uint32(), random.uint32()];
      miniature = new Uint8Array(Uint32Array.from({ length: 48 }, () => random.uint32()).buffer);
    }
    const file = join(folder, 'images', nameOf(i));
    const sha256 = i.toString(16).padStart(64, '0');
    const facts = { file, bytes: 0, sha256, width: 640, height: 480, format: 'jpeg', mode: 'rgb', hash, miniature };
    await cache.set(facts as Parameters<typeof cache.set>[0], statSync(file, { bigint: true }));
  }
  await cache.save();
}

async function measure(folder: string, size: number): Promise<void> {
  const data = (await import(new URL('index.js', PACKAGE).href)) as Data;
  const step = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
    let [pause, last] = [0, performance.now()];
    const look = (): void => {
      const now = performance.now();
      pause = Math.max(pause, now - last);
      last = now;
    };
    const timer = setInterval(look, 5);
    const begin = performance.now();
    const result = await work();
    const seconds = (performance.now() - begin) / 1000;
    look();
    clearInterval(timer);
    const memory = Math.round(process.resourceUsage().maxRSS / 1024);
    const cells = [seconds.toFixed(2).padStart(9), pause.toFixed(0).padStart(10), String(memory).padStart(16)];
    console.log(`${size.toLocaleString('en').padEnd(10)} ${name.padEnd(28)} ${cells.join(' ')}`);
    return result;
  };
  const dataset = await step('read the CSV file', () => data.readDataset(join(folder, 'data.csv')));
  const files = dataset.train.map(({ file }) => file);
  const scan = await step('scan, facts from the cache', () => data.scanImages(files, () => {}, join(folder, 'cache')));
  if (scan.images.size !== size) throw new Error(`${scan.images.size} of ${size} images are in the scan`);
  const { pairs } = await step('near-duplicates', () => data.findDuplicates(scan.images.values()));
  if (pairs.length < size / 100) throw new Error(`${pairs.length} pairs of near-duplicates`);
  await step('report (with near-duplicates)', () => data.reportOf(dataset, scan));
  const labels = dataset.train.map(({ label }) => label);
  const groups = await step('groups of near-duplicates', () => data.groupDuplicates(files, pairs));
  await step('split, 15 % held out', () => data.splitFraction(labels, 0.15, 1, groups));
  await step('split, fold 1 of 5', () => data.splitFold(labels, 5, 0, 1, groups));
  await step('order of an epoch, shuffled', () => data.epochOrder(labels, { kind: 'shuffle' }, 1, 0));
  await step('order of an epoch, balanced', () => data.epochOrder(labels, { kind: 'balanced' }, 1, 0));
}
