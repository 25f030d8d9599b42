import { manualSeed, nn } from '@evenhand/torch';
import { type EpochMetrics, RunFolder } from '../../run/index.js';
import { ConfigError } from '../config/field.js';
import type { Config } from '../config/fields.js';
import { configOfRun } from '../config/resolve.js';
import type { TrainEvent } from '../events.js';
import { buildModel, chooseDevice, chooseThreads, loadBackbone } from '../setup/backend.js';
import { environmentOf } from '../setup/environment.js';
import { type Prepared, prepareData } from '../setup/prepare.js';
import { loadCheckpoint, restoredLabels, saveCheckpoint } from './checkpoint.js';
import { fullPhase } from './full-phase.js';
import { headPhase } from './head-phase.js';
import { judgeLabels } from './label-noise.js';
import { AS_GIVEN, evaluationLoader, type Position, type Session } from './session.js';

export interface ResumeOptions {
  /** The run folder. */
  readonly run: string;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Finishes the step at hand, saves, and ends with `interrupted: true`. */
  readonly signal?: AbortSignal;
}

export interface TrainOptions extends ResumeOptions {
  /** Complete, as `resolveConfig` gives it; `config.data` says where the data is. */
  readonly config: Config;
}

export interface TrainResult {
  readonly run: string;
  readonly epochs: readonly EpochMetrics[];
  /** The epoch whose weights are in best.safetensors; absent where none had ended. */
  readonly best?: EpochMetrics;
  readonly interrupted: boolean;
  /** Whether `patience` ended it before the last epoch. */
  readonly stoppedEarly: boolean;
}

/**
 * Trains a classifier and leaves a run folder at `run`.
 *
 * @throws ConfigError, DataError, ImageError, RunError, WeightsError, WeightsFileError and TrainingError,
 * each with one sentence for the user; what was written before stays
 */
export async function trainRun(options: TrainOptions): Promise<TrainResult> {
  const { config } = options;
  if (config.data === '') throw new ConfigError('data is not given: name the folder or CSV file to train on');
  chooseDevice(config.device);
  const folder = RunFolder.create(options.run);
  const data = await prepareData(config, options.onEvent ?? (() => {}));
  folder.writeEnvironment(environmentOf(config, data));
  // last, because a folder with a configuration counts as a run
  folder.writeConfig(config);
  return run(folder, config, data, options);
}

/**
 * Goes on with a run that was interrupted or killed, as if nothing had happened: it ends with the weights, bit for bit,
 * that the uninterrupted run ends with on the same machine and number of threads. A finished run is left as it is.
 *
 * @throws as `trainRun`; ConfigError where the data has changed since
 */
export async function resumeRun(options: ResumeOptions): Promise<TrainResult> {
  const folder = RunFolder.open(options.run);
  const config = configOfRun(folder);
  folder.removeLeftovers();
  const data = await prepareData(config, options.onEvent ?? (() => {}));
  const { fingerprint } = folder.readEnvironment().dataset;
  if (data.fingerprint !== fingerprint) {
    throw new ConfigError(
      `The data in ${config.data} has changed since ${options.run} began, so it cannot go on as if nothing had happened; ` +
        'start a new run',
    );
  }
  return run(folder, config, data, options);
}

async function run(folder: RunFolder, config: Config, data: Prepared, options: ResumeOptions): Promise<TrainResult> {
  const { onEvent = () => {}, signal } = options;
  const device = chooseDevice(config.device);
  chooseThreads(config.threads);
  manualSeed(config.seed);
  const model = buildModel(config, data.classes.length, device);
  const validation = evaluationLoader(config, data.val);
  let checkpoint: ReturnType<typeof loadCheckpoint> = null;
  try {
    checkpoint = loadCheckpoint(folder, model);
    if (!checkpoint) await loadBackbone(model, config, onEvent);
    const shared = { config, data, model, device, folder, validation, onEvent };
    const tensors = checkpoint?.restored ?? new Map<string, never>();
    const restored = restoredLabels(tensors);
    const session: Session = {
      ...shared,
      position: checkpoint?.position ?? startOf(config),
      labels: restored ?? AS_GIVEN,
      restored: tensors,
      interrupted: () => signal?.aborted ?? false,
    };
    // What is judged anew after the kill comes out the same, as nothing had been trained then.
    const judged = restored !== undefined || config.labelNoise === 'off' || (await judgeLabels(session, true));
    const finished = judged && (await runPhases(session));
    // a kill between the checkpoint and the list of epochs leaves the list behind
    folder.writeEpochs(session.position.epochs);
    return resultOf(options.run, session.position, !finished);
  } finally {
    for (const each of checkpoint?.restored.values() ?? []) each.dispose();
    nn.disposeModule(model);
    await validation.close();
  }
}

async function runPhases(session: Session): Promise<boolean> {
  const { position } = session;
  if (position.phase === 'head') {
    if (!(await headPhase(session))) return false;
    Object.assign(position, { phase: 'full', epoch: 0 });
    return runPhases({ ...session, restored: new Map() });
  }
  if (position.phase === 'full') {
    if (!(await fullPhase(session))) return false;
    position.phase = 'done';
    saveCheckpoint(session);
  }
  return true;
}

function startOf(config: Config): Position {
  return {
    phase: config.headEpochs > 0 ? 'head' : 'full',
    epoch: 0,
    step: 0,
    lossSum: 0,
    seconds: 0,
    epochs: [],
    stoppedEarly: false,
  };
}

function resultOf(run: string, { epochs, stoppedEarly }: Position, interrupted: boolean): TrainResult {
  const best = epochs.findLast((each) => each.best);
  return { run, epochs, ...(best ? { best } : {}), interrupted, stoppedEarly };
}
