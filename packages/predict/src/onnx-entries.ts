import { PbfReader } from 'pbf';
import { ModelError } from './model-error.js';

/** Field numbers in onnx.proto, `ModelProto` and `StringStringEntryProto`. */
const FIELD = { irVersion: 1, graph: 7, metadata: 14, key: 1, value: 2 };

/** The wire type of strings, bytes and messages, which start with their length. */
const BYTES = 2;

/**
 * The entries of an ONNX file's `metadata_props`, which ONNX Runtime's JavaScript API does not expose.
 *
 * @param name how messages call the file
 * @throws ModelError if the bytes are not an ONNX file
 */
export function readEntries(bytes: Uint8Array, name: string): Map<string, string> {
  const entries = new Map<string, string>();
  const seen = new Set<number>();
  try {
    new PbfReader(bytes).readFields((field, _, pbf) => {
      seen.add(field);
      // Otherwise a file that ends inside a field, such as its graph, would be accepted.
      if (pbf.type === BYTES && pbf.pos + peekLength(pbf) > bytes.length) throw new RangeError('it ends too soon');
      if (field !== FIELD.metadata) return;
      const entry = pbf.readMessage(readEntry, { key: '', value: '' });
      entries.set(entry.key, entry.value);
    }, undefined);
  } catch (error) {
    throw new ModelError(`${name}: ${describeFailure(bytes, seen, error)}`);
  }
  if (!seen.has(FIELD.graph)) throw new ModelError(`${name}: ${describeFailure(bytes, seen)}`);
  return entries;
}

function peekLength(pbf: PbfReader): number {
  const { pos } = pbf;
  const length = pbf.readVarint();
  const header = pbf.pos - pos;
  pbf.pos = pos;
  return header + length;
}

function readEntry(field: number, entry: { key: string; value: string }, pbf: PbfReader): void {
  if (field === FIELD.key) entry.key = pbf.readString();
  if (field === FIELD.value) entry.value = pbf.readString();
}

function describeFailure(bytes: Uint8Array, seen: ReadonlySet<number>, error?: unknown): string {
  if (bytes.length === 0) return 'the file is empty (0 bytes); copy it again.';
  if (seen.has(FIELD.irVersion) && seen.has(FIELD.graph) && error !== undefined) {
    return 'the ONNX file is damaged or cut short; copy or export it again.';
  }
  return 'it is not an ONNX file; make one with evenhand export.';
}
