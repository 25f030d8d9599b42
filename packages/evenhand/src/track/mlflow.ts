import { confusionImage } from './confusion-image.js';
import { MlflowClient } from './mlflow-client.js';
import type { Snapshot, Status } from './snapshot.js';
import { TrackError, type Tracker } from './tracker.js';

/** Of one request. */
const MOST_METRICS = 1000;
const MOST_PARAMETERS = 100;
/** Older servers refuse longer values. */
const MOST_CHARACTERS = 500;

const STATUS: Readonly<Record<Status, string>> = {
  running: 'RUNNING',
  finished: 'FINISHED',
  stopped: 'KILLED',
  failed: 'FAILED',
};

/** The tag by which a run is found again when it is resumed or sent later. */
const ID_TAG = 'evenhand.id';

/** What the server has of a run. */
interface Sent {
  readonly id: string;
  readonly artifacts: string;
  /** The last step. */
  step: number;
  predictionStep?: number;
  status?: Status;
}

/**
 * Sends runs to an MLflow server: configuration, scalars of the epochs, confusion matrix, and how the run has ended. A run that was
 * sent before is continued.
 */
export class MlflowServer implements Tracker {
  readonly #client: MlflowClient;
  readonly #experiment: { readonly id?: string; readonly name: string };
  #experimentId: string | undefined;
  readonly #sent = new Map<string, Sent>();

  /**
   * @param environment variables that MLflow's own clients read: `MLFLOW_TRACKING_URI`, `MLFLOW_EXPERIMENT_NAME` or
   * `MLFLOW_EXPERIMENT_ID`, and those of `MlflowClient`
   * @throws TrackError if `MLFLOW_TRACKING_URI` is not the address of a server
   */
  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const server = environment.MLFLOW_TRACKING_URI ?? '';
    if (!/^https?:\/\/[^/]/.test(server)) {
      const given = server === '' ? 'is not set' : `is ${server}`;
      throw new TrackError(
        `MLFLOW_TRACKING_URI ${given}: set it to the address of a tracking server, such as http://localhost:5000`,
      );
    }
    this.#client = new MlflowClient(server, environment);
    const { MLFLOW_EXPERIMENT_ID: id, MLFLOW_EXPERIMENT_NAME: name = 'Default' } = environment;
    this.#experiment = id ? { id, name } : { name };
  }

  async send(run: Snapshot): Promise<void> {
    const sent = await this.#find(run);
    await this.#sendPoints(run, sent);
    if (run.predictionStep !== undefined && run.predictionStep !== sent.predictionStep) {
      await this.#sendConfusion(run, sent.artifacts);
      sent.predictionStep = run.predictionStep;
    }
    if (run.status !== sent.status) {
      const end = run.status === 'running' ? {} : { end_time: milliseconds(run.points.at(-1)?.time ?? run.started) };
      await this.#client.post('runs/update', { run_id: sent.id, status: STATUS[run.status], ...end });
      sent.status = run.status;
    }
  }

  stop(): void {
    this.#client.stop();
  }

  async #find(run: Snapshot): Promise<Sent> {
    const known = this.#sent.get(run.id);
    if (known !== undefined) return known;
    this.#experimentId ??= await this.#findExperiment();
    const found = await this.#client.post('runs/search', {
      experiment_ids: [this.#experimentId],
      filter: `tags."${ID_TAG}" = '${run.id}'`,
      max_results: 1,
    });
    const [earlier] = (found?.runs ?? []) as MlflowRun[];
    const { info, data } = earlier ?? (await this.#create(run));
    // Only once: some may change when a run is resumed, and MLflow refuses other values.
    if ((data?.params ?? []).length === 0) await this.#sendParameters(info.run_id, run);
    const steps = (data?.metrics ?? []).map(({ step }) => Number(step));
    const sent: Sent = { id: info.run_id, artifacts: info.artifact_uri ?? '', step: Math.max(0, ...steps) };
    this.#sent.set(run.id, sent);
    return sent;
  }

  async #findExperiment(): Promise<string> {
    const { id, name } = this.#experiment;
    if (id !== undefined) return id;
    const found = await this.#client.get('experiments/get-by-name', { experiment_name: name });
    const experiment = found?.experiment as { experiment_id: string } | undefined;
    const created: { experiment_id?: unknown } | undefined =
      experiment ?? (await this.#client.post('experiments/create', { name }));
    return existing(created?.experiment_id as string | undefined, 'experiments/create');
  }

  async #create({ id, name, started, parent }: Snapshot): Promise<MlflowRun> {
    const parentRun = parent === undefined ? undefined : this.#sent.get(parent)?.id;
    const created = await this.#client.post('runs/create', {
      experiment_id: this.#experimentId,
      run_name: name,
      start_time: milliseconds(started),
      tags: [
        { key: 'mlflow.runName', value: name },
        { key: 'mlflow.source.name', value: 'evenhand' },
        ...(parentRun === undefined ? [] : [{ key: 'mlflow.parentRunId', value: parentRun }]),
        { key: ID_TAG, value: id },
      ],
    });
    return existing(created?.run as MlflowRun | undefined, 'runs/create');
  }

  async #sendParameters(id: string, { parameters }: Snapshot): Promise<void> {
    const params = Object.entries(parameters).map(([key, value]) => ({
      key,
      value: String(value).slice(0, MOST_CHARACTERS),
    }));
    for (const some of batches(params, MOST_PARAMETERS)) {
      await this.#client.post('runs/log-batch', { run_id: id, params: some });
    }
  }

  async #sendPoints({ points }: Snapshot, sent: Sent): Promise<void> {
    const metrics = points
      .filter(({ step }) => step > sent.step)
      .flatMap(({ step, time, scalars }) =>
        [...scalars].map(([key, value]) => ({ key, value, step, timestamp: milliseconds(time) })),
      );
    for (const some of batches(metrics, MOST_METRICS)) {
      await this.#client.post('runs/log-batch', { run_id: sent.id, metrics: some });
    }
    sent.step = Math.max(sent.step, points.length);
  }

  /** Only to a server that stores artifacts itself: evenhand has no client for other storage. */
  async #sendConfusion(run: Snapshot, artifacts: string): Promise<void> {
    const [, place] = /^mlflow-artifacts:\/+(.*)$/.exec(artifacts) ?? [];
    if (place === undefined) return;
    const { bytes } = await confusionImage(run.readConfusion());
    await this.#client.putArtifact(`${place}/confusion-matrix.png`, bytes);
  }
}

interface MlflowRun {
  readonly info: { readonly run_id: string; readonly artifact_uri?: string };
  readonly data?: {
    readonly metrics?: readonly { readonly step?: number | string }[];
    readonly params?: readonly unknown[];
  };
}

function existing<T>(value: T | undefined, method: string): T {
  if (value !== undefined) return value;
  throw new TrackError(
    `The server of MLFLOW_TRACKING_URI answers ${method} as no MLflow server does: check the address`,
  );
}

const milliseconds = (seconds: number): number => Math.round(seconds * 1000);

function* batches<T>(values: readonly T[], most: number): Generator<readonly T[]> {
  for (let from = 0; from < values.length; from += most) yield values.slice(from, from + most);
}
