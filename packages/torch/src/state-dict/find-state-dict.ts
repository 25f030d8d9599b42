import type { Contents } from './pickle-values.js';
import { TensorRecord } from './tensor-record.js';

/** The tensors of a checkpoint and where in it they were. */
export interface FoundStateDict {
  readonly tensors: ReadonlyMap<string, TensorRecord>;
  readonly takenFrom: TakenFrom;
}

export interface TakenFrom {
  /** Key of the checkpoint under which the tensors were; undefined if they were at the top level. */
  readonly key: string | undefined;
  /** What all names began with and has been taken off, such as `module.`; empty if nothing was. */
  readonly prefix: string;
}

/** In order of preference. Weights averaged over the training (`ema`) come after the plain ones. */
const usualKeys = ['state_dict', 'model', 'model_state_dict', 'model_ema', 'state_dict_ema', 'net'];
/** What DataParallel and torch.compile put before every name. */
const wrapperPrefixes = ['module.', '_orig_mod.'];

/**
 * Finds the tensors in what a `.pth` file holds: at the top level if all values there are tensors, else under one of the
 * usual keys of checkpoints. Undefined if there are none.
 */
export function findStateDict(contents: Contents): FoundStateDict | undefined {
  const top = asTensors(contents);
  if (top) return withoutPrefix(top, undefined);
  if (!(contents instanceof Map)) return undefined;
  for (const key of usualKeys) {
    const nested = asTensors(contents.get(key) ?? null);
    if (nested) return withoutPrefix(nested, key);
  }
  return undefined;
}

function asTensors(contents: Contents): Map<string, TensorRecord> | undefined {
  if (!(contents instanceof Map) || contents.size === 0) return undefined;
  const tensors = new Map<string, TensorRecord>();
  for (const [name, value] of contents) {
    if (typeof name !== 'string' || !(value instanceof TensorRecord)) return undefined;
    tensors.set(name, value);
  }
  return tensors;
}

function withoutPrefix(tensors: Map<string, TensorRecord>, key: string | undefined): FoundStateDict {
  let names = [...tensors.keys()];
  let prefix = '';
  for (let next = commonPrefix(names); next !== undefined; next = commonPrefix(names)) {
    const length = next.length;
    names = names.map((name) => name.slice(length));
    prefix += next;
  }
  const records = [...tensors.values()];
  return { tensors: new Map(names.map((name, i) => [name, records[i]!])), takenFrom: { key, prefix } };
}

function commonPrefix(names: readonly string[]): string | undefined {
  return wrapperPrefixes.find((prefix) => names.every((name) => name.startsWith(prefix)));
}
