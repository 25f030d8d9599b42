import { RunFolder } from '../run/index.js';
import { readSnapshots, type Snapshot } from './snapshot.js';
import type { Tracker } from './tracker.js';

const EVERY_MS = 5000;
/** How long the end of a training waits for a server. */
const LAST_MS = 15_000;

/**
 * Sends a run as its folder is now, and returns the number of epochs that it has.
 *
 * @throws RunError if there is no run or it is damaged, TrackError if it cannot be sent
 */
export async function sendRun(path: string, tracker: Tracker): Promise<number> {
  const snapshots = readSnapshots(path);
  for (const snapshot of snapshots) await tracker.send(snapshot);
  return countEpochs(snapshots);
}

const countEpochs = (snapshots: readonly Snapshot[]): number => snapshots.reduce((sum, { epochs }) => sum + epochs, 0);

/**
 * Follows the folder of a training that goes on, and sends what is new every five seconds. A tracker that fails is tried again
 * each time, and does not stop or slow the training: the first failure is told to `onProblem`, and no other.
 *
 * @returns a function that sends the rest, for which it gives the tracker 15 seconds
 */
export function followRun(path: string, tracker: Tracker, onProblem: (message: string) => void): () => Promise<void> {
  let failed = false;
  let sending: Promise<void> | undefined;
  const update = async (): Promise<void> => {
    try {
      // A training that cannot start takes its folder back.
      const snapshots = RunFolder.isRun(path) ? readSnapshots(path) : [];
      if (countEpochs(snapshots) === 0) return;
      for (const snapshot of snapshots) await tracker.send(snapshot);
    } catch (error) {
      // Whatever it is, the training is worth more.
      if (!failed) onProblem((error as Error).message);
      failed = true;
    }
  };
  const timer = setInterval(() => {
    sending ??= update().finally(() => {
      sending = undefined;
    });
  }, EVERY_MS).unref();
  return async () => {
    clearInterval(timer);
    const limit = setTimeout(() => tracker.stop?.(), LAST_MS);
    await sending;
    await update();
    clearTimeout(limit);
  };
}
