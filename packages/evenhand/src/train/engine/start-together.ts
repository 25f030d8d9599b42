import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { torchVersion } from '@evenhand/torch';
import { pathsRelativeTo } from '../../data/index.js';
import { RunFolder } from '../../run/index.js';
import { version } from '../../version.js';
import { ConfigError } from '../config/field.js';
import { type Config, fieldNames, fieldsOfGroup } from '../config/fields.js';
import type { Prepared } from '../setup/prepare.js';
import { computedOnce, type Group, isMain, valuesOf } from './group.js';

/** How much of a file is read and sent at a time. */
const CHUNK_BYTES = 64 * 2 ** 20;

/** @throws ConfigError for a setting that several processes cannot follow */
export function requireGroup({ budget, cudaGraph, fold }: Config, group: Group): void {
  if (!group) return;
  const refuse = (name: string, why: string): never => {
    throw new ConfigError(`${name} is set, but ${why}: leave it out, or train in one process`);
  };
  if (fold === 'all') {
    throw new ConfigError(
      `fold is all, but ${group.worldSize} processes train one model together: train the folds one after another with their numbers, and average them with evenhand export RUN RUN`,
    );
  }
  if (budget !== '') refuse('budget', `${group.worldSize} processes train together, whose clocks differ`);
  if (cudaGraph) refuse('cudaGraph', 'processes that train together exchange gradients within the step');
}

/**
 * Runs `work` with the folder in which this process works: rank 0 in the run, the others in folders of their own, which are
 * removed, so that no code behind it needs to know who writes.
 */
export async function inOwnFolder<T>(group: Group, run: string, work: (run: string) => Promise<T>): Promise<T> {
  if (isMain(group)) return work(run);
  const own = mkdtempSync(join(tmpdir(), `evenhand-rank-${group!.rank}-`));
  try {
    return await work(join(own, 'run'));
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Copies what resuming reads from the run of rank 0 to the own folders of the other processes. */
export function copyRunFromMain(group: Group, run: string): void {
  if (!group) return;
  const files = computedOnce(group, () =>
    [...readdirSync(run).filter((name) => /\.jsonl?$/.test(name)), relative(run, RunFolder.open(run).last)].filter(
      (name) => existsSync(join(run, name)),
    ),
  );
  for (const name of files) {
    const path = join(run, name);
    if (!isMain(group)) mkdirSync(dirname(path), { recursive: true });
    const file = openSync(path, isMain(group) ? 'r' : 'w');
    try {
      const buffer = isMain(group) ? Buffer.alloc(CHUNK_BYTES) : null;
      for (;;) {
        const bytes = group.broadcastBytes(buffer ? buffer.subarray(0, readSync(file, buffer)) : null);
        if (bytes.length === 0) break;
        if (!buffer) writeSync(file, bytes);
      }
    } finally {
      closeSync(file);
    }
  }
}

/**
 * Runs `prepare` first in one process of each machine and then in the others, which find what it has found in images in the
 * cache.
 */
export async function afterNeighbours<T>(group: Group, prepare: () => Promise<T>): Promise<T> {
  const isFirst = !group || group.localRank === 0;
  if (!isFirst) group.barrier();
  const prepared = await prepare();
  if (isFirst) group?.barrier();
  return prepared;
}

/** @throws ConfigError naming the first difference between this process and rank 0: versions, settings, images, labels */
export function requireSameStart(group: Group, config: Config, data: Prepared): void {
  if (!group) return;
  const ofMachine = new Set<string>(fieldsOfGroup('Machine').filter((name) => name !== 'seed'));
  const settings = fieldNames.filter((name) => !ofMachine.has(name));
  const facts = {
    'version of evenhand': version(),
    'version of Node': process.versions.node,
    'version of libtorch': torchVersion(),
    ...Object.fromEntries(settings.map((name) => [`setting ${name}`, String(config[name])])),
    data: data.fingerprint,
    'order or split of the data': data.splitFingerprint,
  };
  const [first, ...others] = valuesOf<Record<string, string>>(group, facts);
  for (const [i, other] of others.entries()) {
    const name = Object.keys(first!).find((key) => first![key] !== other[key]);
    if (name === undefined) continue;
    // Every process looks for it, as all of them end here.
    const where = `Rank ${i + 1} differs from rank 0`;
    if (name === 'data') throw new ConfigError(`${where} in its data: ${firstDifference(group, i + 1, config, data)}`);
    throw new ConfigError(`${where} in the ${name}: it has ${other[name]}, rank 0 has ${first![name]}`);
  }
  if (data.train.length < group.worldSize) {
    throw new ConfigError(
      `${data.train.length} training images cannot be divided among ${group.worldSize} processes: start fewer`,
    );
  }
}

/** The first image in which the data of another process differs from those of rank 0. */
function firstDifference(group: Group, rank: number, config: Config, data: Prepared): string {
  const relativePath = pathsRelativeTo(config.data);
  const images = [...data.train, ...data.val].map(({ file, label }): [string, string] => [
    relativePath(file),
    `${data.hashes.get(file)} ${data.classes[label]}`,
  ]);
  const lists = valuesOf(group, group!.rank === 0 || group!.rank === rank ? images : []);
  const [first, other] = [new Map(lists[0]), new Map(lists[rank])];
  for (const [file, content] of first) {
    const there = other.get(file);
    if (there === undefined) return `it has no image ${file}`;
    if (there !== content) return `${file} is another file or has another label`;
  }
  const extra = [...other.keys()].find((file) => !first.has(file));
  return extra === undefined ? 'the classes are others' : `it has an image ${extra} that rank 0 has not`;
}
