import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

let counter = 0;

/**
 * A download under way, beside its target. While a process writes it the file's name carries that process, so that two
 * of them never write one file; what is left of an earlier try is taken over by a rename, which only one can win.
 */
export class PartialFile {
  readonly path: string;
  readonly #target: string;
  readonly #file: FileHandle;
  size: number;

  private constructor(target: string, path: string, file: FileHandle, size: number) {
    this.#target = target;
    this.path = path;
    this.#file = file;
    this.size = size;
  }

  /** Continues what an earlier try left of `target`, else begins an empty file. */
  static async open(target: string): Promise<PartialFile> {
    const folder = dirname(target);
    await mkdir(folder, { recursive: true });
    const own = `${target}.${owner()}-${counter++}.part`;
    for (const name of await readdir(folder)) {
      if (name.startsWith(`${basename(target)}.`) && isAbandoned(name.slice(basename(target).length + 1))) {
        const taken = await rename(join(folder, name), own).then(
          () => true,
          () => false,
        );
        if (taken) break;
      }
    }
    const file = await open(own, 'a');
    return new PartialFile(target, own, file, (await file.stat()).size);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes);
    this.size += bytes.byteLength;
  }

  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.size = 0;
  }

  /** Moves the whole file into place. */
  async complete(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
    await rename(this.path, this.#target);
  }

  /** Leaves what has come so far for the next try. */
  async leave(): Promise<void> {
    if (this.size === 0) return this.remove();
    await this.#file.close();
    await rename(this.path, `${this.#target}.part`);
  }

  async remove(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }
}

/** Hash of a file, in lower-case hex digits. */
export async function hashOf(path: string, algorithm: 'sha256' | 'md5'): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function owner(): string {
  return `${hostname()}.${process.pid}`;
}

/** Whether nobody writes the partial file: it was left (`part`), or its process on this machine has ended. */
function isAbandoned(suffix: string): boolean {
  if (suffix === 'part') return true;
  const [, host, pid] = /^(.+)\.(\d+)-\d+\.part$/.exec(suffix) ?? [];
  if (host !== hostname() || pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
