import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'; // biome-ignore format: one line
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import sharp from 'sharp';
import { type ImageFacts, scanImages } from './scan.js';
import { clearScanCache, ScanCache } from './scan-cache.js';

describe('the cache of scans', () => {
  let folder = '';
  let files: string[] = [];
  const at = (name: string): string => path.join(folder, name);
  const solid = (red: number) => sharp({ create: { width: 40, height: 30, channels: 3, background: { r: red, g: red, b: 0 } } }); // biome-ignore format: one line
  const logOf = (cache: string): string => path.join(cache, readdirSync(cache)[0]!);
  const stateOf = (file: string) => statSync(file, { bigint: true });
  /** Which files a cache knows. */
  const known = async (cache: string): Promise<boolean[]> => {
    const opened = new ScanCache(cache);
    return Promise.all(files.map(async (file) => (await opened.get(file, stateOf(file))) !== undefined));
  };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'evenhand-scans-'));
    files = ['a.jpg', 'b.jpg', 'ü.jpg'].map(at);
    for (const [i, file] of files.entries()) await solid(50 + 80 * i).toFile(file);
    await scanImages(files, undefined, at('young'));
    await wait(3100);
    await scanImages(files, undefined, at('cache'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('gives the facts that opening the images gives', async () => {
    assert.deepEqual(await known(at('cache')), [true, true, true]);
    const fresh = await scanImages(files);
    assert.deepEqual(await scanImages(files, undefined, at('cache')), fresh);
  });

  it('keeps no facts of files that changed a moment ago, as a change within the same moment would not be seen', () => {
    assert.throws(() => readdirSync(at('young')), /ENOENT/);
  });

  it('knows nothing of a file with another content, though its name, size and time are the same', async () => {
    const [file] = files as [string];
    const { atimeMs, mtimeMs } = statSync(file);
    const facts = (await new ScanCache(at('cache')).get(file, stateOf(file)))!;
    writeFileSync(file, readFileSync(file));
    utimesSync(file, atimeMs / 1000, mtimeMs / 1000);
    assert.equal(statSync(file).size, facts.bytes);
    assert.deepEqual(await known(at('cache')), [false, true, true]);
  });

  it('ignores what is damaged, and writes it anew', async () => {
    const cache = at('damaged');
    const state = { size: 1n, ino: 1n, mtimeNs: 1n, ctimeNs: 1n };
    const base = (await scanImages([files[1]!])).images.get(files[1]!)!;
    const facts = (name: string): ImageFacts => ({ ...base, bytes: 1, file: at(name) });
    const add = async (name: string): Promise<void> => {
      const opened = new ScanCache(cache);
      await opened.set(facts(name), state);
      await opened.save();
    };
    const has = async (): Promise<string[]> => {
      const opened = new ScanCache(cache);
      const found = await Promise.all(['1', '2', '3'].map((name) => opened.get(at(name), state)));
      return found.flatMap((one) => (one === undefined ? [] : [path.basename(one.file)]));
    };
    await add('1');
    await add('2');
    assert.deepEqual(await has(), ['1', '2']);
    copyFileSync(logOf(cache), at('whole'));
    for (const damage of [
      () => truncateSync(logOf(cache), statSync(logOf(cache)).size - 1),
      () => appendFileSync(logOf(cache), Buffer.alloc(7, 255)),
      () => {
        const bytes = readFileSync(logOf(cache));
        bytes[bytes.length - 100]! ^= 1;
        writeFileSync(logOf(cache), bytes);
      },
    ]) {
      copyFileSync(at('whole'), logOf(cache));
      damage();
      const left = await has();
      assert.equal(left[0], '1');
      await add('3');
      assert.deepEqual(await has(), [...left, '3']);
    }
  });

  it('does not grow when files change, and is not needed to scan', async () => {
    const cache = at('changing');
    const base = (await scanImages([files[1]!])).images.get(files[1]!)!;
    const sizes: number[] = [];
    for (let i = 0; i < 12; i++) {
      const opened = new ScanCache(cache);
      await opened.set(base, { size: 1n, ino: 1n, mtimeNs: BigInt(i), ctimeNs: 1n });
      await opened.save();
      sizes.push(statSync(logOf(cache)).size);
    }
    assert.ok(Math.max(...sizes) <= 4 * sizes[0]!, `${sizes}`);
    writeFileSync(path.join(cache, 'mine.txt'), '');
    await clearScanCache(cache);
    assert.deepEqual(readdirSync(cache), ['mine.txt']);
    writeFileSync(at('file'), '');
    assert.equal((await scanImages(files, undefined, at('file/below'))).images.size, 3);
  });
});
