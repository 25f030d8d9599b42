// npm run bench -- distributed: data-parallel steps on 1, 2 and 4 processes beside PyTorch's DDP, with communication apart.
import { createServer } from 'node:net';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { distributed, torchVersion } from '@evenhand/torch';
import { findPython, keptMemoryEnv, pythonEnv, table } from './contenders.js';
import { slowLink } from './distributed-network.js';
import { Ranks } from './distributed-ranks.js';
import { type RankSettings, TURNS } from './distributed-settings.js';
import { exitWithUsage, positive, UsageError } from './options.js';

const USAGE = `Usage: npm run bench -- distributed [options]
  --processes N,...   numbers of processes, which share the cores and the batch; default: 1,2,4
  --model NAME        a model of torchvision that evenhand has; default: efficientnet_b0
  --batch N           images of the global batch; default: 16
  --size N            height and width in pixels; default: 224
  --rounds N          measured turns; default: 5
  --steps N           steps of a turn; default: 1
  --rate RATE         half of the processes in another network namespace, behind a link of this rate, such as
                      1gbit (Linux, as root)
PYTHON=COMMAND names a Python with PyTorch and torchvision of the same libtorch.`;

try {
  await main();
} catch (error) {
  exitWithUsage(error, USAGE);
}

async function main(): Promise<void> {
  const { processes, rounds, rate, ...shared } = options();
  const python = findPython(['torch', 'torchvision']);
  if (python === null) console.log('No Python with torch and torchvision was found: measuring evenhand only.');
  const link = rate === undefined ? null : slowLink(rate);
  if (typeof link === 'string') return console.log(`Skipped: ${link}`);
  const cores = availableParallelism();
  console.log(
    `${shared.model}, global batch ${shared.batch}, ${shared.size} px, float32, Gloo of libtorch ${torchVersion()}, ` +
      `${rate ? `${rate} between two network namespaces` : 'loopback'}, ${cores} cores of ${cpus()[0]?.model}, medians of ${rounds} turns`,
  );
  const groups: Ranks[] = [];
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (interrupted = true));
  try {
    for (const count of processes) {
      const settings: RankSettings = { ...shared, threads: Math.max(1, Math.floor(cores / count)) };
      const json = JSON.stringify(settings);
      const ours = [process.execPath, here('distributed-ours.js'), json] as const;
      const turns = count === 1 ? (['none'] as const) : TURNS;
      groups.push(new Ranks('evenhand', count, turns, [...ours], {}, await freePort(), link));
      if (python === null) continue;
      const theirs = [python, here('../distributed-pytorch.py'), json] as const;
      const env = { ...pythonEnv, ...keptMemoryEnv };
      const has = turns.filter((turn) => turn !== 'after');
      groups.push(new Ranks('PyTorch DDP', count, has, [...theirs], env, await freePort(), link));
    }
    for (let round = 0; round <= rounds && !interrupted; round++) {
      for (const group of groups) {
        for (const turn of group.has) {
          const milliseconds = await group.turn(turn);
          if (round > 0) group.turns[turn].push(milliseconds);
        }
      }
      process.stderr.write(`round ${round} of ${rounds}${round === 0 ? ' (warm-up)' : ''}\n`);
    }
  } catch (error) {
    // The signal ends the processes too. What was measured is still worth reading.
    if (!interrupted) throw error;
  } finally {
    for (const group of groups) group.stop();
    link?.remove();
  }
  if (groups.some((group) => group.turns.none.length === 0)) console.log('Stopped before the first turn was over.');
  else console.log(report(groups));
}

/** Milliseconds per step, and what follows from them. */
function report(groups: readonly Ranks[]): string {
  const stepOf = (group: Ranks): number => (group.milliseconds('during') ?? group.milliseconds('none'))!;
  const text = (value: number | null | undefined): string => (value == null ? '' : value.toFixed(0));
  const rows = groups.map((group) => {
    const step = stepOf(group);
    const single = groups.find(({ name, processes }) => name === group.name && processes === 1);
    const [none, after, alone] = (['none', 'after', 'alone'] as const).map((turn) => group.milliseconds(turn));
    // Of the communication alone: PyTorch has no step with communication after the backward pass.
    const hidden = group.processes > 1 && alone ? 1 - (step - none!) / alone : null;
    const peer = groups.find(({ name, processes }) => name !== group.name && processes === group.processes);
    return [
      `${group.processes} x ${group.name}`,
      text(step),
      single ? (stepOf(single) / step).toFixed(2) : '',
      text(group.processes > 1 ? none : null),
      text(after),
      text(alone),
      hidden === null ? '' : `${Math.round(100 * Math.min(1, Math.max(0, hidden)))} %`,
      group.name === 'evenhand' && peer ? (stepOf(peer) / step).toFixed(2) : '',
    ];
  });
  const heading = [
    '',
    'ms per step',
    'efficiency',
    'without comm.',
    'comm. after',
    'comm. alone',
    'hidden',
    "evenhand's speedup",
  ];
  return table([heading, ...rows]);
}

function options() {
  const { values } = parseArgs({
    options: {
      processes: { type: 'string', default: '1,2,4' },
      model: { type: 'string', default: 'efficientnet_b0' },
      batch: { type: 'string', default: '16' },
      size: { type: 'string', default: '224' },
      rounds: { type: 'string', default: process.env.ROUNDS ?? '5' },
      steps: { type: 'string', default: '1' },
      rate: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  if (!distributed.available().gloo) throw new UsageError('This libtorch was built without Gloo.');
  const processes = values.processes.split(',').map((each) => positive('processes', each));
  const batch = positive('batch', values.batch);
  const uneven = processes.find((count) => batch % count !== 0);
  if (uneven !== undefined) throw new UsageError(`--batch ${batch} cannot be shared by ${uneven} processes.`);
  return {
    processes,
    model: values.model,
    batch,
    size: positive('size', values.size),
    rounds: positive('rounds', values.rounds),
    steps: positive('steps', values.steps),
    ...(values.rate === undefined ? {} : { rate: values.rate }),
  };
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
