import { constants } from 'node:buffer';
import { describeValue, quote } from '../printable.js';
import { type ByteSource, FileSource, readBytes, sliceSource } from './byte-source.js';
import { WeightsFileError } from './errors.js';
import { findStateDict, type TakenFrom } from './find-state-dict.js';
import type { Contents } from './pickle-values.js';
import { type PthParts, readPthLegacy, readPthZip } from './pth.js';
import { readTensor } from './read-tensor.js';
import { readSafetensorsHeader } from './safetensors-header.js';
import { product, rowMajorStrides, StorageRef, TensorRecord } from './tensor-record.js';

export type WeightsFormat = 'safetensors' | 'pth (zip)' | 'pth (legacy)';

/** The result of the reader of each format. */
interface Parts {
  readonly tensors: ReadonlyMap<string, TensorRecord>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly contents: Contents;
  readonly takenFrom: TakenFrom;
  readonly openStorage: PthParts['openStorage'];
}

/**
 * An open weights file. Opening it reads names and shapes; the values of a tensor are read on request. So memory holds only
 * what the caller keeps and, while a tensor with gaps is read, the bytes that it spans.
 */
export class WeightsFile {
  /** The tensors by name, in the order of the file. Tensors that share memory have the same `storage`. */
  readonly tensors: ReadonlyMap<string, TensorRecord>;
  /** The metadata of a safetensors file; empty for a `.pth`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Everything in a `.pth`, such as optimizer state and numbers, as plain data; for safetensors the tensors. */
  readonly contents: Contents;
  /** Where in `contents` the tensors were found. */
  readonly takenFrom: TakenFrom;
  readonly #source: FileSource;
  readonly #openStorage: PthParts['openStorage'];

  /** Use `openWeights` instead. */
  constructor(
    source: FileSource,
    readonly format: WeightsFormat,
    parts: Parts,
  ) {
    this.#source = source;
    this.tensors = parts.tensors;
    this.metadata = parts.metadata;
    this.contents = parts.contents;
    this.takenFrom = parts.takenFrom;
    this.#openStorage = parts.openStorage;
  }

  get path(): string {
    return this.#source.path;
  }

  /**
   * The values of a tensor, by its name or by its record in `contents`: row-major without gaps, little-endian,
   * `byteLength` bytes. Throws `WeightsFileError` if there is no such tensor or the file cannot be read.
   */
  read(tensor: string | TensorRecord): Uint8Array {
    const { byteLength } = this.#record(tensor);
    if (byteLength > constants.MAX_LENGTH) {
      throw new WeightsFileError(
        this.path,
        `a tensor has ${byteLength} bytes; Node.js can hold at most ${constants.MAX_LENGTH}`,
      );
    }
    const bytes = new Uint8Array(byteLength);
    this.readInto(tensor, bytes);
    return bytes;
  }

  /** Like `read`, but into an array that has exactly the tensor's `byteLength`. Throws `WeightsFileError`. */
  readInto(tensor: string | TensorRecord, target: Uint8Array): void {
    const record = this.#record(tensor);
    if (target.length !== record.byteLength) {
      const sizes = `${record.byteLength} bytes, but the target has ${target.length}`;
      throw new WeightsFileError(this.path, `a tensor of ${record.dtype} [${record.shape.join(', ')}] needs ${sizes}`);
    }
    const storage = this.#openStorage(record.storage);
    if (storage === undefined)
      throw new WeightsFileError(this.path, 'does not contain this tensor, which is from another file');
    readTensor(record, storage, target);
  }

  /** Closes the file. May be called twice. */
  close(): void {
    this.#source.close();
  }

  #record(tensor: string | TensorRecord): TensorRecord {
    if (typeof tensor !== 'string') return tensor;
    const record = this.tensors.get(tensor);
    if (record === undefined) throw new WeightsFileError(this.path, `has no tensor ${quote(tensor)}`);
    return record;
  }
}

/**
 * Opens a safetensors file, or a `.pth` in the zip or the legacy layout. The format is detected from the content, not from
 * the name. No code in the file is run. Throws `WeightsFileError` for a file that is not a regular file, cannot be opened, is
 * truncated or corrupt, contains anything but tensors and plain data, or has no state dict.
 */
export function openWeights(path: string): WeightsFile {
  const source = new FileSource(path);
  try {
    const format = detectFormat(source);
    return new WeightsFile(
      source,
      format,
      format === 'safetensors' ? safetensorsParts(source) : pthParts(source, format),
    );
  } catch (error) {
    source.close();
    throw error;
  }
}

function detectFormat(source: ByteSource): WeightsFormat {
  const fail = (problem: string) => new WeightsFileError(source.path, problem);
  if (source.size === 0) throw fail('is empty');
  const head = Buffer.from(readBytes(source, 0, Math.min(source.size, 512)));
  if (head.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))) return 'pth (zip)';
  // A safetensors file begins with the length of its header, eight bytes of which at most four are used, and then JSON.
  if (head[8] === 0x7b) return 'safetensors';
  if (head[0] === 0x80 && head.length > 1 && head[1]! >= 2 && head[1]! <= 5) return 'pth (legacy)';
  if (head.length >= 8 && head.readUInt32LE(4) === 0) return 'safetensors';
  if (head.toString('latin1', 257, 262) === 'ustar') {
    throw fail('has the tar layout of the first versions of PyTorch; load it with PyTorch and save it again');
  }
  const text = head.toString('latin1').trimStart();
  if (text.startsWith('version https://git-lfs')) {
    throw fail('is a Git LFS pointer, not the file itself; download it with `git lfs pull`');
  }
  if (text.startsWith('<')) throw fail('is a web page or XML, not a weights file; download it again');
  throw fail('is neither a safetensors file nor a .pth file written by torch.save');
}

function safetensorsParts(source: ByteSource): Parts {
  const { tensors: entries, metadata } = readSafetensorsHeader(source);
  const tensors = new Map<string, TensorRecord>();
  const starts = new Map<StorageRef, number>();
  for (const { name, dtype, shape, start } of entries) {
    const storage = new StorageRef(name, dtype, product(shape));
    starts.set(storage, start);
    tensors.set(name, new TensorRecord(storage, shape, rowMajorStrides(shape), 0));
  }
  const openStorage = (storage: StorageRef) => {
    const start = starts.get(storage);
    return start === undefined ? undefined : sliceSource(source, start, source.size - start);
  };
  return { tensors, metadata, contents: new Map(tensors), takenFrom: { key: undefined, prefix: '' }, openStorage };
}

function pthParts(source: ByteSource, format: 'pth (zip)' | 'pth (legacy)'): Parts {
  const { contents, openStorage } = format === 'pth (zip)' ? readPthZip(source) : readPthLegacy(source);
  const found = findStateDict(contents);
  if (found === undefined) {
    const problem = `has no state dict: it is ${describeContents(contents)}; save model.state_dict() alone`;
    throw new WeightsFileError(source.path, problem);
  }
  return { ...found, metadata: new Map(), contents, openStorage };
}

function describeContents(contents: Contents): string {
  if (contents instanceof TensorRecord) return 'a single tensor';
  if (!(contents instanceof Map)) return 'not a dict';
  if (contents.size === 0) return 'an empty dict';
  const keys = [];
  for (const key of contents.keys()) if (keys.push(describeValue(key)) === 8) break;
  return `a dict with ${keys.join(', ')}`;
}
