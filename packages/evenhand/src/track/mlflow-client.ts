import { TrackError } from './tracker.js';

/** A server that does not answer for so long counts as down. */
const TIMEOUT_MS = 10_000;

/** Requests to the REST API of an MLflow server (https://mlflow.org/docs/latest/rest-api.html). */
export class MlflowClient {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #stopped = new AbortController();

  /**
   * @param server its address, such as `http://localhost:5000`
   * @param environment `MLFLOW_TRACKING_TOKEN`, or `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, as for MLflow's
   * own clients
   */
  constructor(
    private readonly server: string,
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user } = environment;
    const password = environment.MLFLOW_TRACKING_PASSWORD ?? '';
    const authorization = token
      ? `Bearer ${token}`
      : user && `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#headers = authorization ? { authorization } : {};
  }

  /** Ends the request under way, and lets all that follow fail. */
  stop(): void {
    this.#stopped.abort(new Error('there is no more time'));
  }

  /**
   * Calls a method, and returns its answer; undefined if what it asks for does not exist.
   *
   * @throws TrackError if the server is down or refuses
   */
  async post(method: string, body: object): Promise<Record<string, unknown> | undefined> {
    const headers = { 'content-type': 'application/json' };
    return this.#request(`api/2.0/mlflow/${method}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async get(method: string, query: Readonly<Record<string, string>>): Promise<Record<string, unknown> | undefined> {
    return this.#request(`api/2.0/mlflow/${method}?${new URLSearchParams(query)}`, { method: 'GET' });
  }

  /** Stores a file with a run whose artifacts the server takes itself. */
  async putArtifact(path: string, bytes: Uint8Array): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream' };
    const place = path.split('/').map(encodeURIComponent).join('/');
    await this.#request(`api/2.0/mlflow-artifacts/artifacts/${place}`, {
      method: 'PUT',
      headers,
      body: Uint8Array.from(bytes),
    });
  }

  async #request(path: string, request: RequestInit): Promise<Record<string, unknown> | undefined> {
    const headers = { ...request.headers, ...this.#headers };
    let response: Response;
    let text: string;
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#stopped.signal]);
      response = await fetch(`${this.server.replace(/\/+$/, '')}/${path}`, { ...request, headers, signal });
      text = await response.text();
    } catch (error) {
      const { message, cause } = error as Error;
      throw new TrackError(
        `The MLflow server ${this.server} does not answer (${cause instanceof Error ? cause.message : message})`,
      );
    }
    const answer = parse(text);
    if (answer?.error_code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
    if (response.ok && answer !== undefined) return answer;
    const reason = typeof answer?.message === 'string' ? answer.message : response.statusText;
    throw new TrackError(`The MLflow server ${this.server} refuses ${path} (${response.status} ${reason})`);
  }
}

/** A JSON object; undefined if it is something else, such as the page of a proxy. */
function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text || '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
