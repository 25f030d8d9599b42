import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInflateRaw } from 'node:zlib';
import { SetupError } from './command.mjs';
import { startProgress } from './progress.mjs';

// Consecutive attempts without a new byte.
const ATTEMPTS = 4;

/**
 * Downloads `url` to `file` and verifies its SHA-256. A download that was interrupted resumes where it stopped, also in a
 * later run. A file that fails the check is deleted. Throws a SetupError.
 */
export async function download({ url, file, sha256, pause = 1000 }) {
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
      failure = error.cause?.message ?? error.message;
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

async function fetchRest(url, part, have) {
  const response = await fetch(url, have > 0 ? { headers: { range: `bytes=${have}-` } } : {});
  // 416: nothing is left to send. The checksum decides if the file is complete.
  if (response.status === 416) return response.body?.cancel();
  if (response.status >= 400 && response.status < 500) {
    throw new SetupError(`${url} could not be downloaded (HTTP status ${response.status}).`);
  }
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  const resumed = response.status === 206;
  const start = resumed ? have : 0;
  const total = start + Number(response.headers.get('content-length') ?? Number.NaN);
  let done = start;
  const count = new Transform({
    transform(chunk, _encoding, next) {
      done += chunk.length;
      next(null, chunk);
    },
  });
  const progress = startProgress(() => `downloading: ${describeAmount(done, total)}`);
  try {
    await pipeline(response.body, count, createWriteStream(part, { flags: resumed ? 'a' : 'w' }));
  } finally {
    progress.end();
  }
}

/** `35 % of 180 MB`; without the percentage if the server does not tell the size. */
function describeAmount(done, total) {
  if (Number.isNaN(total)) return `${Math.round(done / 1e6)} MB`;
  return `${Math.floor((100 * done) / total)} % of ${Math.round(total / 1e6)} MB`;
}

async function size(file) {
  return stat(file).then(
    (info) => info.size,
    () => 0,
  );
}

async function sha256Of(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * Unpacks a zip file (stored and deflated entries, less than 4 GB) into a folder. It exists because a minimal Debian has
 * no unzip. Format: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
 */
export async function unzip(file, folder) {
  const handle = await open(file);
  try {
    for (const entry of await centralDirectory(handle)) {
      const target = join(folder, entry.name);
      if (normalize(entry.name).startsWith('..'))
        throw new SetupError(`${file} contains a path outside of its folder.`);
      if (entry.name.endsWith('/')) continue;
      await mkdir(dirname(target), { recursive: true });
      const header = await read(handle, entry.offset, 30);
      const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
      if (entry.packedSize === 0) {
        await writeFile(target, '');
        continue;
      }
      const output = createWriteStream(target);
      const packed = createReadStream(file, { start, end: start + entry.packedSize - 1 });
      await (entry.deflated ? pipeline(packed, createInflateRaw(), output) : pipeline(packed, output));
    }
  } finally {
    await handle.close();
  }
}

async function centralDirectory(handle) {
  const { size: length } = await handle.stat();
  // The end record has 22 bytes, and a comment of at most 65,535 bytes.
  const tail = await read(handle, Math.max(0, length - 65_557), Math.min(length, 65_557));
  const end = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (end < 0) throw new SetupError('The archive is not a zip file.');
  const directory = await read(handle, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const entries = [];
  for (let at = 0; at < directory.length; ) {
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
      deflated: directory.readUInt16LE(at + 10) === 8,
      packedSize: directory.readUInt32LE(at + 20),
      offset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

async function read(handle, position, length) {
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer;
}
