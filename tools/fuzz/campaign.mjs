// Runs the cases of the targets one after another in this process, and judges each.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { randomFrom } from '../../packages/torch/dist/testing/damaged-weights.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const FAULTS = join(ROOT, 'build/fuzz');
/** The classes of errors that are for users; any other is a fault. */
const REFUSALS = new Set(
  'DataError ConfigError UsageError WeightsError WeightsFileError TorchError ModelError ImageError RunError'.split(' '),
);
/** Seconds of processor time for one case. Other programs on the machine do not count. */
const MOST_SECONDS = 1;
/** Seconds after which a case that does not end is given up, with the whole process if it blocks that. */
const HANGING = 30;
const LONGEST_MESSAGE = 2000;
const MOST_GROWTH = 96 * 2 ** 20;
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/**
 * Fuzzes the targets (see targets.mjs) and prints what came of it.
 *
 * @returns the number of different faults
 */
export async function runCampaign({ targets, seed, count = Number.POSITIVE_INFINITY, seconds, only }) {
  mkdirSync(FAULTS, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'evenhand-fuzz-'));
  const watchdog = startWatchdog();
  let faults = 0;
  console.log(`seed ${seed}`);
  try {
    for (const [name, prepare] of Object.entries(targets)) {
      const limit = { count, seconds: seconds / Object.keys(targets).length };
      faults += await fuzzTarget(name, await prepare(folder), seed, limit, only, folder, watchdog);
    }
  } finally {
    await watchdog.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return faults;
}

async function fuzzTarget(name, target, seed, limit, only, folder, watchdog) {
  const outcomes = { read: 0, refused: 0 };
  const faults = new Map();
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  let settled;
  let cases = 0;
  for (let i = only ?? 0; i < (only === undefined ? limit.count : only + 1) && elapsed() < limit.seconds; i++) {
    const { bytes, extension } = target.make(randomFrom(caseSeed(seed, i)));
    const file = join(folder, `${name}${extension}`);
    writeFileSync(file, bytes);
    watchdog.watch(`${name} --seed ${seed} --case ${i}`);
    const { outcome, fault } = await runCase(target, file, bytes);
    watchdog.watch('');
    cases++;
    if (fault === undefined) outcomes[outcome]++;
    else report(faults, { name, seed, i, file, fault });
    // Caches, pools and compiled code grow at first.
    if (settled === undefined && (elapsed() > limit.seconds / 3 || cases > limit.count / 3)) settled = memory();
  }
  const growth = settled === undefined ? 0 : memory() - settled;
  if (growth > MOST_GROWTH && cases > 100) {
    const fault = `memory grew by ${megabytes(growth)} during the last two thirds of the cases`;
    report(faults, { name, seed, i: 0, fault });
  }
  const sum = [...faults.values()].reduce((total, n) => total + n, 0);
  console.log(
    `${name}: ${cases.toLocaleString('en')} cases in ${elapsed().toFixed(0)} s: ${outcomes.read.toLocaleString('en')} read, ` +
      `${outcomes.refused.toLocaleString('en')} refused, ${sum} faults (${faults.size} different); memory ${growth < 0 ? '-' : '+'}${megabytes(Math.abs(growth))}`,
  );
  return faults.size;
}

/** Each case has its own generator, so that one can be run alone. */
function caseSeed(seed, i) {
  return (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b)) >>> 0;
}

async function runCase(target, file, bytes) {
  const before = process.cpuUsage();
  let timer;
  const hanging = new Promise((resolve) => {
    timer = setTimeout(() => resolve({ fault: `did not end within ${HANGING} s` }), HANGING * 1000);
  });
  const run = Promise.resolve()
    .then(() => target.run(file, bytes))
    .then(
      (outcome) => ({ outcome: outcome === 'refused' ? outcome : 'read' }),
      (error) => judge(error, file, target),
    );
  const result = await Promise.race([run, hanging]);
  clearTimeout(timer);
  const { user, system } = process.cpuUsage(before);
  const used = (user + system) / 1e6;
  if (result.fault === undefined && used > (target.seconds ?? MOST_SECONDS)) {
    return { fault: `took more than ${target.seconds ?? MOST_SECONDS} s of processor time`, detail: used };
  }
  return result;
}

/** A refusal, if the error is one of ours whose message can be shown to a user as it is. */
function judge(error, file, { namesFile = true }) {
  if (!(error instanceof Error)) return { fault: `threw ${typeof error}, not an Error` };
  const kind = error.constructor.name;
  const place = /\n +at (.*)/.exec(error.stack ?? '')?.[1] ?? '';
  if (!REFUSALS.has(kind)) {
    return { fault: `${kind}: ${JSON.stringify(error.message.slice(0, 200))} at ${place}` };
  }
  const message = error.message.replaceAll(file, 'FILE');
  if (message.trim() === '') return { fault: `${kind} without a message at ${place}` };
  if (message.length > LONGEST_MESSAGE) return { fault: `${kind} with a message that is too long at ${place}` };
  // Our own further lines are indented.
  if (message.split(/\n(?= {2}\S)/).some((line) => UNPRINTABLE.test(line))) {
    return { fault: `${kind} with control characters in its message at ${place}` };
  }
  if (namesFile && !message.includes('FILE')) return { fault: `${kind} that does not name the file at ${place}` };
  return { outcome: 'refused' };
}

/** Prints a fault the first time that it occurs, and keeps its input. Numbers in it do not make it another fault. */
function report(faults, { name, seed, i, file, fault }) {
  const signature = fault.replaceAll(/\d+/g, '0').replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  faults.set(signature, (faults.get(signature) ?? 0) + 1);
  if (faults.get(signature) > 1) return;
  console.log(`FAULT ${name}: ${fault}`);
  if (file === undefined) return;
  const kept = join(FAULTS, `${name}-${seed}-${i}${extname(file)}`);
  copyFileSync(file, kept);
  console.log(`  input: ${relative(ROOT, kept)}`);
  console.log(`  again: node tools/fuzz.mjs --target ${name} --seed ${seed} --case ${i}`);
}

function memory() {
  collectGarbage();
  return process.memoryUsage.rss();
}

const megabytes = (bytes) => `${Math.round(bytes / 2 ** 20)} MB`;

/** Ends the process if one case blocks it: an endless loop leaves no other way to say which. */
function startWatchdog() {
  const program = `
    const { parentPort } = require('node:worker_threads');
    const { writeSync } = require('node:fs');
    let timer;
    parentPort.on('message', (text) => {
      clearTimeout(timer);
      if (text === '') return;
      timer = setTimeout(() => {
        writeSync(1, 'FAULT: blocks the process\\n  again: node tools/fuzz.mjs --target ' + text + '\\n');
        process.kill(process.pid, 'SIGKILL');
      }, ${2 * HANGING * 1000});
    });`;
  const worker = new Worker(program, { eval: true, execArgv: [] });
  worker.unref();
  return { watch: (text) => worker.postMessage(text), stop: () => worker.terminate() };
}
