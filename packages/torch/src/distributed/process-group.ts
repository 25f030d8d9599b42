import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { DType } from '../dtype.js';
import { badArgument } from '../errors.js';
import { noGrad } from '../modes.js';
import { native } from '../native.js';
import * as ops from '../ops.js';
import { quote } from '../printable.js';
import { scope } from '../scope.js';
import { fromBytes, type Tensor, tensor } from '../tensor.js';
import { type Environment, failure, readEnvironment } from './environment.js';
import { Store } from './store.js';

/** The processes of a group. Every rank must call the same functions in the same order. All of them block this thread. */
export interface ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  readonly localRank: number;
  readonly localWorldSize: number;
  /** Sum, largest or smallest value over the ranks, in place. float16 and bfloat16 are summed in float32 on a CPU. */
  allReduce(tensor: Tensor, operation?: 'sum' | 'max' | 'min'): void;
  /** Replaces the values of all ranks by those of `source`. */
  broadcast(tensor: Tensor, source?: number): void;
  /** The tensors of all ranks, by rank. Their shape and type must be the same on every rank. */
  allGather(tensor: Tensor): Tensor[];
  /** Waits until every rank is here. */
  barrier(): void;
  /** Bytes of `source`; the others pass null. */
  broadcastBytes(bytes: Uint8Array | null, source?: number): Uint8Array;
  /** The bytes of every rank, by rank. Each may have another length. */
  allGatherBytes(bytes: Uint8Array): Uint8Array[];
  /**
   * Tells the others why this process is about to end, so that their collectives throw it. Call it before `destroy`. Never
   * throws, and waits for at most a second. Does nothing after a collective has failed.
   */
  reportFailure(message: string): void;
  /** Leaves the group. May be called twice; any other later use throws. */
  destroy(): void;
}

export interface ProcessGroupOptions {
  /** For joining, and for each collective. Default 600. */
  timeoutSeconds?: number;
  /** Default: `readEnvironment()`. */
  environment?: Environment;
  /** Default: NCCL for a CUDA device where it was built in, else Gloo. */
  backend?: 'gloo' | 'nccl';
  /** Whose tensors take part besides those of the CPU, such as `cuda:1`. Default `cpu`. */
  device?: string;
}

/** Bytes that travel at once. */
const PIECE = 64 * 2 ** 20;
/** How long a collective waits before it asks whether another rank has failed. */
const INTERVAL_MS = 500;

/** What was built in: Gloo, for tensors of the CPU, and NCCL, for those of NVIDIA's GPUs. Loads libtorch. */
export function available(): { gloo: boolean; nccl: boolean } {
  return native().distributedBackends();
}

/**
 * Joins the processes that a launcher started, as PyTorch's `init_process_group`. Blocks until all are there.
 *
 * @throws TorchError `distributed` if no launcher started this process, rank 0 cannot be reached, or ranks did not join in time
 */
export function initProcessGroup(options: ProcessGroupOptions = {}): ProcessGroup {
  const { timeoutSeconds = 600, environment = readEnvironment(), device = 'cpu' } = options;
  if (!(timeoutSeconds > 0 && timeoutSeconds < 1e6))
    throw badArgument(
      `initProcessGroup: timeoutSeconds must be greater than 0 and less than a million, got ${timeoutSeconds}`,
    );
  if (!environment)
    throw failure(
      'No launcher started this process as one of several: RANK and WORLD_SIZE are not set, nor those of Slurm or MPI.',
    );
  const { gloo, nccl } = available();
  if (!gloo)
    throw failure(
      'This libtorch was built without Gloo, so processes cannot work together: set up another, such as those of pytorch.org.',
    );
  const { backend = device.startsWith('cuda') && nccl ? 'nccl' : 'gloo' } = options;
  if (backend === 'nccl' && !nccl)
    throw failure(
      "NCCL was not built in: set up a libtorch with CUDA where CUDA's and NCCL's headers are, or choose Gloo.",
    );
  return new DistributedGroup(environment, timeoutSeconds, backend === 'nccl');
}

/** The interfaces of this machine that the user wants Gloo to use; null if any. */
function chosenInterfaces(): string[] | null {
  const names = process.env.GLOO_SOCKET_IFNAME?.split(',') ?? [];
  if (names.length === 0 || names[0] === '') return null;
  const known = Object.keys(networkInterfaces());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw failure(
    `GLOO_SOCKET_IFNAME names ${quote(unknown)}, but the interfaces of this machine are ${known.join(', ')}.`,
  );
}

/** An address of this machine that the others can reach. */
function reachableAddress(towardsMaster: string | null, addresses: readonly string[]): string {
  // A machine may know itself by a loopback address, as Debian's /etc/hosts says, by which the others cannot reach it.
  const isLoopback = (each: string): boolean => each === '::1' || each.startsWith('127.');
  const needsOther = towardsMaster === null || isLoopback(towardsMaster);
  const other = needsOther ? addresses.find((each) => each !== '' && !isLoopback(each)) : undefined;
  return (other && native().addressTowards(other)) ?? towardsMaster ?? '127.0.0.1';
}

/** The implementation. `handle` and `waitFor` are for GradientBuckets. */
export class DistributedGroup implements ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  readonly localRank: number;
  readonly localWorldSize: number;
  readonly handle: object;
  /** Whether collectives were started that nobody has waited for. */
  busy = false;
  readonly #timeoutSeconds: number;
  readonly #store: Store;
  #failed: string | null = null;
  #destroyed = false;

  constructor(environment: Environment, timeoutSeconds: number, nccl: boolean) {
    const { rank, worldSize, localRank, localWorldSize, masterAddress } = environment;
    this.rank = rank;
    this.worldSize = worldSize;
    this.localRank = localRank;
    this.localWorldSize = localWorldSize;
    this.#timeoutSeconds = timeoutSeconds;
    const started = performance.now();
    const interfaces = chosenInterfaces();
    this.#store = new Store(environment, timeoutSeconds);
    const address = native().addressTowards(masterAddress);
    const addresses = this.#store.join(address ?? '', timeoutSeconds);
    const places = interfaces ?? [reachableAddress(address, addresses)];
    const milliseconds = Math.ceil(timeoutSeconds * 1000);
    const { handle, prefix } = this.#store;
    try {
      this.handle = native().openGroup(
        handle,
        prefix,
        rank,
        worldSize,
        milliseconds,
        places,
        interfaces !== null,
        nccl,
      );
    } catch (error) {
      const waited = (performance.now() - started) / 1000;
      throw this.#store.explain(`connecting by ${places.join(', ')}`, waited, (error as Error).message);
    }
  }

  allReduce(tensor: Tensor, operation: 'sum' | 'max' | 'min' = 'sum'): void {
    this.#allReduce(tensor, operation, 'all-reduce');
  }

  #allReduce(tensor: Tensor, operation: 'sum' | 'max' | 'min', name: string): void {
    this.#requireUsable();
    if (operation !== 'sum' && operation !== 'max' && operation !== 'min')
      throw badArgument(`allReduce: the operation must be sum, max or min, got ${operation}`);
    if (tensor.numel === 0) return;
    inPlace(tensor, summable(tensor), (buffer) => {
      const work = native().allReduce(this.handle, buffer, operation);
      this.waitFor(name, (milliseconds) => native().waitForWork(work, milliseconds));
    });
  }

  broadcast(tensor: Tensor, source = 0): void {
    this.#requireUsable();
    this.#requireRank('broadcast', source);
    if (tensor.numel === 0) return;
    inPlace(tensor, tensor.dtype, (buffer) => {
      const work = native().broadcast(this.handle, buffer, source);
      this.waitFor('broadcast', (milliseconds) => native().waitForWork(work, milliseconds));
    });
  }

  allGather(tensor: Tensor): Tensor[] {
    this.#requireUsable();
    return scope(() =>
      noGrad(() => {
        const { shape, dtype, device } = tensor;
        const results = Array.from({ length: this.worldSize }, () => ops.zeros(shape, { dtype, device }));
        if (tensor.numel === 0) return results;
        const work = native().allGather(this.handle, ops.contiguous(tensor), results);
        this.waitFor('all-gather', (milliseconds) => native().waitForWork(work, milliseconds));
        return results;
      }),
    );
  }

  barrier(): void {
    scope(() => this.#allReduce(ops.zeros([1]), 'sum', 'barrier'));
  }

  broadcastBytes(bytes: Uint8Array | null, source = 0): Uint8Array {
    const mine = this.rank === source;
    if (mine && !bytes) throw badArgument(`broadcastBytes: rank ${source}, the source, must pass bytes`);
    const length = scope(() => {
      const sent = tensor(BigInt64Array.of(BigInt(mine ? bytes!.length : 0)), [1]);
      this.broadcast(sent, source);
      return sent.item();
    });
    const result = mine ? bytes! : new Uint8Array(length);
    for (let start = 0; start < length; start += PIECE) {
      const piece = result.subarray(start, start + PIECE);
      scope(() => {
        const sent = fromBytes(piece, [piece.length], 'uint8');
        this.broadcast(sent, source);
        if (!mine) sent.toArray(piece);
      });
    }
    return result;
  }

  allGatherBytes(bytes: Uint8Array): Uint8Array[] {
    const lengths = scope(() =>
      this.allGather(tensor(BigInt64Array.of(BigInt(bytes.length)), [1])).map((each) => each.item()),
    );
    const results = lengths.map((length) => new Uint8Array(length));
    const longest = Math.max(...lengths);
    for (let start = 0; start < longest; start += PIECE) {
      const padded = new Uint8Array(Math.min(PIECE, longest - start));
      padded.set(bytes.subarray(start, start + padded.length));
      scope(() => {
        const pieces = this.allGather(fromBytes(padded, [padded.length], 'uint8'));
        for (const [rank, piece] of pieces.entries()) {
          const left = lengths[rank]! - start;
          if (left > 0) results[rank]!.set(piece.toBytes().subarray(0, left), start);
        }
      });
    }
    return results;
  }

  reportFailure(message: string): void {
    if (this.#failed !== null || this.#destroyed) return;
    this.#failed = message;
    this.#store.reportFailure(message);
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    // The destructor waits for what was started, for a rank that is gone until the end of the timeout. The end of the process
    // does not.
    if (this.#failed !== null || this.busy) return;
    native().closeGroup(this.handle);
    this.#store.close();
  }

  /**
   * Waits for a collective.
   *
   * @param isDone waits for at most so many milliseconds
   * @throws TorchError `distributed` that names the rank because of which it failed
   */
  waitFor(operation: string, isDone: (milliseconds: number) => boolean): void {
    this.#requireUsable();
    const started = performance.now();
    const limit = this.#timeoutSeconds * 1000;
    let detail = 'another rank failed';
    for (;;) {
      const left = limit - (performance.now() - started);
      try {
        if (isDone(Math.ceil(Math.min(INTERVAL_MS, Math.max(1, left))))) return;
      } catch (error) {
        detail = (error as Error).message;
        break;
      }
      if (left <= 0 || this.#store.someoneFailed()) break;
    }
    const error = this.#store.explain(operation, (performance.now() - started) / 1000, detail);
    this.#failed = error.message;
    throw error;
  }

  #requireUsable(): void {
    if (this.#destroyed) throw failure('The process group was destroyed.');
    if (this.#failed !== null) throw failure(this.#failed);
  }

  #requireRank(name: string, rank: number): void {
    if (!Number.isInteger(rank) || rank < 0 || rank >= this.worldSize)
      throw badArgument(`${name}: the source must be a rank from 0 to ${this.worldSize - 1}, got ${rank}`);
  }
}

/** The type in which values are summed: Gloo knows only some. It contains all values of the tensor's own. */
function summable({ dtype, device }: Tensor): DType {
  if (dtype === 'bool') return 'uint8';
  if (dtype === 'int16') return 'int32';
  return device === 'cpu' && (dtype === 'float16' || dtype === 'bfloat16') ? 'float32' : dtype;
}

/** Runs `work` on a contiguous tensor of a type, which is the tensor itself where it can be, and has its result there. */
function inPlace(target: Tensor, dtype: DType, work: (buffer: Tensor) => void): void {
  scope(() =>
    noGrad(() => {
      const buffer = ops.contiguous(ops.to(target, { dtype }));
      work(buffer);
      ops.copy_(target, buffer); // nothing is copied if it is the same tensor
    }),
  );
}
