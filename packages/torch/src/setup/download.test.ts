import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { SetupError } from './command.js';
import { download } from './download.js';
import { unzip } from './unzip.js';

const CONTENT = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7) % 251));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

// Written by Python's zipfile: a folder, a stored file, a deflated file and an empty one.
const ZIP = Buffer.from(
  'UEsDBBQAAAAAAAAAIQAAAAAAAAAAAAAAAAAJAAAAbGlidG9yY2gvUEsDBBQAAAAAAAAAIQCzJE6WCAAAAAgAAAATAAAAbGlidG9yY2gvc3RvcmVk' +
    'LnR4dGFzIGl0IGlzUEsDBBQAAAAIAAAAIQCGVEGmDAAAACwBAAAZAAAAbGlidG9yY2gvbGliL2RlZmxhdGVkLnR4dEtMT8zMU0gcJYkgAVBLAwQU' +
    'AAAAAAAAACEAAAAAAAAAAAAAAAAADgAAAGxpYnRvcmNoL2VtcHR5UEsBAhQDFAAAAAAAAAAhAAAAAAAAAAAAAAAAAAkAAAAAAAAAAAAAAIABAAAA' +
    'AGxpYnRvcmNoL1BLAQIUAxQAAAAAAAAAIQCzJE6WCAAAAAgAAAATAAAAAAAAAAAAAACAAScAAABsaWJ0b3JjaC9zdG9yZWQudHh0UEsBAhQDFAAA' +
    'AAgAAAAhAIZUQaYMAAAALAEAABkAAAAAAAAAAAAAAIABYAAAAGxpYnRvcmNoL2xpYi9kZWZsYXRlZC50eHRQSwECFAMUAAAAAAAAACEAAAAAAAAA' +
    'AAAAAAAADgAAAAAAAAAAAAAAgAGjAAAAbGlidG9yY2gvZW1wdHlQSwUGAAAAAAQABAD7AAAAzwAAAAAA',
  'base64',
);

let server: Server;
let origin: string;
let requests: string[];
let folder: string;
let file: string;

// Serves /file with range requests and /no-ranges without. Both break the first connection after 20,000 bytes.
function respond(request: IncomingMessage, response: ServerResponse): void {
  requests.push(request.headers.range ?? 'all');
  if (request.url === '/absent') {
    response.writeHead(404).end();
    return;
  }
  const range = request.url !== '/file' ? null : /bytes=(\d+)-/.exec(request.headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  if (start >= CONTENT.length) {
    response.writeHead(416).end();
    return;
  }
  response.writeHead(range ? 206 : 200, { 'content-length': CONTENT.length - start });
  if (requests.length > 1) {
    response.end(CONTENT.subarray(start));
    return;
  }
  response.write(CONTENT.subarray(start, start + 20_000));
  const part = `${file}.part`;
  const wait = setInterval(() => {
    if (!existsSync(part) || statSync(part).size < 20_000) return;
    clearInterval(wait);
    response.destroy();
  }, 5);
}

before(async () => {
  server = createServer(respond);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
});
beforeEach(() => {
  requests = [];
  folder = mkdtempSync(join(tmpdir(), 'evenhand-'));
  file = join(folder, 'file.zip');
});
afterEach(() => rmSync(folder, { recursive: true }));

function fetched(path: string, sha256 = SHA256): Promise<void> {
  return download({ url: `${origin}${path}`, file, sha256, pause: 1 });
}

test('a broken connection resumes where it stopped', async () => {
  await fetched('/file');
  assert.deepEqual(readFileSync(file), CONTENT);
  assert.deepEqual(requests, ['all', 'bytes=20000-']);
});

test('a server without range requests is read again from the start', async () => {
  await fetched('/no-ranges');
  assert.deepEqual(readFileSync(file), CONTENT);
});

test('a complete file of an earlier run is not downloaded again', async () => {
  writeFileSync(`${file}.part`, CONTENT);
  await fetched('/file');
  assert.deepEqual(requests, [`bytes=${CONTENT.length}-`]);
  assert.deepEqual(readFileSync(file), CONTENT);
});

test('the rest of another file from an earlier run is discarded', async () => {
  writeFileSync(`${file}.part`, 'something else');
  await fetched('/file');
  assert.deepEqual(readFileSync(file), CONTENT);
});

test('a file with a wrong checksum is rejected and deleted', async () => {
  await assert.rejects(fetched('/file', '0'.repeat(64)), (error) => {
    assert.ok(error instanceof SetupError);
    assert.match(error.message, new RegExp(`${SHA256} instead of 0{64}`));
    return true;
  });
  assert.ok(!existsSync(file) && !existsSync(`${file}.part`));
});

test('a missing file fails at once', async () => {
  await assert.rejects(fetched('/absent'), /HTTP status 404/);
  assert.equal(requests.length, 1);
});

test('a server that does not respond is an error that gives the reason', async () => {
  const url = 'http://127.0.0.1:1/file';
  await assert.rejects(download({ url, file, sha256: SHA256, pause: 1 }), /could not be downloaded \(.+\)/);
});

test('unzip writes stored, deflated and empty files', async () => {
  writeFileSync(file, ZIP);
  await unzip(file, folder);
  assert.equal(readFileSync(join(folder, 'libtorch/stored.txt'), 'utf8'), 'as it is');
  assert.equal(readFileSync(join(folder, 'libtorch/lib/deflated.txt'), 'utf8'), 'again '.repeat(50));
  assert.equal(readFileSync(join(folder, 'libtorch/empty'), 'utf8'), '');
});

test('unzip rejects a file that is not a zip', async () => {
  writeFileSync(file, 'not a zip file');
  await assert.rejects(unzip(file, folder), /not a zip file/);
});
