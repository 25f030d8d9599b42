import type { ModelSpec } from '../../models/index.js';
import { RunFolder } from '../../run/index.js';
import { type Config, DATA_FILES, type FieldName, fields, type RunConfig } from '../config/fields.js';
import { configOfRun } from '../config/resolve.js';
import { changeOnResume } from '../config/resume.js';
import type { TrainEvent } from '../events.js';
import { environmentOf } from '../setup/environment.js';
import type { Prepared } from '../setup/prepare.js';
import { readPosition } from './state.js';
import type { TimeBudget } from './time-budget.js';
import { type Phases, type SharedByFolds, type Trained, trained, trainWhatIsLeft } from './training.js';

/** A training of a cross-validation: a fold, or the one network that is made of all folds. */
export interface Part {
  /** Its run folder. */
  readonly path: string;
  readonly config: RunConfig;
  readonly spec: ModelSpec;
  readonly data: Prepared;
  /** Settings to change if it has begun. */
  readonly changes: Partial<Config>;
}

export interface PartOptions {
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal: AbortSignal | undefined;
  readonly shared: SharedByFolds;
  /** Is called unless the part has ended before. Returns its clock, null without a budget. */
  readonly begin: () => TimeBudget | null;
  readonly phases?: Phases;
}

/** Trains what is left of a part of a cross-validation, as a run of its own. */
export async function trainPart(part: Part, { begin, ...options }: PartOptions): Promise<Trained> {
  const { path, config, spec, data, changes } = part;
  const isNew = !RunFolder.isRun(path);
  const folder = isNew ? RunFolder.create(path) : RunFolder.open(path);
  const unlock = folder.lock();
  try {
    if (isNew) {
      const budget = begin();
      const start = (): void => {
        folder.writeEnvironment(environmentOf(config, data, null));
        folder.writeModel({ ...spec });
        folder.writeConfig(config);
      };
      return await trainWhatIsLeft(folder, config, spec, data, { ...options, budget, start });
    }
    folder.removeLeftovers();
    const position = readPosition(folder.last);
    const isDone = position?.phase === 'done';
    // A part that is done keeps its rates; where its data are may have changed.
    const changed = changeOnResume(configOfRun(folder), isDone ? placesOf(changes) : changes);
    if (changed.notes.length > 0) folder.writeConfig(changed.config);
    if (isDone) {
      folder.writeEpochs(position.epochs);
      return { ...trained(position, false), wasFinished: true };
    }
    return await trainWhatIsLeft(folder, changed.config, spec, data, { ...options, budget: begin() });
  } finally {
    unlock();
  }
}

const placesOf = (changes: Partial<Config>): Partial<Config> =>
  Object.fromEntries(Object.entries(changes).filter(([name]) => fields[name as FieldName].group === DATA_FILES));
