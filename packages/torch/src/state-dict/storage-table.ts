import { WeightsFileError } from './errors.js';
import { type Contents, storageDType } from './pickle-values.js';
import { isCount, StorageRef } from './tensor-record.js';

/**
 * The storages that a pickle refers to by persistent ids `('storage', class, key, device, numel)`, and in the legacy
 * layout a sixth item, a view of the storage or None (`torch/serialization.py`).
 */
export class StorageTable {
  readonly #path: string;
  readonly #byKey = new Map<string, StorageRef>();

  constructor(path: string) {
    this.#path = path;
  }

  /** All storages that were asked for, by key. */
  get storages(): ReadonlyMap<string, StorageRef> {
    return this.#byKey;
  }

  /** Gives the storage of a persistent id: the same object for the same key. Throws `WeightsFileError`. */
  readonly load = (id: Contents): StorageRef => {
    const [kind, storageClass, key, , numel, view] = Array.isArray(id) ? id : [];
    const dtype = storageDType(storageClass);
    if (kind !== 'storage' || typeof key !== 'string' || dtype === undefined || !isCount(numel)) {
      throw this.#fail('it refers to a storage in a way that PyTorch does not');
    }
    if (view !== undefined && view !== null) {
      const remedy = 'as only early versions of PyTorch wrote; load it with PyTorch and save it again';
      throw new WeightsFileError(this.#path, `storage "${key}" is a view of another storage, ${remedy}`);
    }
    const known = this.#byKey.get(key);
    if (known === undefined) {
      const storage = new StorageRef(key, dtype, numel);
      this.#byKey.set(key, storage);
      return storage;
    }
    if (known.dtype !== dtype || known.numel !== numel) {
      throw this.#fail(
        `storage "${key}" is ${known.dtype} [${known.numel}] in one place, ${dtype} [${numel}] in another`,
      );
    }
    return known;
  };

  #fail(problem: string): WeightsFileError {
    return new WeightsFileError(this.#path, `is corrupt, its pickled part is damaged: ${problem}`);
  }
}
