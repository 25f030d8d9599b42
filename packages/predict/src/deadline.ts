import type { Pace } from './model.js';

/** Room that estimates leave for what they cannot know: 5 %. */
const CAUTION = 1.05;

/** Weight of the newest images in the running means, shared by as many as may end at once. */
const NEWEST = 0.2;

/**
 * Decides how many views each image gets, so that all get an answer before a deadline: as many of those asked for as
 * would fit if all images that are left got them, and none where not even one view would end in time.
 *
 * What an image costs is measured while it runs: the time between two answers of a lane (decoding, waiting and all), and
 * the time a view takes in the model.
 */
export class ViewPlanner {
  /** Milliseconds that one view takes in the model. */
  #view: number;
  /** Milliseconds between two answers of a lane, but for the views in the model; below 0 where some ended at once. */
  #rest = 0;
  #recorded = 0;

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
   * Tells what an image has cost.
   *
   * @param between milliseconds between two answers of a lane
   * @param inModel milliseconds of them in the model
   */
  record(views: number, between: number, inModel: number): void {
    const { lanes, ahead } = this.pace;
    // The trial counts as one image, so that it is soon forgotten.
    const weight = Math.max(NEWEST / (lanes * ahead), 1 / (++this.#recorded + 1));
    this.#view += weight * (inModel / views - this.#view);
    this.#rest += weight * (between - inModel - this.#rest);
  }

  /**
   * How many views the next image gets; 0 for none.
   *
   * @param left images without an answer: this one, those that are under way and those to come
   * @param underWay of them those that were begun before this one
   */
  viewsFor(left: number, underWay: number, now: number): number {
    const { lanes } = this.pace;
    const time = this.deadline - now;
    const fits = (views: number, images: number): boolean =>
      images * (Math.max(0, this.#rest) + views * this.#view) * CAUTION <= time;
    // Room for one more image, as one may take twice as long as most.
    for (let views = this.views; views > 1; views--) if (fits(views, Math.ceil(left / lanes) + 1)) return views;
    // It waits for those that its lane has taken on before it.
    return fits(1, Math.ceil((underWay + 1) / lanes)) ? 1 : 0;
  }
}
