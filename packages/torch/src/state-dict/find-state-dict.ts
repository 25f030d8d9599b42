import type { Contents } from './pickle-values.js';
import { TensorRecord } from './tensor-record.js';

/** The tensors of a checkpoint and where they were found in it. */
export interface FoundStateDict {
  readonly tensors: ReadonlyMap<string, TensorRecord>;
  readonly takenFrom: TakenFrom;
}

export interface TakenFrom {
  /** The key of the checkpoint that holds the tensors; undefined if they are at the top level. */
  readonly key: string | undefined;
  /** The prefix that was removed from all names, such as `module.`; may be empty. */
  readonly prefix: string;
}

/** In order of preference. Averaged weights (`ema`) come after plain ones. */
const usualKeys = ['state_dict', 'model', 'model_state_dict', 'model_ema', 'state_dict_ema', 'net'];
/** Prefixes that DataParallel and torch.compile add to every name. */
const wrapperPrefixes = ['module.', '_orig_mod.'];

/**
 * Finds the tensors in the contents of a `.pth` file: at the top level if all values there are tensors, else under one of
 * the usual keys of checkpoints. Undefined if there are none.
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
  const prefix = wrapperPrefix([...tensors.keys()]);
  if (prefix === '') return { tensors, takenFrom: { key, prefix } };
  const renamed = new Map([...tensors].map(([name, record]) => [name.slice(prefix.length), record]));
  return { tensors: renamed, takenFrom: { key, prefix } };
}

/** The longest sequence of wrapper prefixes that all names begin with. */
function wrapperPrefix(names: readonly string[]): string {
  const first = names[0]!;
  let length = 0;
  for (;;) {
    const next = wrapperPrefixes.find((prefix) => names.every((name) => name.startsWith(prefix, length)));
    if (next === undefined) return first.slice(0, length);
    length += next.length;
  }
}
