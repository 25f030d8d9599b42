import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, mock, test } from 'node:test';
import { cacheFolder } from './cache-folder.js';
import { fetchWeights } from './fetch-weights.js';
import { PartialFile } from './partial-file.js';
import type { WeightsError } from './weights-error.js';

const FILE = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251));
const HASH = createHash('sha256').update(FILE).digest('hex');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let handle: Handler;
let requests: IncomingMessage[];
const server: Server = createServer((request, response) => {
  requests.push(request);
  handle(request, response);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const source = { url: `${base}/models/weights-${HASH.slice(0, 8)}.pth`, sha256: HASH.slice(0, 8) };
const fileName = `weights-${HASH.slice(0, 8)}.pth`;
const folders: string[] = [];
let cacheDir: string;

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-weights-'));
  folders.push(folder);
  return folder;
}

beforeEach(() => {
  requests = [];
  cacheDir = newFolder();
  delete process.env.EVENHAND_WEIGHTS_MIRROR;
});
after(() => {
  server.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Serves the file, or the part that a Range header requests. */
const serve: Handler = (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const headers: Record<string, string | number> = { 'content-length': FILE.length - from };
  if (from > 0) headers['content-range'] = `bytes ${from}-${FILE.length - 1}/${FILE.length}`;
  response.writeHead(from > 0 ? 206 : 200, headers).end(FILE.subarray(from));
};

/** Announces the whole file and sends only its first bytes; `cutOff`, called as they arrive, closes the connection. */
const sendBeginning: Handler = (_request, response) => {
  response.writeHead(200, { 'content-length': FILE.length });
  response.write(FILE.subarray(0, 100_000));
  openResponse = response;
};
let openResponse: ServerResponse | undefined;
const cutOff = () => openResponse?.destroy();

function failure(code: WeightsError['code'], ...texts: RegExp[]): (error: WeightsError) => boolean {
  return (error) => {
    assert.equal(error.code, code, error.message);
    assert.equal(error.name, 'WeightsError');
    assert.doesNotMatch(error.message, /\n/);
    for (const text of texts) assert.match(error.message, text);
    return true;
  };
}

test('a file is downloaded into the cache and verified, and progress is reported', async () => {
  handle = serve;
  const progress: { received: number; total: number | undefined }[] = [];
  const path = await fetchWeights(source, { cacheDir, onProgress: (p) => progress.push(p) });
  assert.equal(path, join(cacheDir, fileName));
  assert.deepEqual(readFileSync(path), FILE);
  assert.deepEqual(progress.at(-1), { received: FILE.length, total: FILE.length });
  assert.deepEqual(readdirSync(cacheDir), [fileName]);
});

test('a file in the cache needs no request, and a damaged one is downloaded again', async () => {
  handle = serve;
  const path = join(cacheDir, fileName);
  writeFileSync(path, FILE);
  assert.equal(await fetchWeights(source, { cacheDir }), path);
  assert.equal(requests.length, 0);
  writeFileSync(path, 'damaged');
  await fetchWeights(source, { cacheDir });
  assert.deepEqual(readFileSync(path), FILE);
});

test('a file with the wrong hash is refused and removed', async () => {
  handle = (_request, response) => response.end('something else');
  await assert.rejects(fetchWeights(source, { cacheDir }), failure('wrong-hash', /weights-.*\.pth/, /removed/));
  assert.deepEqual(readdirSync(cacheDir), []);
});

test('404 names the address and the remedy, without retries', async () => {
  handle = (_request, response) => response.writeHead(404).end('no');
  await assert.rejects(
    fetchWeights(source, { cacheDir }),
    failure('not-found', new RegExp(source.url), /404/, /EVENHAND_WEIGHTS_MIRROR/),
  );
  assert.equal(requests.length, 1);
  assert.deepEqual(readdirSync(cacheDir), []);
});

test('an interrupted download is continued where it stopped', async () => {
  handle = (request, response) => (requests.length === 1 ? sendBeginning : serve)(request, response);
  const path = await fetchWeights(source, { cacheDir, retryDelay: 1, onProgress: cutOff });
  assert.deepEqual(readFileSync(path), FILE);
  assert.equal(requests.length, 2);
  assert.match(requests[1]!.headers.range!, /^bytes=[1-9]\d*-$/);
});

test('a server without support for Range sends the whole file again', async () => {
  handle = (request, response) => {
    if (requests.length === 1) sendBeginning(request, response);
    else response.end(FILE);
  };
  const path = await fetchWeights(source, { cacheDir, retryDelay: 1, onProgress: cutOff });
  assert.deepEqual(readFileSync(path), FILE);
  assert.equal(requests.length, 2);
});

test('a download without progress fails after some retries, and the next call continues there', async () => {
  handle = (request, response) => {
    if (requests.length === 1) sendBeginning(request, response);
    else response.destroy();
  };
  await assert.rejects(
    fetchWeights(source, { cacheDir, retryDelay: 1, onProgress: cutOff }),
    failure('interrupted', new RegExp(source.url), /continues/),
  );
  assert.deepEqual(readdirSync(cacheDir), [`${fileName}.part`]);
  requests = [];
  handle = serve;
  assert.deepEqual(readFileSync(await fetchWeights(source, { cacheDir })), FILE);
  assert.match(requests[0]!.headers.range!, /^bytes=[1-9]\d*-$/);
});

test('what a killed process left is continued', async () => {
  handle = serve;
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(join(cacheDir, `${fileName}.${hostname()}.${pid}-0.part`), FILE.subarray(0, 1000));
  await fetchWeights(source, { cacheDir });
  assert.equal(requests[0]!.headers.range, 'bytes=1000-');
  assert.deepEqual(readdirSync(cacheDir), [fileName]);
});

test('the beginning of another file is discarded', async () => {
  handle = serve;
  writeFileSync(join(cacheDir, `${fileName}.part`), 'of another file');
  assert.deepEqual(readFileSync(await fetchWeights(source, { cacheDir })), FILE);
  assert.equal(requests.length, 2);
});

test('a complete file that was never renamed is used as it is', async () => {
  handle = (_request, response) => response.writeHead(416, { 'content-range': `bytes */${FILE.length}` }).end();
  writeFileSync(join(cacheDir, `${fileName}.part`), FILE);
  assert.deepEqual(readFileSync(await fetchWeights(source, { cacheDir })), FILE);
});

test('two downloads at the same time do not disturb each other', async () => {
  handle = serve;
  const paths = await Promise.all([fetchWeights(source, { cacheDir }), fetchWeights(source, { cacheDir })]);
  assert.equal(paths[0], paths[1]);
  assert.deepEqual(readFileSync(paths[0]), FILE);
  assert.deepEqual(readdirSync(cacheDir), [fileName]);
});

test('an abort keeps what has been received', async () => {
  handle = (_request, response) => {
    response.writeHead(200, { 'content-length': FILE.length });
    response.write(FILE.subarray(0, 5000));
  };
  const controller = new AbortController();
  const download = fetchWeights(source, { cacheDir, signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(download, { name: 'AbortError' });
  assert.deepEqual(readdirSync(cacheDir), [`${fileName}.part`]);
});

test('a missing server is named in one sentence', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}/weights.pth`;
  closed.close();
  await once(closed, 'close');
  await assert.rejects(
    fetchWeights({ url, sha256: HASH }, { cacheDir }),
    failure('unreachable', new RegExp(url), /ECONNREFUSED/, /network/),
  );
});

test('an impossible cache folder is named in one sentence', async () => {
  const file = join(cacheDir, 'file');
  writeFileSync(file, '');
  await assert.rejects(fetchWeights(source, { cacheDir: join(file, 'sub') }), failure('disk', /EVENHAND_CACHE/));
});

test('what is not a regular file is refused before it is read', { skip: process.platform === 'win32' }, async () => {
  handle = serve;
  const target = join(cacheDir, fileName);
  const refused = (message: RegExp) => assert.rejects(fetchWeights(source, { cacheDir }), failure('disk', message));
  execFileSync('mkfifo', [target]);
  await refused(/weights-.*\.pth must be a regular file, but it is a pipe, socket or device; move it away/);
  rmSync(target);
  symlinkSync('/dev/zero', target);
  await refused(/must be a regular file/);
  rmSync(target);
  mkdirSync(target);
  await refused(/must be a regular file, but it is a folder/);
  rmSync(target, { recursive: true });
  // Left by no download of ours: it is not continued, and does not get in the way.
  execFileSync('mkfifo', [`${target}.part`]);
  assert.deepEqual(readFileSync(await fetchWeights(source, { cacheDir })), FILE);

  process.env.EVENHAND_WEIGHTS_MIRROR = newFolder();
  execFileSync('mkfifo', [join(process.env.EVENHAND_WEIGHTS_MIRROR, fileName)]);
  await refused(/must be a regular file/);
});

test('a full disk is one sentence with the remedy, and what has been received is kept', async () => {
  handle = serve;
  for (const [code, reason] of [
    ['ENOSPC', 'the disk is full'],
    ['EDQUOT', 'the disk quota is used up'],
  ] as const) {
    const write = mock.method(PartialFile.prototype, 'write', () => {
      throw Object.assign(new Error('write'), { code });
    });
    const sentence = new RegExp(`pth cannot be written \\(${reason}\\); free some space there, or set EVENHAND_CACHE`);
    await assert.rejects(fetchWeights(source, { cacheDir }), failure('disk', sentence));
    write.mock.restore();
    assert.deepEqual(readdirSync(cacheDir), []);
  }
});

test('a mirror replaces the address: a URL or a folder', async () => {
  handle = serve;
  process.env.EVENHAND_WEIGHTS_MIRROR = `${base}/mirror/`;
  const elsewhere = { url: `https://weights.invalid/a/${fileName}`, sha256: HASH };
  await fetchWeights(elsewhere, { cacheDir });
  assert.equal(requests[0]!.url, `/mirror/${fileName}`);

  const folder = newFolder();
  process.env.EVENHAND_WEIGHTS_MIRROR = folder;
  await assert.rejects(fetchWeights(elsewhere, { cacheDir }), failure('not-found', /has no weights-/));
  writeFileSync(join(folder, fileName), FILE);
  assert.equal(await fetchWeights(elsewhere, { cacheDir }), join(folder, fileName));
  writeFileSync(join(folder, fileName), 'damaged');
  await assert.rejects(fetchWeights(elsewhere, { cacheDir }), failure('wrong-hash'));
  assert.ok(existsSync(join(folder, fileName)), "a user's own file is not removed");
});

test('a file that another process is writing is left alone', async () => {
  const target = join(cacheDir, fileName);
  const first = await PartialFile.open(target);
  await first.write(FILE.subarray(0, 10));
  const second = await PartialFile.open(target);
  assert.equal(second.size, 0);
  assert.notEqual(first.path, second.path);
  await first.remove();
  await second.remove();
});

test("the cache folder is the platform's, unless EVENHAND_CACHE says otherwise", () => {
  assert.equal(cacheFolder({ EVENHAND_CACHE: '/x' }, 'linux'), '/x');
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/c' }, 'linux'), join('/c', 'evenhand'));
  assert.match(cacheFolder({}, 'linux'), /[\\/]\.cache[\\/]evenhand$/);
  assert.match(cacheFolder({}, 'darwin'), /Library[\\/]Caches[\\/]evenhand$/);
  assert.match(cacheFolder({ LOCALAPPDATA: '/l' }, 'win32'), /evenhand[\\/]Cache$/);
});
