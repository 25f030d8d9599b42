import { type Pace, PassPlanner } from './deadline.js';
import { type DecisionRule, decide, topIndices } from './decide.js';
import { describe } from './describe.js';
import { ImageError } from './image.js';
import type { ModelMetadata } from './metadata.js';
import { ModelError } from './model-error.js';
import { TTA, type Tta, type View, viewsOf } from './views.js';

/** A model's prediction for one image. K classes. */
export interface Prediction {
  /** The predicted class, chosen by the model's decision rule. */
  readonly label: string;
  /** The probability of that class, in [0, 1]. */
  readonly probability: number;
  /** The `topK` highest-ranked classes, best first; `label` is the first of them. */
  readonly top: readonly { readonly label: string; readonly probability: number }[];
  /** [K], in the order of `classes`; they sum to 1. */
  readonly probabilities: Float64Array;
  /** [K]: the mean over the views. */
  readonly logits: Float64Array;
  /** The number of views. */
  readonly views: number;
  /** The number of networks whose logits were averaged for each view: 1 unless the model is an ensemble. */
  readonly members: number;
  /** A fault of the image file that did not keep it from being read, in plain words without its name. */
  readonly warning?: string;
}

export interface PredictOptions {
  /** The views of an image whose logits are averaged; default `none`, a single view. */
  readonly tta?: Tta;
  /** The number of classes in `top`; default 5, at most all. */
  readonly topK?: number;
  /** How many networks of an ensemble to average, from the first; default all. */
  readonly members?: number;
}

export interface PredictAllOptions extends PredictOptions {
  /** The number of images; `deadline` needs it. */
  readonly count?: number;
  /**
   * When every image must be done, in milliseconds of `performance.now()`. Views are dropped if they do not fit, then
   * networks of an ensemble, and images for which there is no time at all give a `NotDone`.
   */
  readonly deadline?: number;
}

/** The outcome of an image that was not predicted because there was no time for it. */
export class NotDone {
  readonly reason = 'there was no time for it';
}

/**
 * The outcome of one image: a prediction, why the image could not be read, why the model failed on it, or that there was
 * no time.
 */
export type Outcome = Prediction | ImageError | ModelError | NotDone;

/** The result of running one image through the model. */
export interface Run {
  /** [K]: the mean over the views and members. */
  readonly logits: Float64Array;
  /** Time spent in the model. */
  readonly milliseconds: number;
  /** A fault of the image file that did not keep it from being read. */
  readonly warning?: string | undefined;
}

/** A loaded model: images in, predictions out. `Image` is the type of the images. */
export abstract class Model<Image> {
  constructor(
    /** The metadata of the model file. */
    readonly metadata: ModelMetadata,
    protected readonly pace: Pace,
    /** How messages call the model. */
    protected readonly name: string,
  ) {}

  /** [K] class names. */
  get classes(): readonly string[] {
    return this.metadata.classes;
  }

  /**
   * Runs an image through the model.
   *
   * @param members how many networks of an ensemble to average, from the first
   * @throws ImageError if the image cannot be read, ModelError if the model fails on it
   */
  protected abstract run(image: Image, views: readonly View[], members: number): Promise<Run>;

  /** Releases the model's resources. It may be called twice. */
  abstract close(): Promise<void>;

  /**
   * Predicts one image, or each image of a list.
   *
   * @throws ImageError if an image cannot be read, ModelError if the model fails on it; `predictAll` continues instead
   */
  predict(image: Image, options?: PredictOptions): Promise<Prediction>;
  predict(images: readonly Image[], options?: PredictOptions): Promise<Prediction[]>;
  async predict(images: Image | readonly Image[], options: PredictOptions = {}): Promise<Prediction | Prediction[]> {
    const list = Array.isArray(images) ? (images as readonly Image[]) : [images as Image];
    const predictions: Prediction[] = [];
    for await (const outcome of this.predictAll(list, options)) {
      if (!('label' in outcome)) throw outcome;
      predictions.push(outcome);
    }
    return Array.isArray(images) ? predictions : predictions[0]!;
  }

  /**
   * Predicts each image and yields the outcomes in the order of the images. Only a few images are taken from `images` at a
   * time, so memory does not grow with their number. A prediction depends on its image and the options alone, not on the
   * other images or the number of threads.
   */
  async *predictAll(
    images: Iterable<Image> | AsyncIterable<Image>,
    options: PredictAllOptions = {},
  ): AsyncGenerator<Outcome, void, undefined> {
    const { tta = 'none', topK = 5, count = 0, deadline } = options;
    checkOptions(options);
    const views = viewsOf(tta);
    const { lanes, ahead } = this.pace;
    const all = this.metadata.members ?? 1;
    const members = Math.min(options.members ?? all, all);
    const passes = views.length * members;
    const planner = deadline === undefined ? undefined : new PassPlanner(passes, this.pace, deadline);
    const inProgress: Promise<Outcome>[] = [];
    let started = 0;
    let finished = 0;
    let lastFinish: number | undefined;
    const predictOne = async (image: Image): Promise<Outcome> => {
      const fitting = planner?.passesFor(count - finished, started - finished, performance.now()) ?? passes;
      started++;
      try {
        if (fitting === 0) return new NotDone();
        // Another network gains more than another view, so views are dropped first.
        const numMembers = Math.min(fitting, members);
        const numViews = Math.floor(fitting / numMembers);
        const run = await this.run(image, views.slice(0, numViews), numMembers);
        const now = performance.now();
        // Images finish in all lanes, so one lane alone takes `lanes` times as long between two of its images.
        if (lastFinish !== undefined)
          planner?.record(numViews * numMembers, (now - lastFinish) * lanes, run.milliseconds);
        lastFinish = now;
        return this.#predictionOf(run, topK, numViews, numMembers);
      } catch (error) {
        if (error instanceof ImageError || error instanceof ModelError) return error;
        throw error;
      } finally {
        finished++;
      }
    };
    const timer = deadline === undefined ? undefined : new Timer(deadline);
    try {
      for await (const image of images) {
        const outcome = predictOne(image);
        // It is awaited in its turn; until then a rejection must not count as unhandled.
        outcome.catch(() => {});
        inProgress.push(outcome);
        if (inProgress.length >= lanes * ahead) yield await untilDeadline(inProgress.shift()!, timer);
      }
      while (inProgress.length > 0) yield await untilDeadline(inProgress.shift()!, timer);
    } finally {
      timer?.stop();
    }
  }

  #predictionOf({ logits, warning }: Run, topK: number, views: number, members: number): Prediction {
    const { classes, decision } = this.metadata;
    const { index, probabilities, scores } = this.#decide(logits, decision);
    const top = topIndices(scores, topK).map((k) => ({ label: classes[k]!, probability: probabilities[k]! }));
    const prediction = {
      label: classes[index]!,
      probability: probabilities[index]!,
      top,
      probabilities,
      logits,
      views,
      members,
    };
    return warning === undefined ? prediction : { ...prediction, warning };
  }

  #decide(logits: Float64Array, rule: DecisionRule): ReturnType<typeof decide> {
    try {
      return decide(logits, rule);
    } catch (error) {
      throw new ModelError(describeNotFinite(this.name, logits), { cause: error });
    }
  }
}

/** What is wrong with a model that gave logits which are not all finite. */
export function describeNotFinite(name: string, logits: ArrayLike<number>): string {
  const k = Array.from(logits).findIndex((logit) => !Number.isFinite(logit));
  return (
    `${name}: logit ${k} is ${logits[k]}, not a finite number: the file is damaged, its training diverged, or the preset ` +
    'does not belong to it; export the model again.'
  );
}

function checkOptions({ tta, topK, members, count, deadline }: PredictAllOptions): void {
  if (tta !== undefined && !TTA.includes(tta)) {
    throw new TypeError(`tta: expected ${TTA.join(', ')}, got ${describe(tta)}.`);
  }
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) {
    throw new TypeError(`topK: expected a whole number of at least 1, got ${describe(topK)}.`);
  }
  if (members !== undefined && !(Number.isInteger(members) && members >= 1)) {
    throw new TypeError(`members: expected a whole number of at least 1, got ${describe(members)}.`);
  }
  if (deadline !== undefined && !(Number.isInteger(count) && count! >= 0)) {
    const got = count === undefined ? 'undefined' : describe(count);
    throw new TypeError(`count: a deadline needs the number of images, got ${got}.`);
  }
}

/** Resolves at a time of `performance.now()`. */
class Timer {
  readonly done: Promise<void>;
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(deadline: number) {
    this.done = new Promise((resolve) => {
      // Timers in Node and browsers are limited to 31 bits.
      const wait = Math.min(Math.max(0, deadline - performance.now()), 2 ** 31 - 1);
      this.#handle = setTimeout(resolve, wait);
    });
  }

  stop(): void {
    clearTimeout(this.#handle);
  }
}

async function untilDeadline(outcome: Promise<Outcome>, timer: Timer | undefined): Promise<Outcome> {
  if (timer === undefined) return outcome;
  return Promise.race([outcome, timer.done.then(() => new NotDone())]);
}
