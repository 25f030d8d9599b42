import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { SetupError } from './command.js';

/**
 * Unpacks a zip file (stored and deflated entries, less than 4 GB) into a folder. It exists because a minimal Debian has
 * no unzip. Format: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
 */
export async function unzip(file: string, folder: string): Promise<void> {
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

interface Entry {
  readonly name: string;
  readonly deflated: boolean;
  readonly packedSize: number;
  readonly offset: number;
}

async function centralDirectory(handle: FileHandle): Promise<Entry[]> {
  const { size: length } = await handle.stat();
  // The end record has 22 bytes, and a comment of at most 65,535 bytes.
  const tail = await read(handle, Math.max(0, length - 65_557), Math.min(length, 65_557));
  const end = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (end < 0) throw new SetupError('The archive is not a zip file.');
  const directory = await read(handle, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const entries: Entry[] = [];
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

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer;
}
