/** How a model works through images. */
export interface Pace {
  /** Images that run at once, each in a lane of its own. */
  readonly lanes: number;
  /** Images queued per lane, the running one included, so that no lane waits for decoding. */
  readonly ahead: number;
  /** Milliseconds that one pass took in a trial run. */
  readonly trial: number;
}

/** Safety margin of the estimates: 5 %. */
const MARGIN = 1.05;

/** Weight of a new image in the running means, divided by the number of images that can finish at once. */
const NEW_WEIGHT = 0.2;

/**
 * Decides how many passes each image gets, each of one view through one network, so that all images are predicted before a
 * deadline: as many of the requested ones as would fit if all remaining images got the same number, and none if not even
 * one would finish in time.
 *
 * The cost of an image is measured during the run: the time between two predictions of a lane (decoding and waiting
 * included), and the time a pass takes in the model.
 */
export class PassPlanner {
  /** Milliseconds that one pass takes in the model. */
  #pass: number;
  /** Milliseconds between two predictions of a lane outside the model; negative if several finished at once. */
  #overhead = 0;
  #recorded = 0;

  /**
   * @param passes requested per image
   * @param deadline in milliseconds, on the clock of the `now` passed to `passesFor`
   */
  constructor(
    private readonly passes: number,
    private readonly pace: Pace,
    private readonly deadline: number,
  ) {
    this.#pass = pace.trial;
  }

  /**
   * Updates the estimates with a finished image.
   *
   * @param between milliseconds between two predictions of a lane
   * @param inModel how many of these milliseconds were spent in the model
   */
  record(passes: number, between: number, inModel: number): void {
    const { lanes, ahead } = this.pace;
    // The trial counts as one image, so its weight shrinks quickly.
    const weight = Math.max(NEW_WEIGHT / (lanes * ahead), 1 / (++this.#recorded + 1));
    this.#pass += weight * (inModel / passes - this.#pass);
    this.#overhead += weight * (between - inModel - this.#overhead);
  }

  /**
   * The number of passes for the next image; 0 if there is no time for it.
   *
   * @param remaining images without a prediction: this one, those in progress and those to come
   * @param inProgress images that were started before this one and are not finished
   */
  passesFor(remaining: number, inProgress: number, now: number): number {
    const { lanes } = this.pace;
    const time = this.deadline - now;
    const fits = (passes: number, images: number): boolean =>
      images * (Math.max(0, this.#overhead) + passes * this.#pass) * MARGIN <= time;
    // One image more than remains, because a single image can take twice as long as most.
    for (let passes = this.passes; passes > 1; passes--) {
      if (fits(passes, Math.ceil(remaining / lanes) + 1)) return passes;
    }
    // This image waits for those queued before it in its lane.
    return fits(1, Math.ceil((inProgress + 1) / lanes)) ? 1 : 0;
  }
}
