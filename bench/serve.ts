// npm run bench -- serve: requests per second and latency of evenhand serve and of FastAPI with ONNX Runtime, in turns.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { exportWeights, modelInfo } from 'evenhand';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { type LoadResult, runLoad } from './autocannon.js';
import { findPython, median, pythonEnv, table } from './contenders.js';
import { exitWithUsage, positive } from './options.js';
import { writeRandomWeights } from './random-weights.js';

const USAGE = `Usage: npm run bench -- serve [options]
  --model NAME       architecture, with random weights; default: efficientnet_b0
  --clients N,...    clients that send one request after another; default: 1,8,64
  --rounds N         turns of each server; default: 3
  --seconds N        of a turn; default: 6
  --batches          only how long ONNX Runtime takes for an image in batches of several sizes
  --soak             only 100,000 requests of small images by 8 clients, and the memory of the server meanwhile
PYTHON=COMMAND names a Python with fastapi, uvicorn, onnxruntime and pillow.`;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = join(ROOT, 'packages/evenhand/bin/evenhand.js');
const FASTAPI = join(ROOT, 'bench/serve-fastapi.py');
const FLOWERS = join(ROOT, '../shared/data/flowers/train/images');
const PHOTOS = 32;

interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface Turn extends LoadResult {
  /** Processor time of the server per request, in milliseconds. */
  readonly cpu: number;
}

const folder = mkdtempSync(join(tmpdir(), 'evenhand-bench-'));
const model = join(folder, 'model.onnx');
const labels = join(folder, 'labels.txt');
const children = new Set<ChildProcess>();
try {
  await main();
} catch (error) {
  exitWithUsage(error, USAGE);
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'efficientnet_b0' },
      clients: { type: 'string', default: '1,8,64' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '6' },
      batches: { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [rounds, seconds] = [positive('rounds', values.rounds), positive('seconds', values.seconds)];
  const clients = values.clients.split(',').map((text) => positive('clients', text));
  const { preset } = await makeModel(values.model);
  if (values.batches) return measureBatches(preset.crop);
  if (values.soak) return soak();

  const photos = await readPhotos();
  console.log(
    `${values.model}, ${preset.crop} px, one JPEG per request, ${availableParallelism()} cores (also for the clients), ${cpus()[0]?.model}`,
  );
  const contenders: Contender[] = [
    {
      name: 'evenhand serve',
      command: process.execPath,
      args: [PROGRAM, 'serve', model, '--port', '0', '--log-level', 'warn'],
    },
  ];
  const python = findPython(['fastapi', 'uvicorn', 'onnxruntime', 'PIL', 'numpy']);
  if (python === null) {
    console.log(
      'Measuring evenhand only; for FastAPI: pip install fastapi uvicorn onnxruntime pillow, and PYTHON=COMMAND',
    );
  } else {
    const args = (threads: number) => [FASTAPI, model, labels, JSON.stringify(preset), String(threads)];
    contenders.push(
      { name: 'FastAPI', command: python, args: args(0) },
      { name: 'FastAPI, one thread per image', command: python, args: args(1) },
    );
  }
  const servers = await Promise.all(contenders.map(async (each) => ({ ...each, ...(await start(each)) })));
  const answers = await Promise.all(servers.map(({ url }) => firstLabels(url, photos)));
  for (const { url } of servers) await runLoad(url, 2, 1, photos);
  const rows = [
    ['clients, server', 'requests/s', 'lowest to highest', 'p50 ms', 'p99 ms', 'CPU ms', 'errors', 'memory MB'],
  ];
  for (const count of clients) {
    const results = servers.map((): Turn[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, { url, child }] of servers.entries()) {
        const before = processorSeconds(child);
        const result = await runLoad(url, count, seconds, photos);
        const cpu = (1000 * (processorSeconds(child) - before)) / (result.rate * seconds);
        results[i]!.push({ ...result, cpu });
      }
    }
    for (const [i, { name, child }] of servers.entries())
      rows.push(rowOf(`${count}, ${name}`, results[i]!, memoryOf(child)));
  }
  console.log(`medians of ${rounds} turns\n${table(rows)}`);
  for (const [i, { name }] of servers.entries()) {
    if (i === 0) continue;
    const same = answers[i]!.filter((label, k) => label === answers[0]![k]).length;
    console.log(`${name} gives the label of evenhand for ${same} of ${photos.length} photos`);
  }
}

function rowOf(name: string, results: readonly Turn[], memory: number): string[] {
  const of = (key: keyof Turn): number[] => results.map((result) => result[key]);
  const rates = of('rate');
  return [
    name,
    median(rates).toFixed(1),
    `${Math.min(...rates).toFixed(1)} to ${Math.max(...rates).toFixed(1)}`,
    median(of('p50')).toFixed(0),
    median(of('p99')).toFixed(0),
    median(of('cpu')).toFixed(0),
    String(of('errors').reduce((sum, count) => sum + count, 0)),
    memory.toFixed(0),
  ];
}

async function makeModel(name: string) {
  const preset = { ...modelInfo(name).preset, interpolation: 'bicubic' as const };
  const names = Array.from({ length: 102 }, (_, i) => `class ${i + 1}`);
  writeFileSync(labels, names.join('\n'));
  const weights = join(folder, 'weights.safetensors');
  writeRandomWeights(weights, name, preset.crop);
  await exportWeights({ model: name, weights, labels: names, preset, out: model });
  return { preset };
}

/** JPEG files of 500 x 667 pixels or so. */
async function readPhotos(): Promise<Buffer[]> {
  if (existsSync(FLOWERS)) {
    const names = readdirSync(FLOWERS).slice(0, PHOTOS);
    return names.map((name) => readFileSync(join(FLOWERS, name)));
  }
  return Promise.all(Array.from({ length: PHOTOS }, (_, i) => drawnPhoto(667, 500, i)));
}

function drawnPhoto(width: number, height: number, i: number): Promise<Buffer> {
  const noise = { type: 'gaussian' as const, mean: 80 + ((i * 37) % 100), sigma: 40 };
  return sharp({ create: { width, height, channels: 3, background: '#888', noise } })
    .blur(2)
    .jpeg()
    .toBuffer();
}

/** Starts a server; resolves to its address once it says it. */
async function start({ name, command, args }: Contender): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...pythonEnv },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const [address] = /http:\/\/127\.0\.0\.1:\d+\//.exec(output) ?? [];
        if (address !== undefined) resolve(address);
      });
    }
    child.once('exit', () => reject(new Error(`${name} ended: ${output}`)));
  });
  return { url, child };
}

async function firstLabels(url: string, photos: readonly Buffer[]): Promise<string[]> {
  const found: string[] = [];
  for (const body of photos) {
    const headers = { 'content-type': 'image/jpeg' };
    // FastAPI's server is up a moment after it says its address.
    const answer = await fetch(`${url}v1/predict`, { method: 'POST', headers, body: new Uint8Array(body) });
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
    const { predictions } = (await answer.json()) as { predictions: { label: string }[] };
    found.push(predictions[0]!.label);
  }
  return found;
}

/** Resident memory of a process in MB; 0 if the system does not say. */
function memoryOf({ pid }: ChildProcess): number {
  try {
    const kB = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kB ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Of a process so far; 0 if the system does not say. */
function processorSeconds({ pid }: ChildProcess): number {
  try {
    // The fields after the name, which may have spaces; clock ticks are hundredths of a second on Linux.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/** Whether a batch of images takes less time per image than one: what batching across requests could gain. */
async function measureBatches(size: number): Promise<void> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const batches = [1, 2, 4, 8, 16];
  const fastest = batches.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 12; round++) {
    for (const [i, batch] of batches.entries()) {
      const pixels = Float32Array.from({ length: batch * 3 * size * size }, (_, k) => Math.sin(k));
      const feeds = { pixel_values: new Tensor('float32', pixels, [batch, 3, size, size]) };
      const begin = performance.now();
      await session.run(feeds);
      fastest[i] = Math.min(fastest[i]!, (performance.now() - begin) / batch);
    }
  }
  console.log('batch  ms per image on one thread, the fastest of 12 turns');
  for (const [i, batch] of batches.entries()) console.log(`${String(batch).padStart(5)}  ${fastest[i]!.toFixed(1)}`);
}

async function soak(): Promise<void> {
  const small = await Promise.all(Array.from({ length: PHOTOS }, (_, i) => drawnPhoto(64, 48, i)));
  const tiny = join(ROOT, 'packages/predict/golden/tiny.onnx');
  const args = [PROGRAM, 'serve', tiny, '--port', '0', '--log-level', 'warn'];
  const { url, child } = await start({ name: 'evenhand serve', command: process.execPath, args });
  console.log('requests  errors  memory MB  of it JavaScript heap');
  for (let part = 1; part <= 10; part++) {
    const { errors } = await runLoad(url, 8, { requests: 10_000 }, small);
    const memory = memoryOf(child).toFixed(0);
    const heap = /^nodejs_heap_size_used_bytes (\d+)/m.exec(await (await fetch(`${url}metrics`)).text())![1];
    console.log(
      `${(part * 10_000).toLocaleString('en').padStart(8)}  ${String(errors).padStart(6)}  ${memory.padStart(9)}  ${(Number(heap) / 1e6).toFixed(0).padStart(21)}`,
    );
  }
}
