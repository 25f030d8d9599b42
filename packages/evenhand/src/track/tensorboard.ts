import { appendFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { confusionImage } from './confusion-image.js';
import {
  hyperParametersEvent,
  imageEvent,
  restartEvent,
  scalarsEvent,
  sessionEndEvent,
  versionEvent,
} from './events.js';
import type { Snapshot, Status } from './snapshot.js';
import { tfRecord } from './tfrecord.js';
import { TrackError, type Tracker } from './tracker.js';

/** What was written of a run. */
interface Written {
  readonly file: string;
  points: number;
  predictionStep: number | undefined;
  status: Status;
}

const isOurs = (name: string): boolean => /^events\.out\.tfevents\.\d+\.evenhand$/.test(name);

/**
 * Writes an event file of TensorBoard into each run folder, so that `tensorboard --logdir runs` shows them by their names.
 * A run that is sent again, or resumed, gets a new file with all of it in the place of the old one.
 */
export class TensorBoard implements Tracker {
  readonly #written = new Map<string, Written>();

  async send(run: Snapshot): Promise<void> {
    // Drawn first, so that nothing waits between the writes.
    const before = this.#written.get(run.path);
    const hasNewImage = run.predictionStep !== undefined && run.predictionStep !== before?.predictionStep;
    const image = hasNewImage ? await confusionImage(run.readConfusion()) : undefined;
    try {
      const written = before ?? this.#begin(run);
      const events = run.points.slice(written.points).map((point) => scalarsEvent(point, point.scalars));
      const time = run.points.at(-1)?.time ?? run.started;
      if (image) events.push(imageEvent({ time, step: run.predictionStep! }, 'confusion matrix', image));
      if (run.status !== written.status) events.push(sessionEndEvent(time, run.status));
      append(written.file, events);
      Object.assign(written, {
        points: run.points.length,
        predictionStep: run.predictionStep,
        status: run.status,
      });
    } catch (error) {
      throw new TrackError(`${run.path}: the event file of TensorBoard cannot be written: ${(error as Error).message}`);
    }
  }

  /** A new file, whose name sorts after those of earlier ones. */
  #begin(run: Snapshot): Written {
    const old = readdirSync(run.path).filter(isOurs);
    const newest = Math.max(0, ...old.map((name) => Number(name.split('.')[3])));
    const number = Math.max(Math.floor(Date.now() / 1000), newest + 1);
    const file = join(run.path, `events.out.tfevents.${number}.evenhand`);
    append(file, [
      versionEvent(run.started),
      restartEvent(run.started),
      hyperParametersEvent(run.started, run.name, run.parameters),
    ]);
    for (const name of old) rmSync(join(run.path, name), { force: true });
    const written: Written = { file, points: 0, predictionStep: undefined, status: 'running' };
    this.#written.set(run.path, written);
    return written;
  }
}

function append(file: string, events: readonly Uint8Array[]): void {
  if (events.length > 0) appendFileSync(file, Buffer.concat(events.map(tfRecord)));
}
