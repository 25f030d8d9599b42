import { constants, type FileHandle, open } from 'node:fs/promises';

/** Bytes and lines of the end of a log that are shown at first. */
const MAX_BYTES = 65_536;
const MAX_LINES = 300;

/** The last lines of a log; empty if there is none. */
export async function readLogEnd(path: string): Promise<string[]> {
  return (await new LogReader(path).next())?.lines ?? [];
}

/** Reads what was added to a log since it was last read. */
export class LogReader {
  #place: number | undefined;
  #rest = '';

  constructor(private readonly path: string) {}

  /** Further whole lines; `all` if they replace those before, as at first. Undefined if there are none. */
  async next(): Promise<{ lines: string[]; all: boolean } | undefined> {
    let file: FileHandle | undefined;
    try {
      // A named pipe is not waited for.
      file = await open(this.path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      const stats = await file.stat();
      if (!stats.isFile()) return undefined;
      const all = this.#place === undefined || stats.size < this.#place;
      const from = all ? Math.max(0, stats.size - MAX_BYTES) : Math.max(this.#place!, stats.size - MAX_BYTES);
      if (!all && stats.size === this.#place) return undefined;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(stats.size - from), 0, stats.size - from, from);
      this.#place = from + bytesRead;
      const text = (all ? '' : this.#rest) + buffer.toString('utf8', 0, bytesRead);
      const lines = text.split('\n');
      this.#rest = lines.pop()!;
      // The first line may have lost its beginning.
      if (all && from > 0) lines.shift();
      return lines.length > 0 || all ? { lines: lines.slice(-MAX_LINES), all } : undefined;
    } catch {
      return undefined;
    } finally {
      await file?.close();
    }
  }
}
