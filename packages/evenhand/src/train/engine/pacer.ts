import { advance, type PaceFacts } from '../schedule/budget.js';
import { relativeArea, STEP_COST } from '../schedule/cost.js';
import type { TrainingContext } from './context.js';
import type { TrainingState } from './state.js';
import { secondsBesideEpochs } from './time-budget.js';

/** Updates whose median is the present speed: a pause of the machine does not count as its speed. */
const RECENT = 15;

/** Images of a validation from which the speed of passes without gradients is taken. */
const MEASURED_IMAGES = 200;

/** Updates at the beginning of a pass that are not measured, while the first images are decoded. */
const WARM_UP = 2;

/** Keeps the full phase in a budget: its place in the schedule follows the time that is left, not the steps. */
export class Pacer {
  readonly #recent: number[] = [];
  #updatesOfPass = 0;
  #lastUpdate = 0;

  /**
   * @param context with the planned configuration
   * @param updatesPerEpoch of a whole pass over the training images
   */
  constructor(
    private readonly context: TrainingContext,
    private readonly state: TrainingState,
    private readonly updatesPerEpoch: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    const { config, data } = context;
    const record = state.position.budget!;
    const forwardRate = record.forwardRate!;
    record.pace ??= {
      position: 0,
      updates: 0,
      // Until updates have been measured.
      updateSeconds: (STEP_COST * Number(config.batchSize) * config.accumulate) / forwardRate,
      validationSeconds: data.val.length / forwardRate,
    };
  }

  /** Updates of the planned schedule that have passed, with a fraction. */
  get position(): number {
    return this.state.position.budget!.pace!.position;
  }

  /** The epoch of the planned schedule. */
  get epoch(): number {
    return Math.floor(this.position / this.updatesPerEpoch + 1e-9);
  }

  get isOver(): boolean {
    return this.position >= this.#totalUpdates;
  }

  beginPass(): void {
    this.#updatesOfPass = 0;
  }

  /** Counts an update on images of `size` pixels. */
  countUpdate(size: number): void {
    const { context, state } = this;
    const record = state.position.budget!;
    const pace = record.pace!;
    const now = this.now();
    if (this.#updatesOfPass++ >= WARM_UP) {
      this.#recent.push((now - this.#lastUpdate) / 1000 / (size / context.preset.crop) ** 2);
      if (this.#recent.length > RECENT) this.#recent.shift();
    }
    this.#lastUpdate = now;
    const updateSeconds = this.#recent.length > WARM_UP ? medianOf(this.#recent) : pace.updateSeconds;
    if (this.#recent.length === RECENT) record.updateSeconds ??= updateSeconds;
    const slower = updateSeconds / (record.updateSeconds ?? updateSeconds);
    const beside = slower * secondsBesideEpochs(context, state, record.forwardRate!);
    const secondsLeft = context.budget!.left(state.position) - beside - pace.validationSeconds;
    const facts: PaceFacts = {
      totalUpdates: this.#totalUpdates,
      updatesPerEpoch: this.updatesPerEpoch,
      updateSeconds,
      validationSeconds: pace.validationSeconds,
      area: (epoch) => relativeArea(context.config, context.preset.crop, epoch),
      mayStretch: !record.plan!.isLongest,
    };
    record.pace = { ...pace, ...advance(pace, secondsLeft, facts), updateSeconds };
  }

  /** Notes how long the validation after a pass took. */
  validationTook(validationSeconds: number): void {
    const { context, state } = this;
    const images = context.data.val.length;
    if (images >= MEASURED_IMAGES) context.budget!.noteForwardRate(state.position, images / validationSeconds);
    const record = state.position.budget!;
    record.pace = { ...record.pace!, validationSeconds };
  }

  get #totalUpdates(): number {
    return this.context.config.epochs * this.updatesPerEpoch;
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
