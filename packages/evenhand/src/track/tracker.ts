import type { Snapshot } from './snapshot.js';

/** A place where people compare runs. */
export interface Tracker {
  /**
   * Sends what a run has and was not sent before.
   *
   * @throws TrackError if that is not possible now; what is left can be sent later
   */
  send(run: Snapshot): Promise<void>;
  /** Ends what is being sent, and refuses to send more. */
  stop?(): void;
}

/** A run that cannot be sent: one sentence for the user. */
export class TrackError extends Error {}
