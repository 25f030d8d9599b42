import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder } from './cache-folder.js';
import { hashOf, PartialFile } from './partial-file.js';
import { systemCode, WeightsError } from './weights-error.js';

/** A weights file on the web. `sha256`: its hash in hex digits, whole or the first eight or more. */
export interface WeightsSource {
  readonly url: string;
  readonly sha256: string;
}

/** Any file on the web that is known by a hash: SHA-256, or MD5 where its home gives no other. */
export type FileSource = WeightsSource | { readonly url: string; readonly md5: string };

export interface FetchOptions {
  /** Called as bytes arrive, with the count so far and the whole, where the server tells it. */
  onProgress?: (progress: { received: number; total: number | undefined }) => void;
  /** Where files are kept; `cacheFolder()` where left out. */
  cacheDir?: string;
  /** Stops the download; what has come is kept and continued the next time. */
  signal?: AbortSignal;
  /** Wait before the first new try in milliseconds; it doubles with each. */
  retryDelay?: number;
}

/** As `fetchFile`, for pretrained weights. */
export const fetchWeights = (source: WeightsSource, options?: FetchOptions): Promise<string> =>
  fetchFile(source, options);

/** Tries in a row that bring nothing new before a download is given up. */
const TRIES = 4;

/**
 * The path of a file of the web on this machine: from the cache folder, else downloaded into it. A download that broke off
 * is continued, the hash is always verified, and the file appears under its name only when it is whole, so that several
 * processes may ask at once. `EVENHAND_WEIGHTS_MIRROR`, a URL or a folder that holds the files under their own names,
 * replaces the source's address.
 *
 * Throws `WeightsError` with one sentence that names the address, what happened and what to do; an abort throws the
 * signal's reason.
 */
export async function fetchFile(source: FileSource, options: FetchOptions = {}): Promise<string> {
  const { cacheDir = cacheFolder(), signal } = options;
  const name = new URL(source.url).pathname.split('/').at(-1)!;
  const mirror = process.env.EVENHAND_WEIGHTS_MIRROR;
  if (mirror && !/^https?:\/\//.test(mirror)) return fromFolder(mirror, name, source);
  const url = mirror ? `${mirror.replace(/\/+$/, '')}/${name}` : source.url;

  const target = join(cacheDir, name);
  if (await exists(target)) {
    if (matches(await hashOf(target, algorithmOf(source)), source)) return target;
    await rm(target, { force: true });
  }
  const byHand = `download it yourself to ${target}, or set EVENHAND_WEIGHTS_MIRROR to a URL or folder that has ${name}`;
  let file: PartialFile;
  try {
    file = await PartialFile.open(target);
  } catch (error) {
    throw diskError(error, target);
  }
  let done = false;
  try {
    const continued = file.size > 0;
    await receive(url, file, options, byHand);
    let hash = await hashOf(file.path, algorithmOf(source));
    if (!matches(hash, source) && continued) {
      // the beginning may be of another version of the file
      await file.restart();
      await receive(url, file, options, byHand);
      hash = await hashOf(file.path, algorithmOf(source));
    }
    if (!matches(hash, source)) {
      await file.remove();
      done = true;
      throw new WeightsError(
        'wrong-hash',
        `${url} is not the file that was expected (${describeHash(hash, source)}) and was removed; try again, or ${byHand}.`,
      );
    }
    await file.complete();
    done = true;
    return target;
  } catch (error) {
    if (error instanceof WeightsError || signal?.aborted) throw error;
    throw diskError(error, target);
  } finally {
    if (!done) await file.leave();
  }
}

/** Appends to `file` until the server says that it is whole, over as many connections as that takes. */
async function receive(url: string, file: PartialFile, options: FetchOptions, byHand: string): Promise<void> {
  const { signal, retryDelay = 500 } = options;
  let furthest = file.size;
  for (let failures = 0; ; ) {
    let problem: string;
    let cause: unknown;
    try {
      const outcome = await receiveOnce(url, file, options, byHand);
      if (outcome === 'whole') return;
      problem = outcome;
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      cause = error.cause;
      const code = systemCode(cause) ?? (cause as Error).message;
      if (code === 'ENOTFOUND' || code === 'ECONNREFUSED') {
        throw new WeightsError('unreachable', `${url} cannot be reached (${code}); check the network, or ${byHand}.`, {
          cause,
        });
      }
      problem = `the connection broke off (${code})`;
    }
    failures = file.size > furthest ? 1 : failures + 1;
    furthest = Math.max(furthest, file.size);
    if (failures >= TRIES) {
      throw new WeightsError(
        'interrupted',
        `${url}: ${problem}, ${TRIES} times in a row, after ${file.size} bytes; try again later and the download continues there, or ${byHand}.`,
        { cause },
      );
    }
    await sleep(retryDelay * 2 ** (failures - 1), undefined, { signal });
  }
}

/** Marks what went wrong between here and the server, as opposed to on the disk. */
class ConnectionError extends Error {}

/** One request. Returns 'whole' when the file is complete, else what happened; a broken connection throws. */
async function receiveOnce(url: string, file: PartialFile, options: FetchOptions, byHand: string): Promise<string> {
  const { signal, onProgress } = options;
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (file.size > 0) headers.range = `bytes=${file.size}-`;
  const response = await fetch(url, { headers, signal: signal ?? null }).catch((error: unknown) => {
    throw signal?.aborted ? error : new ConnectionError('fetch', { cause: error });
  });
  const { status } = response;
  if (status !== 200 && status !== 206) {
    await response.body?.cancel();
    if (status === 416) {
      if (response.headers.get('content-range') === `bytes */${file.size}`) return 'whole';
      await file.restart();
      return 'the server could not continue the download';
    }
    if (status === 404 || status === 410) {
      throw new WeightsError('not-found', `${url} does not exist there (HTTP ${status}); ${byHand}.`);
    }
    if (status < 500 && status !== 408 && status !== 429) {
      throw new WeightsError('refused', `${url} was refused by the server (HTTP ${status}); ${byHand}.`);
    }
    return `the server answered HTTP ${status}`;
  }
  if (status === 200 && file.size > 0) await file.restart();
  if (status === 206 && !response.headers.get('content-range')?.startsWith(`bytes ${file.size}-`)) {
    await response.body?.cancel();
    await file.restart();
    return 'the server sent another part than was asked for';
  }
  const length = response.headers.get('content-length');
  const total = length === null ? undefined : file.size + Number(length);
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw signal?.aborted ? error : new ConnectionError('read', { cause: error });
    });
    if (done) break;
    try {
      await file.write(value);
    } catch (error) {
      await reader.cancel();
      throw error;
    }
    onProgress?.({ received: file.size, total });
  }
  return total === undefined || file.size >= total ? 'whole' : 'the connection broke off';
}

async function fromFolder(folder: string, name: string, source: FileSource): Promise<string> {
  const path = join(folder, name);
  if (!(await exists(path))) {
    throw new WeightsError(
      'not-found',
      `EVENHAND_WEIGHTS_MIRROR is the folder ${folder}, which has no ${name}; put the file from ${source.url} there.`,
    );
  }
  const hash = await hashOf(path, algorithmOf(source));
  if (matches(hash, source)) return path;
  throw new WeightsError(
    'wrong-hash',
    `${path} is not the file that was expected (${describeHash(hash, source)}); replace it by ${source.url}.`,
  );
}

function diskError(error: unknown, target: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const what = code === 'ENOSPC' ? 'the disk is full' : code;
  return new WeightsError(
    'disk',
    `${target} cannot be written (${what}); make room there, or set EVENHAND_CACHE to a folder that can hold the weights.`,
    { cause: error },
  );
}

const algorithmOf = (source: FileSource): 'sha256' | 'md5' => ('md5' in source ? 'md5' : 'sha256');

const expectedHash = (source: FileSource): string => ('md5' in source ? source.md5 : source.sha256).toLowerCase();

function matches(hash: string, source: FileSource): boolean {
  return hash.startsWith(expectedHash(source));
}

function describeHash(hash: string, source: FileSource): string {
  const expected = expectedHash(source);
  return `${'md5' in source ? 'MD5' : 'SHA-256'} ${hash.slice(0, expected.length)} instead of ${expected}`;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
