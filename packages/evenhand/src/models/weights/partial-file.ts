import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

let counter = 0;

/** The end of the name of a file that a process writes. */
const PART = /^(.+)\.(\d+)-\d+\.part$/;

/**
 * An unfinished download, beside its target. While a process writes it, its name contains that process, so that two
 * processes never write the same file. What an earlier attempt left is taken over by a rename, which only one can win.
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

  /** Continues what an earlier attempt left of `target`, or starts an empty file. */
  static async open(target: string): Promise<PartialFile> {
    const folder = dirname(target);
    await mkdir(folder, { recursive: true });
    const path = `${target}.${hostname()}.${process.pid}-${counter++}.part`;
    const prefix = `${basename(target)}.`;
    for (const name of await readdir(folder)) {
      if (!name.startsWith(prefix) || !isAbandoned(name.slice(prefix.length))) continue;
      if (await takeOver(join(folder, name), path)) break;
    }
    const file = await open(path, 'a');
    return new PartialFile(target, path, file, (await file.stat()).size);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes);
    this.size += bytes.byteLength;
  }

  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.size = 0;
  }

  /** Moves the complete file to its target. */
  async complete(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
    await rename(this.path, this.#target);
  }

  /** Keeps what has been received so far for the next attempt. */
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

/** Renames a file, unless another process was faster or it is not a regular file, which must not be opened. */
async function takeOver(from: string, to: string): Promise<boolean> {
  try {
    if (!(await lstat(from)).isFile()) return false;
    await rename(from, to);
    return true;
  } catch {
    return false;
  }
}

/** Whether no process writes the partial file: it was left (`part`), or its process on this machine has ended. */
function isAbandoned(suffix: string): boolean {
  if (suffix === 'part') return true;
  const [, host, pid] = PART.exec(suffix) ?? [];
  if (host !== hostname() || pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/**
 * Waits while another process of this machine receives `target`, so that it is downloaded once. `onWait` is called once if
 * there is such a process.
 */
export async function waitForOtherDownload(target: string, onWait: () => void, signal?: AbortSignal): Promise<void> {
  const prefix = `${basename(target)}.`;
  for (let isFirst = true; ; isFirst = false) {
    const names = await readdir(dirname(target)).catch(() => []);
    const written = names.filter((name) => name.startsWith(prefix) && isWrittenByOther(name.slice(prefix.length)));
    const ages = await Promise.all(
      written.map(
        async (name) => Date.now() - (await stat(join(dirname(target), name)).catch(() => ({ mtimeMs: 0 }))).mtimeMs,
      ),
    );
    // One that receives nothing has no claim.
    if (!ages.some((age) => age < STALLED)) return;
    if (isFirst) onWait();
    await sleep(200, undefined, { signal });
  }
}

/** Milliseconds without a new byte after which a download is not waited for. */
const STALLED = 15_000;

function isWrittenByOther(suffix: string): boolean {
  const [, host, pid] = PART.exec(suffix) ?? [];
  return host === hostname() && Number(pid) !== process.pid && !isAbandoned(suffix);
}
