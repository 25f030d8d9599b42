// The command line as a user meets it, small images to give it, and a run that was trained on them.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';

// A test file that is run alone leaves nothing in the user's cache either.
process.env.EVENHAND_CACHE ??= join(tmpdir(), 'evenhand-test-cache');

const PROGRAM = fileURLToPath(new URL('../../packages/evenhand/dist/cli/main.js', import.meta.url));

/**
 * The smallest training that is one: a real backbone on images of 32 pixels. By one thread, because two that wait for
 * each other at every small operation take twenty times as long while other tests have the cores.
 */
export const SMALL =
  '--model mobilenet_v2 --weights none --image-size 32 --batch-size 8 --threads 1 --workers 1 --new-head-epochs 0'.split(
    ' ',
  );

export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'evenhand-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line that runs, in a process group of its own, as a shell starts it. */
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** To every process of it, as a terminal does. */
  signalAll(signal: NodeJS.Signals): void;
}

export function start(args: readonly string[], cwd: string): Running {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const signalAll = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal);
    } catch (error) {
      // It ended by itself just before.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  return { process: child, ended, signalAll };
}

/** Runs a command in a process of its own. */
export const evenhand = (args: readonly string[], cwd: string): Promise<Ended> => start(args, cwd).ended;

interface Written {
  stdout: string;
  stderr: string;
}

const written = new AsyncLocalStorage<Written>();
for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name];
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  // What a command writes belongs to it; the test runner's own reports go by the same streams.
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const store = written.getStore();
    if (store === undefined) return write(chunk, ...rest);
    store[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
}

let calls = 0;

/**
 * Runs a command inside this process, which saves the second that starting another takes. What a process is needed for
 * (signals, streams that close, an exit while work is left) is tested with `evenhand` or `start`.
 */
export async function evenhandHere(args: readonly string[], cwd: string): Promise<Ended> {
  const before = { cwd: process.cwd(), argv: process.argv, exitCode: process.exitCode };
  const emitters: NodeJS.EventEmitter[] = [process, process.stdout, process.stderr];
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'error'];
  const listeners = emitters.map((emitter) => events.map((event) => emitter.listeners(event)));
  const output: Written = { stdout: '', stderr: '' };
  process.chdir(cwd);
  process.argv = [process.execPath, PROGRAM, ...args];
  process.exitCode = undefined;
  try {
    // Another address each time has the program, not the modules that it imports, run again.
    await written.run(output, () => import(`${pathToFileURL(PROGRAM)}?call=${++calls}`));
    return { code: Number(process.exitCode ?? 0), signal: null, ...output };
  } finally {
    process.chdir(before.cwd);
    process.argv = before.argv;
    process.exitCode = before.exitCode;
    for (const [i, emitter] of emitters.entries()) {
      for (const [k, event] of events.entries()) {
        for (const listener of emitter.listeners(event)) {
          if (!listeners[i]![k]!.includes(listener)) emitter.off(event, listener as () => void);
        }
      }
    }
  }
}

/** Runs a command that must succeed; resolves to what it printed. */
export async function succeed(args: readonly string[], cwd: string): Promise<string> {
  return successOf(args, await evenhandHere(args, cwd));
}

/** As `succeed`, in a process of its own. */
export async function succeedAlone(args: readonly string[], cwd: string): Promise<string> {
  return successOf(args, await evenhand(args, cwd));
}

function successOf(args: readonly string[], { code, stdout, stderr }: Ended): string {
  assert.equal(code, 0, `evenhand ${args.join(' ')}\n${stdout}\n${stderr}`);
  assert.equal(stderr, '');
  return stdout;
}

/** Runs a command that must be refused by one sentence for the user, which is resolved to. */
export async function refusal(args: readonly string[], cwd: string, code = 2): Promise<string> {
  const ended = await evenhandHere(args, cwd);
  assert.equal(ended.code, code, `evenhand ${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`);
  assert.match(ended.stderr, /^evenhand: \S/);
  assert.doesNotMatch(ended.stderr, /^ +at |unexpected failure/m, 'a stack trace is no answer to a user');
  return ended.stderr;
}

/** A folder with `train` and `val`, in them a folder a colour, in them images of a disc of that colour. */
export async function drawDiscs(folder: string, { train = 16, val = 6, size = 48 } = {}): Promise<void> {
  for (const [part, count] of Object.entries({ train, val })) {
    for (const [label, colour] of Object.entries({ red: '#d33', green: '#3a3', blue: '#33d' })) {
      mkdirSync(join(folder, part, label), { recursive: true });
      for (let i = 0; i < count; i++) await drawDisc(join(folder, part, label, `${i}.jpg`), colour, size, i, part);
    }
  }
}

function drawDisc(file: string, colour: string, size: number, i: number, part: string): Promise<unknown> {
  const at = (step: number): number => size * (0.3 + ((i * step) % 0.4));
  const background = `hsl(${(i * 47 + (part === 'val' ? 20 : 0)) % 360}, 35%, 70%)`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">
    <rect width="${size}" height="${size}" fill="${background}"/>
    <circle cx="${at(0.13)}" cy="${at(0.29)}" r="${size * (0.15 + ((i * 0.07) % 0.15))}" fill="${colour}"/></svg>`;
  return sharp(Buffer.from(svg)).jpeg().toFile(file);
}

export function copyFolder(from: string, to: string): string {
  cpSync(from, to, { recursive: true });
  return to;
}

export const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

export const readLines = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Resolves once `condition` holds; fails where the command ends before. */
export async function until(running: Running, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (running.process.exitCode !== null || running.process.signalCode !== null) {
      const { stdout, stderr } = await running.ended;
      assert.fail(`ended too soon:\n${stdout}\n${stderr}`);
    }
    await sleep(1);
  }
}

/** Names of the files in a folder, none where there is no folder. */
export const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
