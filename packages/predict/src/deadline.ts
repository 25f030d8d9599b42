import type { Pace } from './model.js';

/** Room that estimates leave for what they cannot know: 5 %. */
const CAUTION = 1.05;

/** Weight of the newest picture in the running means. */
const NEWEST = 0.1;

/**
 * Decides how many views each picture gets, so that all get an answer before a deadline: as many of those asked for as
 * would fit if all pictures that are left got them, and none where not even one view would end in time.
 *
 * What a picture costs is measured while it runs: the time between two answers of a lane (decoding, waiting and all), and
 * the time a view takes in the model.
 */
export class ViewPlanner {
  /** Milliseconds that one view takes in the model. */
  #view: number;
  /** Milliseconds between two answers of a lane, but for the views in the model. */
  #rest = 0;

  /**
   * @param views asked for
   * @param deadline in milliseconds of the clock that `viewsFor` is told
   */
  constructor(
    private readonly views: number,
    private readonly pace: Pace,
    private readonly deadline: number,
  ) {
    this.#view = pace.trial;
  }

  /**
   * Tells what a picture has cost.
   *
   * @param between milliseconds between two answers of a lane
   * @param inModel milliseconds of them in the model
   */
  record(views: number, between: number, inModel: number): void {
    this.#view += NEWEST * (inModel / views - this.#view);
    this.#rest += NEWEST * (Math.max(0, between - inModel) - this.#rest);
  }

  /** How many views the next picture gets, of which `left` (that one among them) have no answer yet; 0 for none. */
  viewsFor(left: number, now: number): number {
    const { lanes, ahead } = this.pace;
    const time = this.deadline - now;
    // The picture waits for those that its lane has taken on before it.
    const fits = (views: number, pictures: number): boolean =>
      pictures * (this.#rest + views * this.#view) * CAUTION <= time;
    for (let views = this.views; views > 1; views--) if (fits(views, Math.max(ahead, left / lanes))) return views;
    return fits(1, ahead) ? 1 : 0;
  }
}
