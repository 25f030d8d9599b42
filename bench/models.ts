// npm run bench -- models: features and training steps of backbones, evenhand and timm's modules in PyTorch in turns.
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { devices, gpuInfo, torchVersion } from '@evenhand/torch';
import { architectureNames } from 'evenhand';
import { type Contender, findPython, keptMemoryEnv, measure, pythonEnv, type Result, report } from './contenders.js';
import { exitWithUsage, oneOf, positive, UsageError } from './options.js';

/** What a contender's process gets as JSON. */
export interface Settings {
  readonly architecture: string;
  readonly task: 'features' | 'step';
  readonly device: 'cpu' | 'cuda';
  readonly precision: 'float32' | 'bfloat16';
  readonly batch: number;
  readonly size: number;
  /** Batches of a turn. */
  readonly steps: number;
  readonly threads: number;
}

const USAGE = `Usage: npm run bench -- models [options]
  --device cpu|cuda          default: cuda if there is one
  --models NAME,...          architectures of timm; default: vit_small_patch14_dinov2,convnext_tiny,resnet50
  --tasks features,step      evaluation without gradients up to the pooled features; forward, backward and AdamW
  --batch N                  images of a batch; default: 16, on CUDA 128
  --size N                   height and width in pixels; default: 224
  --precision float32|bfloat16   bfloat16: autocast
  --rounds N                 measured turns of each contender; default: 5
  --steps N                  batches of a turn; default: 2, on CUDA 20
  --threads N                default: one for each core
TIMM=DIR names a checkout of timm, or a folder with an installed one; PYTHON=COMMAND a Python with PyTorch.`;

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const PEER = here('../models-pytorch.py');

try {
  await main();
} catch (error) {
  exitWithUsage(error, USAGE);
}

async function main(): Promise<void> {
  const { models, tasks, rounds, ...settings } = options();
  const peer = findPeer(settings.device);
  console.log(
    `${settings.size} px, batch ${settings.batch}, ${settings.precision}, ${gpuInfo(settings.device)?.name ?? `${settings.threads} threads, ${cpus()[0]?.model}`}, ` +
      `libtorch ${torchVersion()}${peer === null ? '' : `, PyTorch ${peer.torch}, timm ${peer.timm}`}`,
  );
  if (peer !== null && release(peer.torch) !== release(torchVersion())) {
    console.log(
      'PyTorch is of another version than libtorch: the ratios compare versions too. LIBTORCH=DIR npm run setup',
    );
  }
  const lines = [];
  for (const architecture of models) {
    for (const task of tasks) {
      const title = `${architecture}, ${task === 'step' ? 'training step' : 'features'}`;
      const results = await measure(contenders({ architecture, task, ...settings }, peer), rounds);
      console.log(`\n${report([{ title, results }])}`);
      lines.push(summary(architecture, task, results));
    }
  }
  console.log(`\nevenhand's images/s${peer === null ? '' : ', and its speedup over PyTorch as written and tuned'}`);
  console.log(lines.join('\n'));
}

/** `2.6.0` of `2.6.0+cu124`, `1.13.0` of Debian's `1.13.0a0`. */
function release(version: string): string | undefined {
  return /^\d+\.\d+\.\d+/.exec(version)?.[0];
}

function options() {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: devices().some((name) => name.startsWith('cuda')) ? 'cuda' : 'cpu' },
      models: { type: 'string', default: 'vit_small_patch14_dinov2,convnext_tiny,resnet50' },
      tasks: { type: 'string', default: 'features,step' },
      precision: { type: 'string', default: 'float32' },
      size: { type: 'string', default: '224' },
      rounds: { type: 'string', default: '5' },
      batch: { type: 'string' },
      steps: { type: 'string' },
      threads: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  const device = oneOf('device', values.device, ['cpu', 'cuda']);
  if (device === 'cuda' && !devices().some((name) => name.startsWith('cuda'))) {
    throw new UsageError(
      `libtorch ${torchVersion()} finds no CUDA device: set LIBTORCH to one with CUDA and run set-up.`,
    );
  }
  const cuda = device === 'cuda';
  return {
    device,
    models: values.models.split(',').map((name) => architecture(name)),
    tasks: values.tasks.split(',').map((name) => oneOf('tasks', name, ['features', 'step'])),
    precision: oneOf('precision', values.precision, ['float32', 'bfloat16']),
    size: positive('size', values.size),
    rounds: positive('rounds', values.rounds),
    batch: positive('batch', values.batch ?? (cuda ? '128' : '16')),
    steps: positive('steps', values.steps ?? (cuda ? '20' : '2')),
    threads: positive('threads', values.threads ?? String(availableParallelism())),
  };
}

function architecture(name: string): string {
  if (architectureNames().includes(name)) return name;
  throw new UsageError(`--models must be architectures of timm that evenhand has, got ${name}.`);
}

/** A Python with PyTorch and timm. */
interface Peer {
  readonly python: string;
  readonly torch: string;
  readonly timm: string;
}

function findPeer(device: Settings['device']): Peer | null {
  const python = findPython(['torch']);
  if (python === null) {
    console.log('No Python with PyTorch was found: measuring evenhand only.');
    return null;
  }
  const probe = spawnSync(python, [PEER, 'probe', device], { env: { ...process.env, ...pythonEnv }, encoding: 'utf8' });
  if (probe.status === 0) return { python, ...(JSON.parse(probe.stdout) as Omit<Peer, 'python'>) };
  console.log(`${probe.stderr.trim().split('\n').at(-1)}: measuring evenhand only.`);
  return null;
}

function contenders(settings: Settings, peer: Peer | null): Contender[] {
  const json = JSON.stringify(settings);
  const ours = { name: 'evenhand', command: process.execPath, args: [here('models-ours.js'), json] };
  if (peer === null) return [ours];
  const timm = (name: string, how: string, env: Record<string, string>) => {
    return { name, command: peer.python, args: [PEER, how, json], env: { ...pythonEnv, ...env } };
  };
  const cpu = settings.device === 'cpu';
  return [
    ours,
    timm('PyTorch as written', 'written', {}),
    timm(cpu ? 'PyTorch tuned, memory kept' : 'PyTorch tuned', 'tuned', cpu ? keptMemoryEnv : {}),
  ];
}

function summary(architecture: string, task: string, [ours, ...others]: readonly Result[]): string {
  const ratios = others.map(({ imagesPerSecond }) => (ours!.imagesPerSecond / imagesPerSecond).toFixed(2).padStart(6));
  return [architecture.padEnd(28), task.padEnd(8), ours!.imagesPerSecond.toFixed(1).padStart(8), ...ratios].join(' ');
}
