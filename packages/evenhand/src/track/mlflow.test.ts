import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, beforeEach, describe, test } from 'node:test';
import { epoch, runOf, twelve } from '../report/run/test-runs.test.helper.js';
import { followRun, sendRun } from './follow.js';
import { MlflowServer } from './mlflow.js';
import { TrackError } from './tracker.js';

interface Entry {
  readonly key: string;
  readonly value: string | number;
  readonly step?: number;
}

interface StoredRun {
  readonly name: string;
  readonly tags: Entry[];
  readonly params: Entry[];
  readonly metrics: Entry[];
  status: string;
}

/** What an MLflow server keeps, and how it answers (https://mlflow.org/docs/latest/rest-api.html). */
const store = {
  runs: new Map<string, StoredRun>(),
  artifacts: new Map<string, Buffer>(),
  headers: '',
  broken: false,
  isOther: false,
};
beforeEach(() => {
  store.runs.clear();
  store.artifacts.clear();
  store.broken = false;
  store.isOther = false;
});

type Body = Readonly<Record<string, unknown>>;

const methods: Readonly<Record<string, (body: Body) => object | undefined>> = {
  'GET mlflow/experiments/get-by-name': () => undefined,
  'POST mlflow/experiments/create': ({ name }) => ({ experiment_id: `id of ${name}` }),
  'POST mlflow/runs/search': ({ filter }) => ({
    runs: [...store.runs]
      .filter(([, run]) => run.tags.some(({ key, value }) => filter === `tags."${key}" = '${value}'`))
      .map(([id, run]) => answerOf(id, run)),
  }),
  'POST mlflow/runs/create': ({ experiment_id, run_name, tags }) => {
    const id = `${experiment_id}/${store.runs.size}`;
    const run = { name: String(run_name), tags: tags as Entry[], params: [], metrics: [], status: 'RUNNING' };
    store.runs.set(id, run);
    return { run: answerOf(id, run) };
  },
  'POST mlflow/runs/log-batch': ({ run_id, metrics = [], params = [] }) => {
    const run = store.runs.get(String(run_id))!;
    assert.ok((metrics as Entry[]).length <= 1000 && (params as Entry[]).length <= 100);
    run.metrics.push(...(metrics as Entry[]));
    run.params.push(...(params as Entry[]));
    return {};
  },
  'POST mlflow/runs/update': ({ run_id, status }) => {
    store.runs.get(String(run_id))!.status = String(status);
    return {};
  },
};

const answerOf = (id: string, { metrics, params }: StoredRun) => ({
  info: { run_id: id, artifact_uri: `mlflow-artifacts:/${id}/artifacts` },
  data: { metrics, params },
});

const server = createServer(async (request, response) => {
  const path = request.url!.replace('/api/2.0/', '').split('?')[0]!;
  const body = await bodyOf(request);
  store.headers = String(request.headers.authorization);
  if (store.broken) {
    response.writeHead(503).end('<html>down</html>');
    return;
  }
  if (store.isOther) {
    response.end('{}');
    return;
  }
  if (request.method === 'PUT') {
    store.artifacts.set(decodeURIComponent(path), body);
    response.end('{}');
    return;
  }
  const answer = methods[`${request.method} ${path}`]!(JSON.parse(body.toString() || '{}'));
  if (answer === undefined) response.writeHead(404).end('{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"none"}');
  else response.end(JSON.stringify(answer));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
after(() => {
  server.close();
  server.closeAllConnections();
});
const environment = {
  MLFLOW_TRACKING_URI: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  MLFLOW_EXPERIMENT_NAME: 'flowers',
  MLFLOW_TRACKING_USERNAME: 'a',
  MLFLOW_TRACKING_PASSWORD: 'b',
};

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('MLflow', () => {
  test('gets the configuration, every epoch once, the confusion matrix and the end of a run', async () => {
    const settings = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`s${i}`, i]));
    const run = runOf({ config: { ...settings, note: 'x'.repeat(600) }, predictions: twelve });
    await sendRun(run.path, new MlflowServer(environment));
    const [[id, stored]] = [...store.runs] as [[string, StoredRun]];
    assert.equal(id, 'id of flowers/0');
    assert.equal(stored.name, run.path.split('/').at(-1));
    assert.equal(stored.status, 'FINISHED');
    assert.equal(stored.params.length, 153);
    assert.equal(stored.params.find(({ key }) => key === 'note')?.value, 'x'.repeat(500));
    assert.equal(store.artifacts.get(`mlflow-artifacts/artifacts/${id}/artifacts/confusion-matrix.png`)?.[1], 0x50);
    assert.equal(store.headers, `Basic ${Buffer.from('a:b').toString('base64')}`);
    // Resumed, with another learning rate, by another process.
    run.writeConfig({ ...settings, headRate: 1 });
    run.writeEpochs([epoch, { ...epoch, macroF1: 0.7, valLoss: Number.NaN }]);
    await sendRun(run.path, new MlflowServer(environment));
    assert.equal(store.runs.size, 1);
    assert.equal(stored.params.length, 153);
    const steps = (name: string) => stored.metrics.filter(({ key }) => key === name).map(({ step }) => step);
    assert.deepEqual([steps('score/macroF1'), steps('loss/validation')], [[1, 2], [1]]);
  });

  test('gets the folds of a cross-validation as runs below it', async () => {
    const run = runOf({ epochs: [], predictions: twelve, folds: [[epoch], [epoch]] });
    // Each fold begins at a time of its own.
    for (const [i, fold] of run.folds().entries()) {
      fold.writeEnvironment({ ...fold.readEnvironment(), started: `2026-01-01T00:00:0${i + 1}.000Z` });
    }
    await sendRun(run.path, new MlflowServer(environment));
    const [whole, ...folds] = [...store.runs];
    assert.deepEqual(
      folds.map(([, { tags }]) => tags.find(({ key }) => key === 'mlflow.parentRunId')?.value),
      [whole![0], whole![0]],
    );
    assert.deepEqual(whole![1].metrics.find(({ key }) => key === 'score/accuracy')?.value, 0.75);
  });

  test('that is down is told once, and gets everything when it is back', async () => {
    const run = runOf({ epochs: [epoch], predictions: twelve });
    store.broken = true;
    const tracker = new MlflowServer(environment);
    const problems: string[] = [];
    await followRun(run.path, tracker, (problem) => problems.push(problem))();
    await assert.rejects(sendRun(run.path, tracker), TrackError);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /^The MLflow server http.* refuses api\/2.0\/mlflow\/.* \(503 Service Unavailable\)$/);
    store.broken = false;
    await followRun(run.path, tracker, (problem) => problems.push(problem))();
    assert.equal(problems.length, 1);
    assert.equal([...store.runs.values()][0]?.status, 'FINISHED');
  });

  test('that is no MLflow server, and a tracker that was stopped, do not end the process', async () => {
    const run = runOf({ epochs: [epoch], predictions: twelve });
    store.isOther = true;
    const problems: string[] = [];
    await followRun(run.path, new MlflowServer(environment), (problem) => problems.push(problem))();
    assert.match(
      problems.join(),
      /^The server of MLFLOW_TRACKING_URI answers experiments\/create as no MLflow server does/,
    );
    const stopped = new MlflowServer(environment);
    stopped.stop();
    await assert.rejects(
      sendRun(run.path, stopped),
      (error) => error instanceof TrackError && /does not answer \(there is no more time\)/.test(error.message),
    );
    const broken = { send: () => Promise.reject(new TypeError('a mistake')) };
    await followRun(run.path, broken, (problem) => problems.push(problem))();
    assert.equal(problems[1], 'a mistake');
  });

  test('needs the address of a server', async () => {
    for (const [address, message] of [
      [undefined, /MLFLOW_TRACKING_URI is not set: set it to the address/],
      ['sqlite:///mlflow.db', /MLFLOW_TRACKING_URI is sqlite/],
    ] as const) {
      assert.throws(
        () => new MlflowServer({ MLFLOW_TRACKING_URI: address }),
        (error) => error instanceof TrackError && message.test(error.message),
      );
    }
    const run = runOf({ predictions: twelve });
    const gone = new MlflowServer({ MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' });
    await assert.rejects(sendRun(run.path, gone), /The MLflow server http:\/\/127\.0\.0\.1:1 does not answer \(/);
  });
});
