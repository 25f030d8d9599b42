import { existsSync } from 'node:fs';
import { mkdir, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HubRepository } from '../spec.js';
import type { Environment } from './cache-folder.js';
import { diskError, readError } from './disk-error.js';
import { downloadTo, type Verdict } from './download.js';
import { hashFile } from './file-hash.js';
import { HubCache, isCommit } from './hub-cache.js';
import { askHub, type HubAnswer, hubUrl } from './hub-question.js';
import { type HubSettings, hubSettings, hubToken } from './hub-settings.js';
import { waitForOtherDownload } from './partial-file.js';
import type { Download } from './receive.js';
import { WeightsError } from './weights-error.js';

export interface HubOptions extends Pick<Download, 'onProgress' | 'signal' | 'retryDelay'> {
  /** Told when the hub cannot be asked and a file of the cache is used, and when another process downloads the file. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Refuses larger files. Default: no limit. */
  readonly maxBytes?: number;
  /** Default: the environment of the process. */
  readonly env?: Environment;
}

/** A file of a repository on this machine. */
export interface HubFile {
  readonly path: string;
  /** Its name in the repository. */
  readonly file: string;
  readonly commit: string;
  /** Null for a small file, whose hash is that of Git. */
  readonly sha256: string | null;
  /** Whether it was downloaded just now. */
  readonly downloaded: boolean;
}

/** How often the hub is asked if it does not answer and the file is not here. */
const TRIES = 4;

/**
 * The first of `files` that a repository of the Hugging Face hub has, from the cache that is shared with Python's
 * huggingface_hub or downloaded into it; null if it has none of them. Interrupted downloads are continued and contents
 * verified: by SHA-256, small files by Git's hash. If the hub cannot be asked, what is cached is used with a note.
 *
 * @throws WeightsError with one sentence that names the repository, the cause and the remedy; the signal's reason if aborted
 */
export async function fetchHubFile(
  source: HubRepository,
  files: readonly string[],
  options: HubOptions = {},
): Promise<HubFile | null> {
  const settings = hubSettings(options.env);
  const context = { source, settings, cache: new HubCache(settings.cache, source.repository), options };
  if (settings.offline) {
    const found = await findCached(context, files);
    if (found !== undefined) return found;
    throw new WeightsError(
      'unreachable',
      `${source.repository} is not in ${settings.cache}, and HF_HUB_OFFLINE forbids downloading it; unset HF_HUB_OFFLINE, or copy the cache of another machine there.`,
    );
  }
  if (isCommit(source.revision)) {
    // A commit never changes, so nobody needs to be asked.
    const found = await findCached(context, files).catch(() => undefined);
    if (found !== undefined) return found;
  }
  for (const file of files) {
    const answer = await askOrFallBack(context, file, files);
    if ('path' in answer) return answer;
    if (answer.kind === 'file') return fetchAnswer(context, file, answer);
    if (answer.commit !== undefined) {
      await context.cache.rememberAbsence(answer.commit, file).catch(() => {});
      await context.cache.remember(source.revision, answer.commit).catch(() => {});
    }
  }
  return null;
}

/** Whether one of the files of a repository is cached, without a request. */
export function isCachedFromHub(source: HubRepository, files: readonly string[], env?: Environment): boolean {
  const cache = new HubCache(hubSettings(env).cache, source.repository);
  const commit = cache.commitOf(source.revision);
  return commit !== undefined && files.some((file) => cache.find(commit, file) !== undefined);
}

interface Context {
  readonly source: HubRepository;
  readonly settings: HubSettings;
  readonly cache: HubCache;
  readonly options: HubOptions;
}

/** The first of the files that is cached; null if the repository is known to have none; undefined if that is unknown. */
async function findCached({ source, cache }: Context, files: readonly string[]): Promise<HubFile | null | undefined> {
  const commit = cache.commitOf(source.revision);
  if (commit === undefined) return undefined;
  for (const file of files) {
    const path = cache.find(commit, file);
    if (path === undefined) continue;
    const etag = cache.etagOf(path);
    const { matches, difference } = await verify(path, etag);
    if (matches) return { path, file, commit, sha256: sha256Of(etag), downloaded: false };
    throw new WeightsError(
      'wrong-hash',
      `${path} is damaged (${difference}); remove ${cache.folder} and download it again with a network connection.`,
    );
  }
  return files.every((file) => cache.isAbsent(commit, file)) ? null : undefined;
}

/** Asks the hub about a file. If it does not answer or refuses, the first of `files` that is cached is the answer. */
async function askOrFallBack(context: Context, file: string, files: readonly string[]): Promise<HubAnswer | HubFile> {
  const { source, settings, options } = context;
  const { signal, retryDelay = 500 } = options;
  const token = hubToken(options.env);
  for (let tries = 1; ; tries++) {
    try {
      return await askHub(source, file, { settings, token, signal });
    } catch (error) {
      if (!(error instanceof WeightsError)) throw error;
      const found = error.code === 'not-found' ? undefined : await findCached(context, files);
      if (found) {
        options.onNote?.(`${source.repository} is used from the cache, because ${error.message}`);
        return found;
      }
      if (found === null) return { kind: 'absent', commit: undefined };
      if (error.code !== 'interrupted' || tries === TRIES) throw error;
    }
    await sleep(retryDelay * 2 ** (tries - 1), undefined, { signal });
  }
}

async function fetchAnswer(context: Context, file: string, answer: HubAnswer & { kind: 'file' }): Promise<HubFile> {
  const { source, settings, cache, options } = context;
  const { commit, etag, size } = answer;
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  if (size !== undefined && size > maxBytes) {
    throw new WeightsError(
      'invalid',
      `${file} of ${source.repository} has ${size} bytes, but at most ${maxBytes} are expected; choose another model.`,
    );
  }
  const result = { file, commit, sha256: sha256Of(etag) };
  const cached = cache.find(commit, file);
  if (cached !== undefined && (await verify(cached, etag)).matches) {
    // The cache may be read-only.
    await cache.remember(source.revision, commit).catch(() => {});
    return { ...result, path: cached, downloaded: false };
  }
  const blob = cache.blob(etag);
  const { symlinks } = settings;
  try {
    if (cached !== undefined) await cache.remove(cached);
    await mkdir(dirname(blob), { recursive: true });
    const onWait = () => options.onNote?.(`Waiting for another process that downloads ${file} of ${source.repository}`);
    if (!existsSync(blob)) await waitForOtherDownload(blob, onWait, options.signal);
    const downloaded = !(existsSync(blob) && (await verify(blob, etag)).matches);
    if (downloaded) await download(context, file, answer, blob);
    const path = await cache.link(etag, commit, file, { isNew: downloaded, symlinks });
    // Only now, so that after a failure the older version is still found.
    await cache.remember(source.revision, commit);
    return { ...result, path, downloaded };
  } catch (error) {
    if (error instanceof WeightsError || options.signal?.aborted) throw error;
    throw diskError(error, cache.folder, 'HF_HUB_CACHE');
  }
}

async function download(
  context: Context,
  file: string,
  answer: HubAnswer & { kind: 'file' },
  blob: string,
): Promise<void> {
  const { source, settings, options } = context;
  const { etag, size } = answer;
  if (size !== undefined) await requireRoom(settings.cache, size, `${file} of ${source.repository}`);
  const verifyPart = async (path: string): Promise<Verdict> => {
    const actual = (await stat(path)).size;
    if (size !== undefined && actual !== size) {
      return { matches: false, difference: `${actual} bytes instead of ${size}` };
    }
    return verify(path, etag);
  };
  // By its commit, so that it is the version that was asked about.
  const url = hubUrl(settings.endpoint, { ...source, revision: answer.commit }, file);
  const byHand = 'download the files of the model to a folder yourself and give that folder as the model';
  const { onProgress, signal, retryDelay } = options;
  await downloadTo(
    { path: blob, verify: verifyPart, variable: 'HF_HUB_CACHE' },
    {
      url,
      byHand,
      token: hubToken(options.env),
      onProgress: onProgress && (({ received, total }) => onProgress({ received, total: size ?? total })),
      signal,
      retryDelay,
    },
  );
}

/** The SHA-256 that an ETag of the hub is, for large files. */
const sha256Of = (etag: string | undefined): string | null =>
  etag !== undefined && /^[0-9a-f]{64}$/.test(etag) ? etag : null;

/** Compares a file with its ETag: a SHA-256, or Git's hash of small files; others say nothing about the content. */
async function verify(path: string, etag: string | undefined): Promise<Verdict> {
  const algorithm = /^[0-9a-f]{64}$/.test(etag ?? '')
    ? 'sha256'
    : /^[0-9a-f]{40}$/.test(etag ?? '')
      ? 'git'
      : undefined;
  if (algorithm === undefined) return { matches: true, difference: '' };
  const actual = await hashFile(path, algorithm).catch((error: unknown) => {
    throw readError(error, path);
  });
  const name = algorithm === 'git' ? 'SHA-1 of Git' : 'SHA-256';
  return { matches: actual === etag, difference: `${name} ${actual.slice(0, 8)} instead of ${etag?.slice(0, 8)}` };
}

/** @throws WeightsError if the disk of the cache has not enough room */
async function requireRoom(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(folder);
  const free = bavail * bsize;
  // Some file systems do not say how large they are.
  if (blocks === 0 || free >= bytes) return;
  const megabytes = (count: number) => Math.round(count / 1e6).toLocaleString('en');
  throw new WeightsError(
    'disk',
    `${what} has ${megabytes(bytes)} MB, but the disk of ${folder} has only ${megabytes(free)} MB left; free some space there, or set HF_HUB_CACHE to a folder that can hold the weights.`,
  );
}
