import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder } from './cache-folder.js';
import { type FileSource, verifyHash, type WeightsSource } from './file-hash.js';
import { PartialFile } from './partial-file.js';
import { systemCode, WeightsError } from './weights-error.js';

export interface FetchOptions {
  /** Called as bytes arrive, with the number of bytes so far and in total, if the server sends it. */
  onProgress?: (progress: { received: number; total: number | undefined }) => void;
  /** Folder that keeps downloaded files. Default: `cacheFolder()`. */
  cacheDir?: string;
  /** Stops the download; what has been received is kept and continued the next time. */
  signal?: AbortSignal;
  /** Delay before the first retry in milliseconds; it doubles with each retry. Default: 500. */
  retryDelay?: number;
}

/** Downloads pretrained weights; see `fetchFile`. */
export const fetchWeights = (source: WeightsSource, options?: FetchOptions): Promise<string> =>
  fetchFile(source, options);

/** A download fails after this many attempts in a row that receive nothing new. */
const TRIES = 4;

/**
 * Returns the local path of a file on the web: from the cache folder, or downloaded into it. An interrupted download is
 * continued, the hash is always verified, and the file gets its name only when it is complete, so that several processes
 * may download it at the same time. `EVENHAND_WEIGHTS_MIRROR`, a URL or a folder that holds the files under their own
 * names, replaces the address of the source.
 *
 * @throws WeightsError with one sentence that names the address, the cause and the remedy; the signal's reason if aborted
 */
export async function fetchFile(source: FileSource, options: FetchOptions = {}): Promise<string> {
  const { cacheDir = cacheFolder(), signal } = options;
  const name = new URL(source.url).pathname.split('/').at(-1)!;
  const mirror = process.env.EVENHAND_WEIGHTS_MIRROR;
  if (mirror && !/^https?:\/\//.test(mirror)) return fromFolder(mirror, name, source);
  const url = mirror ? `${mirror.replace(/\/+$/, '')}/${name}` : source.url;

  const target = join(cacheDir, name);
  if (await isRegularFile(target)) {
    if ((await verify(target, source)).matches) return target;
    await rm(target, { force: true });
  }
  const byHand = `download it yourself to ${target}, or set EVENHAND_WEIGHTS_MIRROR to a URL or folder that has ${name}`;
  let file: PartialFile;
  try {
    file = await PartialFile.open(target);
  } catch (error) {
    throw diskError(error, target);
  }
  let finished = false;
  try {
    const continued = file.size > 0;
    await receive(url, file, options, byHand);
    let { matches, difference } = await verifyHash(file.path, source);
    if (!matches && continued) {
      // the beginning may belong to another version of the file
      await file.restart();
      await receive(url, file, options, byHand);
      ({ matches, difference } = await verifyHash(file.path, source));
    }
    if (!matches) {
      await file.remove();
      finished = true;
      throw new WeightsError(
        'wrong-hash',
        `${url} is not the expected file (${difference}) and was removed; try again, or ${byHand}.`,
      );
    }
    await file.complete();
    finished = true;
    return target;
  } catch (error) {
    if (error instanceof WeightsError || signal?.aborted) throw error;
    throw diskError(error, target);
  } finally {
    // If the disk is full or gone, this fails for the reason that is being thrown already.
    if (!finished) await file.leave().catch(() => {});
  }
}

/** Appends to `file` until it is complete, over as many connections as that takes. */
async function receive(url: string, file: PartialFile, options: FetchOptions, byHand: string): Promise<void> {
  const { signal, retryDelay = 500 } = options;
  let furthest = file.size;
  for (let failures = 0; ; ) {
    let problem: string;
    let cause: unknown;
    try {
      const outcome = await receiveOnce(url, file, options, byHand);
      if (outcome === 'complete') return;
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
      problem = `the connection was interrupted (${code})`;
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

/** A failure of the network, as opposed to one of the disk. */
class ConnectionError extends Error {}

/** Sends one request. Returns 'complete' if the file is complete, else what happened; throws if the connection breaks. */
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
      if (response.headers.get('content-range') === `bytes */${file.size}`) return 'complete';
      await file.restart();
      return 'the server could not continue the download';
    }
    if (status === 404 || status === 410) {
      throw new WeightsError('not-found', `${url} does not exist (HTTP ${status}); ${byHand}.`);
    }
    if (status < 500 && status !== 408 && status !== 429) {
      throw new WeightsError('refused', `${url} was refused by the server (HTTP ${status}); ${byHand}.`);
    }
    return `the server responded with HTTP ${status}`;
  }
  if (status === 200 && file.size > 0) await file.restart();
  if (status === 206 && !response.headers.get('content-range')?.startsWith(`bytes ${file.size}-`)) {
    await response.body?.cancel();
    await file.restart();
    return 'the server sent a part that was not requested';
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
  return total === undefined || file.size >= total ? 'complete' : 'the connection was interrupted';
}

async function fromFolder(folder: string, name: string, source: FileSource): Promise<string> {
  const path = join(folder, name);
  if (!(await isRegularFile(path))) {
    throw new WeightsError(
      'not-found',
      `EVENHAND_WEIGHTS_MIRROR is the folder ${folder}, which has no ${name}; put the file from ${source.url} there.`,
    );
  }
  const { matches, difference } = await verify(path, source);
  if (matches) return path;
  throw new WeightsError(
    'wrong-hash',
    `${path} is not the expected file (${difference}); replace it with ${source.url}.`,
  );
}

/**
 * Whether there is a file at `path`.
 *
 * @throws WeightsError if there is something else: a named pipe or a device would be read for ever
 */
async function isRegularFile(path: string): Promise<boolean> {
  const stats = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
    throw readError(error, path);
  });
  if (stats === null || stats.isFile()) return stats !== null;
  const kind = stats.isDirectory() ? 'a folder' : 'a pipe, socket or device';
  throw new WeightsError('disk', `${path} must be a regular file, but it is ${kind}; move it away and try again.`);
}

function verify(path: string, source: FileSource): ReturnType<typeof verifyHash> {
  return verifyHash(path, source).catch((error: unknown) => {
    throw readError(error, path);
  });
}

const readError = (error: unknown, path: string): WeightsError =>
  new WeightsError('disk', `${path} cannot be read (${systemCode(error) ?? (error as Error).message}); check it.`, {
    cause: error,
  });

function diskError(error: unknown, target: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const [reason, remedy] = reasons[code] ?? [code, 'check the folder'];
  return new WeightsError(
    'disk',
    `${target} cannot be written (${reason}); ${remedy}, or set EVENHAND_CACHE to a folder that can hold the weights.`,
    { cause: error },
  );
}

const reasons: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'free some space there'],
  EDQUOT: ['the disk quota is used up', 'free some space there'],
  EACCES: ['permission denied', 'check the permissions of the folder'],
  EPERM: ['permission denied', 'check the permissions of the folder'],
  EROFS: ['the file system is read-only', 'choose another folder'],
  ENOTDIR: ['there is a file where a folder is needed', 'move it away'],
  EEXIST: ['there is a file where a folder is needed', 'move it away'],
};
