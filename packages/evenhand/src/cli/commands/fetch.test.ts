// The Oxford flowers from a server of this machine: downloaded, verified, laid out with their official split.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { readDataset } from '../../data/index.js';
import { fetchFlowers102 } from './fetch.js';

const GOLDEN = fileURLToPath(new URL('../../../golden/data', import.meta.url));
const IMAGES = fileURLToPath(new URL('../../../../predict/golden', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evenhand-fetch-'));
const image = (id: number): string => ['landscape.jpg', 'portrait.jpg', 'grey.jpg'][id % 3]!;
let server: Server;
let home: string;
const requests: string[] = [];

before(async () => {
  mkdirSync(join(folder, 'home'));
  for (const name of ['imagelabels.mat', 'setid.mat']) copyFileSync(join(GOLDEN, name), join(folder, 'home', name));
  const archive = pack();
  archive.entry({ name: 'jpg', type: 'directory' });
  for (let id = 1; id <= 9; id++) {
    archive.entry({ name: `jpg/image_0000${id}.jpg` }, readFileSync(join(IMAGES, image(id))));
  }
  archive.entry({ name: '../../escaped.txt' }, 'no');
  archive.finalize();
  writeFileSync(join(folder, 'home/102flowers.tgz'), gzipSync(await buffer(archive)));
  server = createServer((request, response) => {
    requests.push(request.url!);
    response.end(readFileSync(join(folder, 'home', request.url!.split('/').at(-1)!)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  home = `http://127.0.0.1:${(server.address() as AddressInfo).port}/flowers/102`;
  process.env.EVENHAND_CACHE = join(folder, 'cache');
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const file = (name: string) => {
  const md5 = createHash('md5')
    .update(readFileSync(join(folder, 'home', name)))
    .digest('hex');
  return { name, md5 };
};
const files = () => ({ images: file('102flowers.tgz'), labels: file('imagelabels.mat'), split: file('setid.mat') });
const linesOf = (name: string): string[] => readFileSync(join(folder, name), 'utf8').trim().split('\n');

describe('fetch flowers102', () => {
  test('writes every part with its labels, and the test set without', async () => {
    const counts = await fetchFlowers102(join(folder, 'flowers'), home, files(), () => {});
    assert.deepEqual(counts, { train: 3, val: 2, test: 4 });
    assert.deepEqual(linesOf('flowers/train.csv'), [
      'image_id,filename,label',
      'image_00001,image_00001.jpg,3',
      'image_00002,image_00002.jpg,1',
      'image_00003,image_00003.jpg,2',
    ]);
    assert.deepEqual(linesOf('flowers/val.csv').slice(1), [
      'image_00004,image_00004.jpg,1',
      'image_00005,image_00005.jpg,3',
    ]);
    assert.deepEqual(linesOf('flowers/test.csv').slice(0, 2), ['image_id,filename', 'image_00006,image_00006.jpg']);
    assert.equal(linesOf('flowers/test-labels.csv')[1], 'image_00006,image_00006.jpg,2');
    assert.deepEqual(
      readdirSync(join(folder, 'flowers/test/images')),
      [6, 7, 8, 9].map((id) => `image_0000${id}.jpg`),
    );
    const { classes, train, val } = await readDataset(join(folder, 'flowers'));
    assert.deepEqual([classes, train.length, val.length], [['1', '2', '3'], 3, 2]);
    assert.deepEqual(
      readFileSync(join(folder, 'flowers/train/images/image_00001.jpg')),
      readFileSync(join(IMAGES, image(1))),
    );
  });

  test('takes what it has downloaded from the cache', async () => {
    const before = requests.length;
    await fetchFlowers102(join(folder, 'again'), home, files(), () => {});
    assert.equal(requests.length, before);
  });

  test('refuses to write over data', async () => {
    await assert.rejects(
      fetchFlowers102(join(folder, 'flowers'), home, files(), () => {}),
      /already has a train\.csv/,
    );
  });

  test('refuses files that do not belong together, or are cut short', async () => {
    const good = readFileSync(join(folder, 'home/102flowers.tgz'));
    writeFileSync(join(folder, 'home/102flowers.tgz'), good.subarray(0, good.length >> 1));
    process.env.EVENHAND_CACHE = join(folder, 'other-cache');
    await assert.rejects(
      fetchFlowers102(join(folder, 'cut'), home, files(), () => {}),
      {
        name: 'DataError',
        message: /102flowers\.tgz cannot be unpacked: /,
      },
    );
    writeFileSync(join(folder, 'home/102flowers.tgz'), good);
  });

  test('refuses a file of another content', async () => {
    const official = { ...files(), labels: { name: 'imagelabels.mat', md5: 'e0620be6f572b9609742df49c70aed4d' } };
    process.env.EVENHAND_CACHE = join(folder, 'third-cache');
    await assert.rejects(
      fetchFlowers102(join(folder, 'never'), home, official, () => {}),
      {
        name: 'WeightsError',
        message: /imagelabels\.mat is not the expected file \(MD5 \w{32} instead of e0620be6\w{24}\)/,
      },
    );
  });
});
