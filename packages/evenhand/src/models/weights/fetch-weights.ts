import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache-folder.js';
import { readError } from './disk-error.js';
import { downloadTo } from './download.js';
import { type FileSource, verifyHash, type WeightsSource } from './file-hash.js';
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

/**
 * Returns the local path of a file on the web: from the cache folder, or downloaded into it. An interrupted download is
 * continued, the hash is always verified, and the file gets its name only when it is complete, so that several processes
 * may download it at the same time. `EVENHAND_WEIGHTS_MIRROR`, a URL or a folder that holds the files under their own
 * names, replaces the address of the source.
 *
 * @throws WeightsError with one sentence that names the address, the cause and the remedy; the signal's reason if aborted
 */
export async function fetchFile(source: FileSource, options: FetchOptions = {}): Promise<string> {
  const { cacheDir = cacheFolder() } = options;
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
  const verifyPart = (path: string) => verifyHash(path, source);
  await downloadTo({ path: target, verify: verifyPart, variable: 'EVENHAND_CACHE' }, { url, byHand, ...options });
  return target;
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
