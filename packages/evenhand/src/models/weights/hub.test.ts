import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, mock, test } from 'node:test';
import { fetchHubFile, type HubOptions } from './hub.js';
import { COMMIT, cacheAsPython, failure, gitHash, newFolder, send, sha256, startHub } from './hub.test.helper.js';
import { hubSettings, hubToken } from './hub-settings.js';
import { PartialFile } from './partial-file.js';

const WEIGHTS = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251));
const CONFIG = Buffer.from('{"architecture":"resnet18"}');
const SOURCE = { repository: 'org/name', revision: 'main' };
const FILES = ['model.safetensors', 'pytorch_model.bin'];

const hub = await startHub();
let cache: string;
let env: Record<string, string>;
let notes: string[];
beforeEach(() => {
  hub.requests.length = 0;
  hub.files = { 'model.safetensors': WEIGHTS, 'config.json': CONFIG };
  hub.handle = undefined;
  hub.handleStore = undefined;
  cache = join(newFolder(), 'hub');
  env = { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_HOME: newFolder() };
  notes = [];
});

const fetchFile = (files: readonly string[] = FILES, options: HubOptions = {}, source = SOURCE) =>
  fetchHubFile(source, files, { env, retryDelay: 1, onNote: (text) => notes.push(text), ...options });
const inCache = (...parts: string[]) => join(cache, 'models--org--name', ...parts);

test('a large file is stored under its SHA-256 as huggingface_hub does, and the token stays with the hub', async () => {
  env.HF_TOKEN = 'hf_secret';
  const progress: { received: number; total: number | undefined }[] = [];
  const found = await fetchFile(FILES, { onProgress: (each) => progress.push(each) });
  const path = inCache('snapshots', COMMIT, 'model.safetensors');
  const hash = sha256(WEIGHTS);
  assert.deepEqual(found, { path, file: 'model.safetensors', commit: COMMIT, sha256: hash, downloaded: true });
  assert.deepEqual(readFileSync(path), WEIGHTS);
  assert.equal(readlinkSync(path), join('..', '..', 'blobs', hash));
  assert.equal(readFileSync(inCache('refs', 'main'), 'utf8'), COMMIT);
  assert.deepEqual(readdirSync(inCache('blobs')), [hash]);
  assert.deepEqual(progress.at(-1), { received: WEIGHTS.length, total: WEIGHTS.length });
  assert.deepEqual(hub.requests, [
    'HEAD /org/name/resolve/main/model.safetensors token',
    `GET /org/name/resolve/${COMMIT}/model.safetensors token`,
    'GET store/model.safetensors',
  ]);
});

test("a small file is stored under Git's hash, which is verified", async () => {
  const found = await fetchFile(['config.json']);
  assert.equal(found?.sha256, null);
  assert.equal(realpathSync(found!.path), realpathSync(inCache('blobs', gitHash(CONFIG))));
  hub.handle = (request, response) => {
    const headers = { 'x-repo-commit': COMMIT, etag: `"${gitHash(Buffer.from('other'))}"` };
    send(request, response, Buffer.from(request.method === 'HEAD' ? 'other' : 'wrong'), headers);
  };
  await assert.rejects(fetchFile(['other.json']), failure('wrong-hash', /other\.json is not the expected file/));
});

test('a file that is here is asked about but not downloaded again', async () => {
  await fetchFile();
  hub.requests.length = 0;
  const again = await fetchFile();
  assert.equal(again?.downloaded, false);
  assert.equal(again?.sha256, sha256(WEIGHTS));
  assert.deepEqual(hub.requests, ['HEAD /org/name/resolve/main/model.safetensors']);
  // A commit never changes.
  hub.requests.length = 0;
  assert.equal((await fetchFile(FILES, {}, { ...SOURCE, revision: COMMIT }))?.path, again?.path);
  assert.deepEqual(hub.requests, []);
});

test('a file that Python has downloaded is found, and a damaged one is replaced', async () => {
  cacheAsPython(cache, 'org/name', { 'model.safetensors': WEIGHTS });
  assert.equal((await fetchFile())?.downloaded, false);
  writeFileSync(inCache('blobs', sha256(WEIGHTS)), 'damaged');
  env.HF_HUB_OFFLINE = '1';
  await assert.rejects(fetchFile(), failure('wrong-hash', /model\.safetensors is damaged/, /download it again/));
  delete env.HF_HUB_OFFLINE;
  assert.equal((await fetchFile())?.downloaded, true);
  assert.deepEqual(readFileSync(inCache('snapshots', COMMIT, 'model.safetensors')), WEIGHTS);
});

test('the content of another snapshot is linked instead of downloaded', async () => {
  cacheAsPython(cache, 'org/name', { 'pytorch_model.bin': WEIGHTS });
  const found = await fetchFile();
  assert.equal(found?.downloaded, false);
  assert.deepEqual(readFileSync(inCache('snapshots', COMMIT, 'model.safetensors')), WEIGHTS);
  assert.deepEqual(hub.requests, ['HEAD /org/name/resolve/main/model.safetensors']);
});

test('files are tried in order, and one that the commit lacks is remembered', async () => {
  hub.files = { 'pytorch_model.bin': WEIGHTS };
  assert.equal((await fetchFile())?.file, 'pytorch_model.bin');
  assert.ok(existsSync(inCache('.no_exist', COMMIT, 'model.safetensors')));
  hub.files = {};
  assert.equal(await fetchFile(['a.bin', 'b.bin']), null);
  hub.requests.length = 0;
  assert.equal(await fetchFile(['a.bin', 'b.bin'], {}, { ...SOURCE, revision: COMMIT }), null);
  assert.deepEqual(hub.requests, []);
});

test('without symbolic links the file itself is in the snapshot', async () => {
  env.HF_HUB_DISABLE_SYMLINKS = '1';
  const found = await fetchFile();
  assert.deepEqual(readFileSync(found!.path), WEIGHTS);
  assert.equal(realpathSync(found!.path), realpathSync(join(inCache('snapshots', COMMIT), 'model.safetensors')));
  assert.equal((await fetchFile())?.downloaded, false);
  writeFileSync(inCache('blobs', sha256(WEIGHTS)), WEIGHTS);
  rmSync(found!.path);
  assert.equal((await fetchFile())?.downloaded, false);
  assert.deepEqual(readFileSync(found!.path), WEIGHTS);
  assert.ok(existsSync(inCache('blobs', sha256(WEIGHTS))), 'a blob that was here may be used by others');
});

test('a wrong hash and a wrong size are refused, and nothing is kept', async () => {
  hub.handleStore = (request, response) => send(request, response, Buffer.alloc(WEIGHTS.length));
  await assert.rejects(fetchFile(), failure('wrong-hash', /SHA-256 [0-9a-f]{8} instead of/, /removed/));
  hub.handleStore = (request, response) => send(request, response, WEIGHTS.subarray(0, 1000));
  await assert.rejects(fetchFile(), failure('wrong-hash', /1000 bytes instead of 300000/));
  assert.deepEqual(readdirSync(inCache('blobs')), []);
});

test('a download that is cut off is continued, in the same call or a later one', async () => {
  let cut: (() => void) | undefined;
  let left = 1;
  hub.handleStore = (request, response) => {
    if (left-- <= 0) return send(request, response, WEIGHTS);
    response.writeHead(200, { 'content-length': WEIGHTS.length }).write(WEIGHTS.subarray(0, 100_000));
    cut = () => response.destroy();
  };
  await fetchFile(FILES, { onProgress: () => cut?.() });
  assert.deepEqual(readFileSync(inCache('snapshots', COMMIT, 'model.safetensors')), WEIGHTS);
  assert.equal(hub.requests.at(-1), 'GET store/model.safetensors range');

  rmSync(cache, { recursive: true });
  left = 1;
  const controller = new AbortController();
  const stopped = fetchFile(FILES, { onProgress: () => controller.abort(), signal: controller.signal });
  await assert.rejects(stopped, { name: 'AbortError' });
  assert.deepEqual(readdirSync(inCache('blobs')), [`${sha256(WEIGHTS)}.part`]);
  await fetchFile();
  assert.equal(hub.requests.at(-1), 'GET store/model.safetensors range');
  assert.deepEqual(readFileSync(inCache('snapshots', COMMIT, 'model.safetensors')), WEIGHTS);
});

test('gated, private and missing repositories, revisions and answers are named with the remedy', async () => {
  const ask = (repository: string, revision = 'main') => fetchFile(FILES, {}, { repository, revision });
  const terms = new RegExp(
    `^org/gated is gated \\(HTTP 401\\); accept its terms at ${hub.url}/org/gated and set HF_TOKEN`,
  );
  await assert.rejects(ask('org/gated'), failure('refused', terms));
  await assert.rejects(ask('org/missing'), failure('refused', /org\/missing does not exist .*401.*HF_TOKEN/));
  await assert.rejects(ask('org/name', 'v9'), failure('not-found', /org\/name has no revision v9/));
  env.HF_TOKEN = 'hf_secret';
  await assert.rejects(ask('org/gated'), failure('refused', /HTTP 403.*with the account of your token/));
  hub.handle = (_request, response) =>
    response.writeHead(401, { 'x-error-message': 'Invalid credentials in Authorization header' }).end();
  await assert.rejects(ask('org/name'), failure('refused', /does not accept the token of HF_TOKEN/));
  hub.handle = (_request, response) => response.writeHead(200).end('a page of the proxy');
  await assert.rejects(ask('org/name'), failure('refused', /not answered by a Hugging Face hub.*HF_ENDPOINT/));
  hub.handle = (_request, response) =>
    response.writeHead(200, { 'x-repo-commit': COMMIT, etag: '"../../../x"', 'content-length': 0 }).end();
  await assert.rejects(ask('org/name'), failure('refused'), 'an ETag becomes the name of a file');
  hub.handle = (_request, response) => response.writeHead(503).end();
  hub.requests.length = 0;
  await assert.rejects(ask('org/name'), failure('interrupted', /HTTP 503.*try again later/));
  assert.equal(hub.requests.length, 4);
});

test('a renamed repository is found on the same host, with the token', async () => {
  env.HF_TOKEN = 'hf_secret';
  await fetchFile(['config.json'], {}, { repository: 'org/renamed', revision: 'main' });
  assert.deepEqual(hub.requests.slice(0, 2), [
    'HEAD /org/renamed/resolve/main/config.json token',
    'HEAD /org/name/resolve/main/config.json token',
  ]);
});

test('an endpoint may have a path, and a revision a slash', async () => {
  env.HF_ENDPOINT = `${hub.url}/mirror/`;
  await fetchFile(['config.json']);
  assert.equal(hub.requests[0], 'HEAD /mirror/org/name/resolve/main/config.json');
  hub.requests.length = 0;
  await assert.rejects(fetchFile(['config.json'], {}, { ...SOURCE, revision: 'refs/pr/1' }), failure('not-found'));
  assert.equal(hub.requests[0], 'HEAD /mirror/org/name/resolve/refs%2Fpr%2F1/config.json');
});

test('offline, what is cached is used and the rest is one sentence', async () => {
  env.HF_HUB_OFFLINE = 'yes';
  await assert.rejects(fetchFile(), failure('unreachable', /org\/name is not in .*HF_HUB_OFFLINE/));
  cacheAsPython(cache, 'org/name', { 'pytorch_model.bin': WEIGHTS });
  assert.equal((await fetchFile())?.file, 'pytorch_model.bin');
  mkdirSync(inCache('.no_exist', COMMIT), { recursive: true });
  writeFileSync(inCache('.no_exist', COMMIT, 'config.json'), '');
  assert.equal(await fetchFile(['config.json']), null, 'Python has found that the repository lacks it');
  assert.deepEqual(hub.requests, []);
});

test('if the hub cannot be reached or refuses, what is cached is used with a note', async () => {
  mkdirSync(inCache('.no_exist', COMMIT), { recursive: true });
  writeFileSync(inCache('.no_exist', COMMIT, 'config.json'), '');
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  env.HF_ENDPOINT = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
  closed.close();
  await once(closed, 'close');
  await assert.rejects(fetchFile(), failure('unreachable', /127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/));
  cacheAsPython(cache, 'org/name', { 'model.safetensors': WEIGHTS });
  assert.equal((await fetchFile())?.sha256, sha256(WEIGHTS));
  assert.match(notes.join(), /^org\/name is used from the cache, because http:\/\/127\.0\.0\.1:\d+ cannot be reached/);
  assert.equal(await fetchFile(['config.json']), null);
  cacheAsPython(cache, 'org/gated', { 'model.safetensors': WEIGHTS });
  env.HF_ENDPOINT = hub.url;
  assert.ok(await fetchFile(FILES, {}, { repository: 'org/gated', revision: 'main' }));
  assert.match(notes.at(-1)!, /org\/gated is used from the cache, because .* gated/);
});

test('a download that fails leaves the older version in use', async () => {
  cacheAsPython(cache, 'org/name', { 'model.safetensors': WEIGHTS });
  hub.handle = (request, response) => {
    const headers = { 'x-repo-commit': '3'.repeat(40), etag: '2'.repeat(64), 'content-length': WEIGHTS.length };
    response.writeHead(request.method === 'GET' ? 404 : 200, headers).end();
  };
  await assert.rejects(fetchFile(), failure('not-found'));
  env.HF_HUB_OFFLINE = '1';
  assert.equal((await fetchFile())?.commit, COMMIT);
});

test('a hub that does not answer in time is given up', async () => {
  env.HF_HUB_ETAG_TIMEOUT = '0.05';
  cacheAsPython(cache, 'org/name', { 'model.safetensors': WEIGHTS });
  hub.handle = () => {};
  assert.ok(await fetchFile());
  assert.match(notes.join(), /no answer within 0\.05 s/);
});

test('a disk without room, and a folder that cannot be written, are one sentence with the remedy', async () => {
  hub.handle = (_request, response) => {
    const linked = { 'x-linked-etag': `"${sha256(WEIGHTS)}"`, 'x-linked-size': '900000000000000' };
    response.writeHead(302, { 'x-repo-commit': COMMIT, ...linked, location: 'http://127.0.0.1:1/x' }).end();
  };
  await assert.rejects(fetchFile(), failure('disk', /has 900,000,000 MB, but .* only [\d,]+ MB left/, /HF_HUB_CACHE/));
  await assert.rejects(fetchFile(FILES, { maxBytes: 1e6 }), failure('invalid', /at most 1000000 are expected/));
  hub.handle = undefined;
  const write = mock.method(PartialFile.prototype, 'write', () => {
    throw Object.assign(new Error('write'), { code: 'ENOSPC' });
  });
  await assert.rejects(fetchFile(), failure('disk', /the disk is full.*HF_HUB_CACHE/));
  write.mock.restore();
  env.HF_HUB_CACHE = join(newFolder(), 'file');
  writeFileSync(env.HF_HUB_CACHE, '');
  await assert.rejects(fetchFile(), failure('disk', /HF_HUB_CACHE/));
});

test('a cache that cannot be written is read', { skip: process.getuid?.() === 0 && 'root may write' }, async () => {
  cacheAsPython(cache, 'org/name', { 'model.safetensors': WEIGHTS });
  rmSync(inCache('refs'), { recursive: true });
  chmodSync(inCache(), 0o555);
  assert.equal((await fetchFile())?.downloaded, false);
  chmodSync(inCache(), 0o755);
});

test('two processes download a file once', async () => {
  const program = `
    const { fetchHubFile } = await import(${JSON.stringify(new URL('./hub.js', import.meta.url).href)});
    const file = await fetchHubFile(${JSON.stringify(SOURCE)}, ['model.safetensors'], { onProgress: () => console.log('received'), onNote: console.log });
    console.log(file.downloaded);
  `;
  const start = () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, ...env } });
    child.stderr.pipe(process.stderr);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    return { child, ended: once(child, 'close').then(() => output.trim()) };
  };
  let finish = () => {};
  hub.handleStore = (_request, response) => {
    response.writeHead(200, { 'content-length': WEIGHTS.length }).write(WEIGHTS.subarray(0, 1000));
    finish = () => response.end(WEIGHTS.subarray(1000));
  };
  const first = start();
  await once(first.child.stdout, 'data');
  const second = start();
  await once(second.child.stdout, 'data');
  finish();
  assert.match(await first.ended, /true$/);
  assert.match(await second.ended, /^Waiting for another process .*\nfalse$/);
  assert.equal(hub.requests.filter((each) => each.startsWith('GET store')).length, 1);
});

test("folders, endpoint and token follow huggingface_hub's variables", () => {
  const home = join(homedir(), '.cache', 'huggingface');
  assert.equal(hubSettings({}).cache, join(home, 'hub'));
  assert.equal(hubSettings({ XDG_CACHE_HOME: '/x' }).cache, join('/x', 'huggingface', 'hub'));
  assert.equal(hubSettings({ XDG_CACHE_HOME: '/x', HF_HOME: '/h' }).cache, join('/h', 'hub'));
  assert.equal(hubSettings({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' }).cache, '/old');
  assert.equal(hubSettings({ HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/new' }).cache, '/new');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell
  assert.equal(hubSettings({ HF_HUB_CACHE: '~/$NAME/${NAME}', NAME: 'n' }).cache, `${homedir()}/n/n`);
  assert.equal(hubSettings({}).endpoint, 'https://huggingface.co');
  assert.equal(hubSettings({ HF_ENDPOINT: 'https://mirror/a/' }).endpoint, 'https://mirror/a');
  assert.throws(() => hubSettings({ HF_ENDPOINT: 'mirror' }), failure('refused', /HF_ENDPOINT must be an address/));
  assert.deepEqual(
    ['1', 'ON', 'yes', 'True', '0', 'no', ''].map((HF_HUB_OFFLINE) => hubSettings({ HF_HUB_OFFLINE }).offline),
    [true, true, true, true, false, false, false],
  );

  const HF_HOME = newFolder();
  assert.equal(hubToken({ HF_HOME }), undefined);
  writeFileSync(join(HF_HOME, 'token'), 'of-file\n');
  assert.equal(hubToken({ HF_HOME }), 'of-file');
  writeFileSync(join(HF_HOME, 'other'), 'of-path');
  assert.equal(hubToken({ HF_HOME, HF_TOKEN_PATH: join(HF_HOME, 'other') }), 'of-path');
  assert.equal(hubToken({ HF_HOME, HUGGING_FACE_HUB_TOKEN: 'older' }), 'older');
  assert.equal(hubToken({ HF_HOME, HUGGING_FACE_HUB_TOKEN: 'older', HF_TOKEN: ' newer\r\n' }), 'newer');
  assert.equal(hubToken({ HF_HOME, HF_TOKEN: 'x', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }), undefined);
  assert.throws(() => hubToken({ HF_TOKEN: 'a b' }), failure('refused', /HF_TOKEN must hold a token/));
});
