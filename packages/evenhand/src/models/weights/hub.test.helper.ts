// A server that answers as the Hugging Face hub does, and the cache of Python's huggingface_hub.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import type { WeightsError } from './weights-error.js';

export const COMMIT = '1'.repeat(40);
export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
/** Git's hash of a file with this content, as `git hash-object` prints it. */
export const gitHash = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** Files of at least this size are stored elsewhere, as those in Git LFS. */
export const LARGE = 1000;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface FakeHub {
  readonly url: string;
  /** `METHOD path` of the requests, with ` token` if there was one, and ` range` if they continue. */
  readonly requests: string[];
  /** Files by name, of every repository but `org/missing`, `org/gated` and `org/private`. */
  files: Record<string, Buffer>;
  /** Answers instead of the server, if set. */
  handle: Handler | undefined;
  /** Answers instead of the host that stores large files. */
  handleStore: Handler | undefined;
}

/** Starts a hub and the host of its large files. */
export async function startHub(): Promise<FakeHub> {
  const hub: FakeHub & { url: string } = {
    url: '',
    requests: [],
    files: {},
    handle: undefined,
    handleStore: undefined,
  };
  const record = (request: IncomingMessage, prefix: string) => {
    const { method, url, headers } = request;
    const marks = `${headers.authorization ? ' token' : ''}${headers.range ? ' range' : ''}`;
    hub.requests.push(`${method} ${prefix}${url}${marks}`);
  };
  const storeAddress = await listen((request, response) => {
    record(request, 'store');
    if (hub.handleStore) return hub.handleStore(request, response);
    send(request, response, hub.files[decodeURIComponent(request.url!.slice(1))]!);
  });
  // By another name, as another port alone is the same host to Python's huggingface_hub.
  const store = storeAddress.replace('127.0.0.1', 'localhost');
  hub.url = await listen((request, response) => {
    record(request, '');
    if (hub.handle) return hub.handle(request, response);
    const [, repository = '', revision, file = ''] =
      /^(?:\/mirror)?\/(\w[\w.-]*\/\w[\w.-]*)\/resolve\/([^/]+)\/(.+)$/.exec(request.url!) ?? [];
    const refuse = (status: number, code: string, headers = {}) =>
      response.writeHead(status, { 'x-error-code': code, ...headers }).end();
    if (repository === 'org/missing') return refuse(401, 'RepoNotFound');
    if (repository === 'org/gated') return refuse(request.headers.authorization ? 403 : 401, 'GatedRepo');
    if (repository === 'org/renamed') {
      return response.writeHead(307, { location: request.url!.replace('renamed', 'name') }).end();
    }
    if (revision !== 'main' && revision !== COMMIT) return refuse(404, 'RevisionNotFound');
    const bytes = hub.files[file];
    const commit = { 'x-repo-commit': COMMIT };
    if (bytes === undefined) return refuse(404, 'EntryNotFound', commit);
    if (bytes.length < LARGE) return send(request, response, bytes, { ...commit, etag: `W/"${gitHash(bytes)}"` });
    const linked = { 'x-linked-etag': `"${sha256(bytes)}"`, 'x-linked-size': bytes.length };
    response.writeHead(302, { ...commit, ...linked, etag: '"other"', location: `${store}/${file}` }).end();
  });
  return hub;
}

/** Sends a file, or the part that a Range header asks for. */
export function send(request: IncomingMessage, response: ServerResponse, bytes: Buffer, headers = {}): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from, ...range, ...headers });
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from));
}

async function listen(handler: Handler): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A new folder, which is removed when the tests end. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-hub-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files into a cache as Python's huggingface_hub does. */
export function cacheAsPython(cache: string, repository: string, files: Readonly<Record<string, Buffer>>): void {
  const folder = join(cache, `models--${repository.replace('/', '--')}`);
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  write(join(folder, 'refs', 'main'), COMMIT);
  mkdirSync(join(folder, 'snapshots', COMMIT), { recursive: true });
  for (const [file, bytes] of Object.entries(files)) {
    const etag = bytes.length < LARGE ? gitHash(bytes) : sha256(bytes);
    write(join(folder, 'blobs', etag), bytes);
    symlinkSync(join('..', '..', 'blobs', etag), join(folder, 'snapshots', COMMIT, file));
  }
}

/** Checks that an error is a WeightsError of this code, in one line that matches every text. */
export function failure(code: WeightsError['code'], ...texts: RegExp[]): (error: WeightsError) => boolean {
  return (error) => {
    assert.equal(error.name, 'WeightsError', error.stack);
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(error.message, /\n/);
    for (const text of texts) assert.match(error.message, text);
    return true;
  };
}
