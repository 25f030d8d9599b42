import { bytesPerElement } from '../dtype.js';
import { describeValue, quote } from '../printable.js';
import { ByteCursor } from './byte-cursor.js';
import { type ByteSource, dataView, readBytes, sliceSource } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import type { Contents } from './pickle-values.js';
import { StorageTable } from './storage-table.js';
import type { StorageRef } from './tensor-record.js';
import { unpickle } from './unpickle.js';
import { openZipEntry, readZipDirectory, type ZipEntry } from './zip.js';

/** The contents of a file that `torch.save` wrote, as plain data, with access to the bytes of the storages. */
export interface PthParts {
  readonly contents: Contents;
  /** The bytes of a storage, little-endian; undefined if it is not in `contents`. Throws `WeightsFileError`. */
  readonly openStorage: (storage: StorageRef) => ByteSource | undefined;
}

/** The pickle holds the structure only, without the numbers. In real checkpoints it takes some hundred kilobytes. */
const maxPickleBytes = 100_000_000;

/**
 * Reads the zip layout (PyTorch 1.6 and later, `torch/serialization.py` `_load`): `NAME/data.pkl` and a stored entry
 * `NAME/data/KEY` for each storage. Other entries (`version`, `.format_version`, `.storage_alignment`,
 * `.data/serialization_id`) are not needed. Throws `WeightsFileError`.
 */
export function readPthZip(source: ByteSource): PthParts {
  const fail = (problem: string) => new WeightsFileError(source.path, problem);
  const entries = readZipDirectory(source);
  const pickle = [...entries.values()].find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw fail('is a zip archive that was not written by torch.save: it has no data.pkl');
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw fail('is a TorchScript program, not a weights file; load it with torch.jit.load and save its state_dict()');
  }
  const byteOrder = entries.get(`${folder}byteorder`);
  if (byteOrder && readText(openZipEntry(source, byteOrder)) !== 'little') {
    throw fail('is not in little-endian byte order; load it with PyTorch and save it again on this machine');
  }
  if (pickle.size > maxPickleBytes) throw fail(`claims a data.pkl of ${pickle.size} bytes`);

  const table = new StorageTable(source.path);
  const contents = unpickle(new ByteCursor(openZipEntry(source, pickle)), table.load);
  const entryOf = new Map<StorageRef, ZipEntry>();
  for (const storage of table.storages.values()) {
    const entry = entries.get(`${folder}data/${storage.key}`);
    if (entry === undefined) {
      throw fail(`is truncated or corrupt: it lacks the entry ${quote(`${folder}data/${storage.key}`)}`);
    }
    if (entry.size < byteLength(storage)) {
      const sizes = `${entry.size} bytes instead of ${byteLength(storage)}`;
      throw fail(`is truncated or corrupt: the entry ${quote(entry.name)} has ${sizes}`);
    }
    entryOf.set(storage, entry);
  }
  return { contents, openStorage: openLast(source, entryOf) };
}

/**
 * Reads the legacy layout (before PyTorch 1.6, `torch/serialization.py` `_legacy_load`): pickles with a magic number, a
 * protocol version, system information, the object and a list of storage keys; then, in the order of the keys, the number
 * of elements of each storage (8 bytes) and its bytes. Throws `WeightsFileError`.
 */
export function readPthLegacy(source: ByteSource): PthParts {
  const fail = (problem: string) => new WeightsFileError(source.path, problem);
  const cursor = new ByteCursor(source);
  const table = new StorageTable(source.path);
  if (unpickle(cursor, table.load) !== legacyMagic) throw fail('is a Python pickle that was not written by torch.save');
  const version = unpickle(cursor, table.load);
  if (version !== 1001) throw fail(`has the legacy protocol ${describeValue(version)}; only 1001 can be read`);
  // Byte order and integer sizes of the writing machine. Storages are little-endian on every machine.
  unpickle(cursor, table.load);
  const contents = unpickle(cursor, table.load);
  const keys = unpickle(cursor, table.load);
  if (!Array.isArray(keys)) throw fail('is truncated or corrupt: its list of storages is missing');

  const opened = new Map<StorageRef, ByteSource>();
  let position = cursor.position;
  for (const key of keys) {
    const storage = typeof key === 'string' ? table.storages.get(key) : undefined;
    if (storage === undefined) throw fail('is truncated or corrupt: its list of storages contains an unknown one');
    if (opened.has(storage))
      throw fail(`is truncated or corrupt: its list of storages has ${quote(storage.key)} twice`);
    const numel = dataView(readBytes(source, position, 8)).getBigInt64(0, true);
    if (numel !== BigInt(storage.numel)) {
      throw fail(
        `is truncated or corrupt: storage ${quote(storage.key)} has ${numel} elements instead of ${storage.numel}`,
      );
    }
    opened.set(storage, sliceSource(source, position + 8, byteLength(storage)));
    position += 8 + byteLength(storage);
  }
  const missing = [...table.storages.values()].find((storage) => !opened.has(storage));
  if (missing !== undefined) throw fail(`is truncated or corrupt: it lacks the bytes of storage ${quote(missing.key)}`);
  return { contents, openStorage: (storage) => opened.get(storage) };
}

/** `torch.serialization.MAGIC_NUMBER`. */
const legacyMagic = 0x1950a86a20f9469cfc6cn;

function byteLength({ numel, dtype }: StorageRef): number {
  return numel * bytesPerElement[dtype];
}

/** Keeps the entry opened last. Tensors that share a storage are neighbours, so each entry is inflated only once. */
function openLast(source: ByteSource, entryOf: ReadonlyMap<StorageRef, ZipEntry>): PthParts['openStorage'] {
  let last: { entry: ZipEntry; bytes: ByteSource } | undefined;
  return (storage) => {
    const entry = entryOf.get(storage);
    if (entry !== undefined && entry !== last?.entry) last = { entry, bytes: openZipEntry(source, entry) };
    return entry && last?.bytes;
  };
}

function readText(source: ByteSource): string {
  return new TextDecoder().decode(readBytes(source, 0, Math.min(source.size, 100)));
}
