import { diskError } from './disk-error.js';
import { PartialFile } from './partial-file.js';
import { type Download, receive } from './receive.js';
import { WeightsError } from './weights-error.js';

/** Whether a file is the expected one, and a text that compares the two. */
export interface Verdict {
  readonly matches: boolean;
  readonly difference: string;
}

export interface Destination {
  readonly path: string;
  readonly verify: (path: string) => Promise<Verdict>;
  /** The environment variable that chooses another folder. */
  readonly variable: string;
}

/**
 * Downloads a file, or continues what an earlier attempt left, and gives it its name when it is complete and verified.
 *
 * @throws WeightsError with one sentence that names the address, the cause and the remedy; the signal's reason if aborted
 */
export async function downloadTo({ path, verify, variable }: Destination, download: Download): Promise<void> {
  let file: PartialFile;
  try {
    file = await PartialFile.open(path);
  } catch (error) {
    throw diskError(error, path, variable);
  }
  let finished = false;
  try {
    const continued = file.size > 0;
    await receive(download, file);
    let { matches, difference } = await verify(file.path);
    if (!matches && continued) {
      // the beginning may belong to another version of the file
      await file.restart();
      await receive(download, file);
      ({ matches, difference } = await verify(file.path));
    }
    if (!matches) {
      await file.remove();
      finished = true;
      const { url, byHand } = download;
      throw new WeightsError(
        'wrong-hash',
        `${url} is not the expected file (${difference}) and was removed; try again, or ${byHand}.`,
      );
    }
    await file.complete();
    finished = true;
  } catch (error) {
    if (error instanceof WeightsError || download.signal?.aborted) throw error;
    throw diskError(error, path, variable);
  } finally {
    // If the disk is full or gone, this fails for the reason that is being thrown already.
    if (!finished) await file.leave().catch(() => {});
  }
}
