import { existsSync } from 'node:fs';
import type { boardPages } from '../report/index.js';
import { RunFolder } from '../run/index.js';
import type { PredictionCache } from './predictions.js';

/** Bytes of thumbnails that are kept. */
const MAX_BYTES = 64e6;

/** Shown for an image that is not where the run found it. */
export const PLACEHOLDER =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" fill="none" stroke="#888" stroke-opacity=".6"><rect x="12" y="15" width="24" height="18" rx="2"/><path d="M12 30l7-7 6 6 4-4 7 7"/><circle cx="29.5" cy="20.5" r="2"/></svg>';

/** Thumbnails of validation images, made when they are asked for. */
export class ImageCache {
  readonly #kept = new Map<string, Uint8Array>();
  #bytes = 0;

  /** @param data where the data of runs are whose own folder is not there */
  constructor(
    private readonly predictions: PredictionCache,
    private readonly data: string | undefined,
  ) {}

  /** WebP of the image at a place of a run's predictions; undefined if there is none. */
  async thumbnail(
    path: string,
    place: number,
    { makeThumbnail }: Pick<Awaited<ReturnType<typeof boardPages>>, 'makeThumbnail'>,
  ): Promise<Uint8Array | undefined> {
    const run = RunFolder.open(path);
    const file = this.predictions.read(run)?.files[place];
    if (file === undefined) return undefined;
    const recorded = run.readEnvironment().dataset.path;
    const root = this.data !== undefined && !existsSync(recorded) ? this.data : recorded;
    const key = JSON.stringify([root, file]);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const made = await makeThumbnail(root, file, { size: 176, quality: 62 });
    if (made !== undefined) this.#keep(key, made);
    return made;
  }

  #keep(key: string, image: Uint8Array): void {
    this.#kept.set(key, image);
    this.#bytes += image.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#kept.delete(oldest);
      this.#bytes -= length;
    }
  }
}
