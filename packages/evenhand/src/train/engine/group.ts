import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { deserialize, serialize } from 'node:v8';
import { type distributed, noGrad, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import { positionsOf } from '../../data/index.js';
import type { Part } from '../../part.js';

/**
 * The processes that train one model together, each with a part of every batch; null for a training in one process. All of
 * them run the same code and have the same state after each step. What depends on clocks, signals or files is decided by
 * rank 0 or agreed here.
 */
export type Group = (distributed.ProcessGroup & Cores) | null;

/** A group before `shareCores`. */
type Processes = distributed.ProcessGroup | null;

interface Cores {
  /** The cores of this process: its share of those that it may use. */
  readonly cores: number;
}

/** Finds out how many processes of the group share the cores that this one may use: launchers may give each its own. */
export function shareCores(group: Processes): Group {
  if (!group) return null;
  const own = coreSet();
  const sharers = group.allGatherBytes(Buffer.from(own)).filter((set) => Buffer.from(set).toString() === own);
  return Object.assign(group, { cores: Math.max(1, Math.floor(availableParallelism() / sharers.length)) });
}

/** Names the cores that this process may use, and their machine. */
function coreSet(): string {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  };
  const machine = read('/proc/sys/kernel/random/boot_id') || hostname();
  return `${machine} ${/^Cpus_allowed_list:.*$/m.exec(read('/proc/self/status'))?.[0]}`;
}

export const coresOf = (group: Group): number => group?.cores ?? availableParallelism();

export const worldSizeOf = (group: Group): number => group?.worldSize ?? 1;

/** Whether this process writes the run: the first one, or the only one. */
export const isMain = (group: Processes): boolean => group === null || group.rank === 0;

/** The part of a batch that this process takes. */
export const partOf = (group: Group): Part =>
  group ? { index: group.rank, count: group.worldSize } : { index: 0, count: 1 };

/** The values of all processes by rank, plain data. All of them must call it. */
export const valuesOf = <T>(group: Processes, value: T): T[] =>
  group ? group.allGatherBytes(serialize(value)).map((bytes) => deserialize(bytes)) : [value];

/** Whether `flag` is true in any process. All of them must call it. */
export const anyOf = (group: Processes, flag: boolean): boolean => valuesOf(group, flag).includes(true);

/** The value of `compute`, plain data and typed arrays, which rank 0 alone calls. */
export function computedOnce<T>(group: Processes, compute: () => T): T {
  if (!group) return compute();
  return deserialize(group.broadcastBytes(group.rank === 0 ? serialize(compute()) : null));
}

/** Copies tensors of rank 0 to the other processes, in place. */
export function copyFromMain(group: Group, tensors: Iterable<Tensor>): void {
  if (!group) return;
  noGrad(() => {
    for (const value of tensors) group.broadcast(value);
  });
}

/** Number of samples in this process's part of a pass over `count` samples in batches of `batchSize`. */
export function countOfPart(group: Group, count: number, batchSize: number): number {
  return group ? positionsOfPart(count, batchSize, partOf(group)).length : count;
}

/**
 * The rows of all processes, float32 [count,F], in the order of the samples; null if one of the processes was interrupted. All
 * of them must call it.
 *
 * @param rows those of this process's part of the pass, [n,F], or null if it was interrupted; the caller disposes of both
 * tensors
 */
export function gatherRows(
  group: distributed.ProcessGroup,
  rows: Tensor | null,
  count: number,
  batchSize: number,
): Tensor | null {
  if (anyOf(group, rows === null) || rows === null) return null;
  const parts = Array.from({ length: group.worldSize }, (_, index) =>
    positionsOfPart(count, batchSize, { index, count: group.worldSize }),
  );
  const most = Math.max(...parts.map(({ length }) => length));
  const width = rows.shape[1]!;
  return scope(() => {
    const padded = ops.zeros([most, width], { device: rows.device });
    if (rows.shape[0]! > 0) ops.copy_(ops.narrow(padded, 0, 0, rows.shape[0]!), rows);
    const gathered = ops.cat(group.allGather(padded), 0);
    const source = new Int32Array(count);
    for (const [rank, positions] of parts.entries()) {
      for (const [i, position] of positions.entries()) source[position] = rank * most + i;
    }
    return ops.indexSelect(gathered, 0, tensor(source, [count], { dtype: 'int64', device: rows.device }));
  });
}

/** The positions of a part of a pass over `count` samples. */
function positionsOfPart(count: number, batchSize: number, part: Part): number[] {
  const positions: number[] = [];
  for (let batch = 0; batch * batchSize < count; batch++) {
    const { start, end } = positionsOf(batch, batchSize, count, part);
    for (let position = start; position < end; position++) positions.push(position);
  }
  return positions;
}
