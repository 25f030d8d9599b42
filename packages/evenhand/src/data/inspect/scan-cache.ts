import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { ImageHeader } from '@evenhand/predict';
import sharp from 'sharp';
import { writeFileAtomic } from '../../write-file-atomic.js';
import { makeFolder } from '../make-folder.js';
import { Turns } from '../turns.js';
import type { ImageFacts } from './scan.js';

/** To be increased whenever a scan finds other facts in the same file. */
const VERSION = 1;
const DECODER = JSON.stringify([VERSION, process.arch, sharp.versions]);

/** Facts that wait to be written. An interrupted scan loses no more. */
const MOST_WAITING = 1000;

/**
 * How long a file must have been unchanged, in nanoseconds, before its facts are kept: the times of some file systems have
 * steps of two seconds, so that a change within them would not be seen.
 */
const LEAST_AGE = 3_000_000_000n;

/** The state of a file. The time of its last change cannot be set, so another content has another state. */
type State = Readonly<Record<'size' | 'ino' | 'mtimeNs' | 'ctimeNs', bigint>>;

const BLOCK_HEADER = 36;
const FIXED_BYTES = 8 * 4 + 4 * 4 + 32 + 192;

/**
 * Facts of images on disk, by path and state of the file, so that later scans open only new and changed files. There is a
 * file for each folder of images. Facts are appended in blocks with a SHA-256; what follows a damaged block is ignored, and
 * the file is written anew. Commands that run at once may lose facts, which are then found again.
 */
export class ScanCache {
  readonly #folder: string;
  readonly #opened = new Map<string, Promise<CachedFolder>>();
  readonly #turns = new Turns();
  #waiting = 0;

  /** @param folder is made if it does not exist; where it cannot be written, nothing is kept */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The facts of a file that is in the given state; undefined if they are not known. */
  async get(file: string, state: State): Promise<ImageFacts | undefined> {
    const entry = (await this.#open(path.dirname(file))).entries.get(path.basename(file));
    return entry === undefined ? undefined : readFacts(entry, file, state);
  }

  /** @param state before the file was read */
  async set(facts: ImageFacts, state: State): Promise<void> {
    const lastChange = state.mtimeNs > state.ctimeNs ? state.mtimeNs : state.ctimeNs;
    if (BigInt(Date.now()) * 1_000_000n - lastChange < LEAST_AGE) return;
    const { entries, waiting } = await this.#open(path.dirname(facts.file));
    const [name, entry] = [path.basename(facts.file), entryOf(facts, state)];
    entries.set(name, entry);
    waiting.set(name, entry);
    if (++this.#waiting >= MOST_WAITING) await this.save();
  }

  /** Writes what waits. A full disk or a folder without permission is no error: the facts are found again. */
  async save(): Promise<void> {
    this.#waiting = 0;
    for (const opened of this.#opened.values()) {
      const cached = await opened;
      if (cached.waiting.size === 0) continue;
      const isAnew = cached.isDamaged || cached.outdated > cached.entries.size;
      const bytes = Buffer.concat([...inBlocks(isAnew ? cached.entries : cached.waiting)]);
      cached.waiting.clear();
      if (isAnew) [cached.isDamaged, cached.outdated] = [false, 0];
      try {
        makeFolder(this.#folder);
        if (isAnew) writeFileAtomic(cached.file, bytes);
        else await appendFile(cached.file, bytes);
      } catch {
        // See above.
      }
    }
  }

  #open(directory: string): Promise<CachedFolder> {
    let opened = this.#opened.get(directory);
    if (opened === undefined) {
      const name = createHash('sha256')
        .update(`${DECODER}\0${path.resolve(directory)}`)
        .digest('hex');
      opened = readFolder(path.join(this.#folder, `${name}.scan`), this.#turns);
      this.#opened.set(directory, opened);
    }
    return opened;
  }
}

/** Deletes what a `ScanCache` has kept in a folder, and the folder if nothing else is in it. */
export async function clearScanCache(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (/^[0-9a-f]{64}\.scan$/.test(name)) await rm(path.join(folder, name), { force: true });
  await rmdir(folder).catch(() => {});
}

interface CachedFolder {
  readonly file: string;
  /** By the name of the image. */
  readonly entries: Map<string, Buffer>;
  readonly waiting: Map<string, Buffer>;
  isDamaged: boolean;
  /** How many entries of the file later ones replace. */
  outdated: number;
}

async function readFolder(file: string, turns: Turns): Promise<CachedFolder> {
  const folder: CachedFolder = { file, entries: new Map(), waiting: new Map(), isDamaged: false, outdated: 0 };
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  let at = 0;
  while (at < bytes.length) {
    const begin = at + BLOCK_HEADER;
    const end = begin <= bytes.length ? begin + bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    const block = bytes.subarray(begin, end);
    if (end > bytes.length || !digest(block).equals(bytes.subarray(at + 4, begin))) {
      folder.isDamaged = true;
      break;
    }
    for (let next = 0; next < block.length; ) {
      const nameEnd = next + 2 + block.readUInt16LE(next);
      const name = block.toString('utf8', next + 2, nameEnd);
      const entryEnd = nameEnd + FIXED_BYTES + block[nameEnd + FIXED_BYTES]! + 1;
      if (folder.entries.has(name)) folder.outdated++;
      folder.entries.set(name, block.subarray(nameEnd, entryEnd));
      next = entryEnd;
    }
    at = end;
    if (turns.due) await turns.next();
  }
  return folder;
}

function* inBlocks(entries: ReadonlyMap<string, Buffer>): Generator<Buffer> {
  let parts: Buffer[] = [];
  const block = (): Buffer => {
    const content = Buffer.concat(parts);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(content.length);
    parts = [];
    return Buffer.concat([length, digest(content), content]);
  };
  for (const [name, entry] of entries) {
    const text = Buffer.from(name);
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    parts.push(length, text, entry);
    if (parts.length >= 3 * MOST_WAITING) yield block();
  }
  if (parts.length > 0) yield block();
}

const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** State, size in pixels and hash, SHA-256, miniature, and format and mode as JSON after its length. */
function entryOf({ width, height, hash, sha256, miniature, format, mode }: ImageFacts, state: State): Buffer {
  const text = Buffer.from(JSON.stringify({ format, mode }));
  const entry = Buffer.alloc(FIXED_BYTES + 1 + text.length);
  let at = writeState(entry, state);
  for (const value of [width, height, ...hash]) at = entry.writeUInt32LE(value, at);
  at += entry.write(sha256, at, 'hex');
  entry.set(miniature, at);
  entry[FIXED_BYTES] = text.length;
  entry.set(text, FIXED_BYTES + 1);
  return entry;
}

function writeState(entry: Buffer, { size, ino, mtimeNs, ctimeNs }: State): number {
  let at = 0;
  for (const value of [size, ino, mtimeNs, ctimeNs]) at = entry.writeBigInt64LE(BigInt.asIntN(64, value), at);
  return at;
}

function readFacts(entry: Buffer, file: string, state: State): ImageFacts | undefined {
  const expected = Buffer.alloc(32);
  writeState(expected, state);
  if (!expected.equals(entry.subarray(0, 32))) return undefined;
  const word = (i: number): number => entry.readUInt32LE(32 + 4 * i);
  const header = JSON.parse(entry.toString('utf8', FIXED_BYTES + 1)) as Pick<ImageHeader, 'format' | 'mode'>;
  return {
    file,
    bytes: Number(state.size),
    sha256: entry.toString('hex', 48, 80),
    ...header,
    width: word(0),
    height: word(1),
    hash: [word(2), word(3)],
    miniature: new Uint8Array(entry.buffer, entry.byteOffset + 80, 192),
  };
}
