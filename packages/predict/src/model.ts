import { type Pace, ViewPlanner } from './deadline.js';
import { type DecisionRule, decide, topIndices } from './decide.js';
import { ImageError } from './image.js';
import type { ModelMetadata } from './metadata.js';
import { TTA, type Tta, type View, viewsOf } from './views.js';

/** What a model says of an image. K classes. */
export interface Answer {
  /** The class that the model's decision rule chooses. */
  readonly label: string;
  /** Of that class, in [0, 1]. */
  readonly probability: number;
  /** The first `topK` classes, best first; `label` is the first of them. */
  readonly top: readonly { readonly label: string; readonly probability: number }[];
  /** [K], in the order of `classes`; they sum to 1. */
  readonly probabilities: Float64Array;
  /** [K]: the mean over the views. */
  readonly logits: Float64Array;
  /** How many views it is the mean of. */
  readonly views: number;
}

export interface PredictOptions {
  /** Views whose logits are averaged; `none` where absent. */
  readonly tta?: Tta;
  /** How many classes `top` has; 5 where absent, all where there are fewer. */
  readonly topK?: number;
}

export interface PredictAllOptions extends PredictOptions {
  /** How many images there are, for `deadline`. */
  readonly count?: number;
  /**
   * When every image must have an answer, in milliseconds of `performance.now()`: views are dropped where they would
   * not fit, and images for which even one does not are answered by a `NotDone`. Needs `count`.
   */
  readonly deadline?: number;
}

/** In place of an answer: there was no time for the image. */
export class NotDone {
  readonly reason = 'there was no time for it';
}

/** Of an image: an answer, why it cannot be read, or that there was no time. */
export type Outcome = Answer | ImageError | NotDone;

/** What running an image through the model gives. */
export interface Run {
  /** [K]: the mean over the views. */
  readonly logits: Float64Array;
  /** Spent inside the model. */
  readonly milliseconds: number;
}

/** A model that is loaded: images in, answers out. `Image` is what an image may be given as. */
export abstract class Model<Image> {
  constructor(
    /** What the model file says of itself. */
    readonly metadata: ModelMetadata,
    protected readonly pace: Pace,
  ) {}

  /** [K] class names. */
  get classes(): readonly string[] {
    return this.metadata.classes;
  }

  /** Runs an image through the model. @throws ImageError where it cannot be read */
  protected abstract run(image: Image, views: readonly View[]): Promise<Run>;

  /** Frees what the model holds. Twice is fine. */
  abstract close(): Promise<void>;

  /**
   * What the model says of an image, or of each image of a list.
   *
   * @throws ImageError naming the image where it cannot be read; `predictAll` goes on instead
   */
  predict(image: Image, options?: PredictOptions): Promise<Answer>;
  predict(images: readonly Image[], options?: PredictOptions): Promise<Answer[]>;
  async predict(images: Image | readonly Image[], options: PredictOptions = {}): Promise<Answer | Answer[]> {
    const list = Array.isArray(images) ? (images as readonly Image[]) : [images as Image];
    const answers: Answer[] = [];
    for await (const outcome of this.predictAll(list, options)) {
      if (!('label' in outcome)) throw outcome;
      answers.push(outcome);
    }
    return Array.isArray(images) ? answers : answers[0]!;
  }

  /**
   * What the model says of each image, in their order. A few images are worked on at once, and no more are taken
   * from `images` than that, so that memory does not grow with their number. An answer depends on its image and the
   * options alone: not on the images beside it, nor on the number of threads.
   */
  async *predictAll(
    images: Iterable<Image> | AsyncIterable<Image>,
    options: PredictAllOptions = {},
  ): AsyncGenerator<Outcome, void, undefined> {
    const { tta = 'none', topK = 5, count = 0, deadline } = options;
    checkOptions(options);
    const views = viewsOf(tta);
    const { lanes, ahead } = this.pace;
    const planner = deadline === undefined ? undefined : new ViewPlanner(views.length, this.pace, deadline);
    const underWay: Promise<Outcome>[] = [];
    let begun = 0;
    let answered = 0;
    let before: number | undefined;
    const work = async (image: Image): Promise<Outcome> => {
      const number = planner?.viewsFor(count - answered, begun - answered, performance.now()) ?? views.length;
      begun++;
      try {
        if (number === 0) return new NotDone();
        const { logits, milliseconds } = await this.run(image, views.slice(0, number));
        const now = performance.now();
        // Answers come from all lanes: what one lane needs for one is so many times longer.
        if (before !== undefined) planner?.record(number, (now - before) * lanes, milliseconds);
        before = now;
        return answerOf(logits, this.metadata.classes, this.metadata.decision, topK, number);
      } catch (error) {
        if (error instanceof ImageError) return error;
        throw error;
      } finally {
        answered++;
      }
    };
    const patience = deadline === undefined ? undefined : new Timer(deadline);
    try {
      for await (const image of images) {
        const outcome = work(image);
        // It is looked at in its turn; until then its failure is not unhandled.
        outcome.catch(() => {});
        underWay.push(outcome);
        if (underWay.length >= lanes * ahead) yield await inTime(underWay.shift()!, patience);
      }
      while (underWay.length > 0) yield await inTime(underWay.shift()!, patience);
    } finally {
      patience?.stop();
    }
  }
}

function checkOptions({ tta, topK, count, deadline }: PredictAllOptions): void {
  if (tta !== undefined && !TTA.includes(tta)) {
    throw new TypeError(`tta: expected ${TTA.join(', ')}, got ${JSON.stringify(tta)}.`);
  }
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) {
    throw new TypeError(`topK: expected a whole number of at least 1, got ${topK}.`);
  }
  if (deadline !== undefined && !(Number.isInteger(count) && count! >= 0)) {
    throw new TypeError(`count: a deadline needs the number of images, got ${count}.`);
  }
}

function answerOf(
  logits: Float64Array,
  classes: readonly string[],
  rule: DecisionRule,
  topK: number,
  views: number,
): Answer {
  const { index, probabilities, scores } = decide(logits, rule);
  const top = topIndices(scores, topK).map((k) => ({ label: classes[k]!, probability: probabilities[k]! }));
  return { label: classes[index]!, probability: probabilities[index]!, top, probabilities, logits, views };
}

/** Rings at a moment of `performance.now()`. */
class Timer {
  readonly rung: Promise<void>;
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(deadline: number) {
    this.rung = new Promise((resolve) => {
      // A timer of Node or a browser holds 31 bits.
      const wait = Math.min(Math.max(0, deadline - performance.now()), 2 ** 31 - 1);
      this.#handle = setTimeout(resolve, wait);
    });
  }

  stop(): void {
    clearTimeout(this.#handle);
  }
}

async function inTime(outcome: Promise<Outcome>, timer: Timer | undefined): Promise<Outcome> {
  if (timer === undefined) return outcome;
  return Promise.race([outcome, timer.rung.then(() => new NotDone())]);
}
