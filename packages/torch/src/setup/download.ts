import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './command.js';
import { startProgress } from './progress.js';

// Consecutive attempts without a new byte.
const ATTEMPTS = 4;

/**
 * Downloads `url` to `file` and verifies its SHA-256. A download that was interrupted resumes where it stopped, also in a
 * later run. A file that fails the check is deleted. Throws a SetupError.
 */
export async function download({
  url,
  file,
  sha256,
  pause = 1000,
}: {
  url: string;
  file: string;
  sha256: string;
  /** Milliseconds before the second attempt; later ones wait longer. */
  pause?: number;
}): Promise<void> {
  const part = `${file}.part`;
  await mkdir(dirname(file), { recursive: true });
  let failure = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(pause * attempt);
    const have = await size(part);
    try {
      await fetchRest(url, part, have);
    } catch (error) {
      if (error instanceof SetupError) throw error;
      const { message, cause } = error as Error;
      failure = cause instanceof Error ? cause.message : message;
      if ((await size(part)) > have) attempt = 0;
      continue;
    }
    const sum = await sha256Of(part);
    if (sum === sha256) return rename(part, file);
    await rm(part);
    // The rest of an earlier run may be of another file: only a download from the start decides.
    if (have === 0)
      throw new SetupError(`${url} has SHA-256 ${sum} instead of ${sha256}: the file was deleted and not used.`);
  }
  throw new SetupError(`${url} could not be downloaded (${failure}).`);
}

async function fetchRest(url: string, part: string, have: number): Promise<void> {
  const response = await fetch(url, have > 0 ? { headers: { range: `bytes=${have}-` } } : {});
  // 416: nothing is left to send. The checksum decides if the file is complete.
  if (response.status === 416) {
    await response.body?.cancel();
    return;
  }
  if (response.status >= 400 && response.status < 500) {
    throw new SetupError(`${url} could not be downloaded (HTTP status ${response.status}).`);
  }
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  const resumed = response.status === 206;
  const start = resumed ? have : 0;
  const total = start + Number(response.headers.get('content-length') ?? Number.NaN);
  let done = start;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      next(null, chunk);
    },
  });
  const progress = startProgress(() => `downloading: ${describeAmount(done, total)}`);
  try {
    await pipeline(response.body!, count, createWriteStream(part, { flags: resumed ? 'a' : 'w' }));
  } finally {
    progress.end();
  }
}

/** `35 % of 180 MB`; without the percentage if the server does not tell the size. */
function describeAmount(done: number, total: number): string {
  if (Number.isNaN(total)) return `${Math.round(done / 1e6)} MB`;
  return `${Math.floor((100 * done) / total)} % of ${Math.round(total / 1e6)} MB`;
}

async function size(file: string): Promise<number> {
  return stat(file).then(
    (info) => info.size,
    () => 0,
  );
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
