import { performance } from 'node:perf_hooks';
import type { TorchError } from '../errors.js';
import { native } from '../native.js';
import { type Environment, failure } from './environment.js';

/** How long one request to the store may take. */
const REQUEST_MS = 1000;
/** How long the others have to say that they are there, once something has failed. */
const ANSWER_MS = 2000;
/** How long a process that hosts the store lets the others read it before it ends. */
const LINGER_MS = 600;
/** A rank that answers so long after the others was busy or stood still. */
const LATE_MS = 800;

// What a rank writes under `failed/RANK` after a failure: that it is there, its conclusion, or the reason why it stops.
const PRESENT = '?';
const CONCLUSION = '!';
const REASON = '=';

/**
 * The store at rank 0 (c10d's TCPStore) through which ranks find each other and, if a collective fails, find out why. Gloo has a
 * connection of its own.
 */
export class Store {
  /** Prefix of all keys, so that a restarted group does not read what the one before it wrote. */
  readonly prefix: string;
  readonly #environment: Environment;
  readonly #port: number;
  readonly #gloo: object;
  #control: object | null;
  #closed = false;

  /**
   * Connects with the store; rank 0 hosts it.
   *
   * @throws TorchError `distributed` if it cannot be reached within the time
   */
  constructor(environment: Environment, timeoutSeconds: number) {
    this.#environment = environment;
    // A client of libtorch 1.13 cannot speak to the store of a newer torchrun, so the agent's is not used.
    this.#port = environment.masterPort + (environment.hostsStore ? 0 : 1);
    this.prefix = `evenhand/${environment.restart}/`;
    this.#gloo = this.#open(environment.rank === 0, timeoutSeconds);
    this.#control = this.#open(false, timeoutSeconds);
  }

  /** The addon's handle, for Gloo. */
  get handle(): object {
    return this.#gloo;
  }

  get #address(): string {
    const { masterAddress } = this.#environment;
    return `${masterAddress.includes(':') ? `[${masterAddress}]` : masterAddress}:${this.#port}`;
  }

  #open(hosts: boolean, timeoutSeconds: number): object {
    const { rank, worldSize, masterAddress } = this.#environment;
    try {
      return native().openStore(masterAddress, this.#port, hosts, Math.max(1000, Math.ceil(timeoutSeconds * 1000)));
    } catch (error) {
      const reason = (error as Error).message;
      if (rank === 0 && /listen|bind|in use/i.test(reason))
        throw failure(
          `Rank 0 cannot listen on port ${this.#port}: another program uses it; set MASTER_PORT to a free port.`,
        );
      if (rank === 0)
        throw failure(
          `Rank 0 cannot reach itself at ${this.#address}: MASTER_ADDR must be an address of the machine of rank 0.`,
        );
      throw failure(
        `Rank ${rank} of ${worldSize} cannot reach rank 0 at ${this.#address} (waited ${timeoutSeconds} s): check that rank 0 runs, and MASTER_ADDR and MASTER_PORT.`,
      );
    }
  }

  /**
   * Waits until all ranks are here.
   *
   * @param address where this rank can be reached
   * @returns the addresses of all ranks
   * @throws TorchError `distributed` that names those who are missing
   */
  join(address: string, timeoutSeconds: number): string[] {
    const { rank, worldSize, launcher } = this.#environment;
    const started = performance.now();
    const addresses = new Map<number, string>();
    let same: number;
    try {
      same = native().storeAdd(this.#connection(), `${this.prefix}started/${rank}`, REQUEST_MS);
      this.#set(`joined/${rank}`, address);
    } catch {
      throw this.#lost();
    }
    if (same > 1) {
      const sentence = `Two processes joined ${this.#address} as rank ${rank} of ${worldSize}: each needs its own rank (${launcher === 'environment' ? 'RANK' : `see the options of ${launcher}`}).`;
      this.#set('failed', `${CONCLUSION}${sentence}`);
      throw failure(sentence);
    }
    for (let pause = 5; ; pause = Math.min(100, pause * 2)) {
      try {
        for (let other = 0; other < worldSize; other++) {
          const value = addresses.has(other) ? null : this.#get(`joined/${other}`);
          if (value !== null) addresses.set(other, value);
        }
      } catch {
        throw this.#lost();
      }
      if (addresses.size === worldSize) return [...Array(worldSize).keys()].map((other) => addresses.get(other)!);
      if (this.someoneFailed()) throw this.explain('joining', 0, '');
      if (performance.now() - started > timeoutSeconds * 1000) {
        const missing = [...Array(worldSize).keys()].filter((other) => !addresses.has(other));
        const sentence = `${ranks(missing)} of ${worldSize} did not join at ${this.#address} within ${timeoutSeconds} s: check that all were started, with the same MASTER_ADDR and MASTER_PORT.`;
        this.#conclude(sentence, [...addresses.keys()]);
        throw failure(sentence);
      }
      sleep(pause);
    }
  }

  /** Whether a rank has reported a failure. False if the store does not answer: then collectives fail too. */
  someoneFailed(): boolean {
    if (!this.#control) return false;
    try {
      return this.#get('failed') !== null;
    } catch {
      this.#control = null;
      return false;
    }
  }

  /**
   * The error for a collective that failed. Tells the other ranks, and waits for what they say, to name the one that is gone.
   *
   * @param detail what libtorch said
   */
  explain(operation: string, waitedSeconds: number, detail: string): TorchError {
    const { rank, worldSize } = this.#environment;
    const states = new Map<number, string>();
    const late: number[] = [];
    try {
      this.#control ??= this.#open(false, REQUEST_MS / 1000);
      const concluded = this.#get('failed');
      if (concluded?.startsWith(CONCLUSION)) return failure(concluded.slice(1));
      this.#set(`failed/${rank}`, PRESENT);
      this.#set('failed', PRESENT);
      const start = performance.now();
      for (; performance.now() - start < ANSWER_MS; sleep(20)) {
        const before = new Set(states.keys());
        this.#readStates(states);
        if (performance.now() - start > LATE_MS) late.push(...[...states.keys()].filter((other) => !before.has(other)));
        if ([...states.values()].some((state) => state !== PRESENT)) break;
        // If all are here, rank 0 concludes.
        if (states.size === worldSize - 1 && (late.length > 0 || rank === 0)) break;
      }
    } catch {
      return this.#lost();
    }
    const sentence = this.#conclusion(states, late, operation, waitedSeconds, detail);
    this.#conclude(sentence, [...states.keys()]);
    return failure(sentence);
  }

  #readStates(states: Map<number, string>): void {
    const { rank, worldSize } = this.#environment;
    for (let other = 0; other < worldSize; other++) {
      const state = other === rank ? null : this.#get(`failed/${other}`);
      if (state !== null) states.set(other, state);
    }
  }

  #conclusion(
    states: ReadonlyMap<number, string>,
    late: readonly number[],
    operation: string,
    waitedSeconds: number,
    detail: string,
  ): string {
    const { rank, worldSize } = this.#environment;
    const stopped = [...states].find(([, state]) => state.startsWith(REASON));
    if (stopped) return `Rank ${stopped[0]} of ${worldSize} stopped: ${stopped[1].slice(1)}`;
    const concluded = [...states].find(([, state]) => state.startsWith(CONCLUSION));
    if (concluded) return concluded[1].slice(1);
    const missing = [...Array(worldSize).keys()].filter((other) => other !== rank && !states.has(other));
    const seconds = Math.floor(waitedSeconds);
    const where = seconds > 0 ? `waited ${seconds} s in ${operation}` : `in ${operation}`;
    const are = missing.length > 1 ? 'are gone or do not answer' : 'is gone or does not answer';
    if (missing.length > 0) return `${ranks(missing)} of ${worldSize} ${are} (${where}).`;
    if (late.length > 0) return `${ranks(late)} of ${worldSize} did not answer in time (${where}).`;
    // `[pair.cc:553] Connection closed by peer [10.0.0.2]:33688. This is typically ...`
    const [reason] = detail.replace(/^\[[^\]]*\] /, '').split('. ');
    return `Rank ${rank} of ${worldSize} has no connection to another rank (${where}): ${reason}`;
  }

  /** Writes what is wrong. Rank 0 waits a moment, so that those that are still here can read it. */
  #conclude(sentence: string, here: readonly number[]): void {
    const { rank } = this.#environment;
    const others = here.filter((other) => other !== rank);
    try {
      this.#set(`failed/${rank}`, `${CONCLUSION}${sentence}`);
      this.#set('failed', PRESENT);
      const states = new Map<number, string>();
      const end = performance.now() + LINGER_MS;
      for (; rank === 0 && performance.now() < end; sleep(20)) {
        this.#readStates(states);
        if (others.every((other) => (states.get(other) ?? PRESENT) !== PRESENT)) break;
      }
    } catch {
      // Nobody can be told.
    }
  }

  /** See `ProcessGroup.reportFailure`. */
  reportFailure(message: string): void {
    const { rank, worldSize } = this.#environment;
    const reason = message.split('\n')[0]!.slice(0, 500);
    try {
      this.#set(`failed/${rank}`, `${REASON}${reason}`, LINGER_MS / 3);
      this.#set('failed', PRESENT, LINGER_MS / 3);
      const states = new Map<number, string>();
      const end = performance.now() + LINGER_MS;
      for (; rank === 0 && states.size < worldSize - 1 && performance.now() < end; sleep(20)) this.#readStates(states);
    } catch {
      // Nobody can be told.
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#control) native().closeStore(this.#control);
    native().closeStore(this.#gloo);
    this.#control = null;
  }

  #connection(): object {
    if (!this.#control) throw this.#lost();
    return this.#control;
  }

  #set(key: string, value: string, milliseconds = REQUEST_MS): void {
    native().storeSet(this.#connection(), this.prefix + key, value, milliseconds);
  }

  #get(key: string): string | null {
    return native().storeGet(this.#connection(), this.prefix + key, REQUEST_MS);
  }

  #lost(): TorchError {
    this.#control = null;
    return failure(`Lost contact with rank 0 at ${this.#address}.`);
  }
}

/** `Rank 2`, `Ranks 1, 2 and 5`; the first ten of many. */
function ranks(numbers: readonly number[]): string {
  if (numbers.length === 1) return `Rank ${numbers[0]}`;
  if (numbers.length > 10) return `Ranks ${numbers.slice(0, 10).join(', ')} and ${numbers.length - 10} more`;
  return `Ranks ${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`;
}

/** Blocks this thread, as all of this folder does. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
