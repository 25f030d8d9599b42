import { quote } from '../printable.js';
import { WeightsFileError } from './errors.js';
import { type Contents, storageDType } from './pickle-values.js';
import { isCount, StorageRef } from './tensor-record.js';

/**
 * The storages that a pickle refers to by persistent ids `('storage', class, key, device, numel)`. In the legacy layout
 * there is a sixth item: a view of the storage, or None (`torch/serialization.py`).
 */
export class StorageTable {
  readonly #path: string;
  readonly #byKey = new Map<string, StorageRef>();

  constructor(path: string) {
    this.#path = path;
  }

  /** All storages that the pickle has referred to, by key. */
  get storages(): ReadonlyMap<string, StorageRef> {
    return this.#byKey;
  }

  /** Returns the storage of a persistent id: the same object for the same key. Throws `WeightsFileError`. */
  readonly load = (id: Contents): StorageRef => {
    const [kind, storageClass, key, , numel, view] = Array.isArray(id) ? id : [];
    const dtype = storageDType(storageClass);
    if (kind !== 'storage' || typeof key !== 'string' || dtype === undefined || !isCount(numel)) {
      throw this.#fail('its reference to a storage is not one that PyTorch writes');
    }
    if (view !== undefined && view !== null) {
      const remedy = 'which only early versions of PyTorch wrote; load it with PyTorch and save it again';
      throw new WeightsFileError(this.#path, `storage ${quote(key)} is a view of another storage, ${remedy}`);
    }
    const existing = this.#byKey.get(key);
    if (existing === undefined) {
      const storage = new StorageRef(key, dtype, numel);
      this.#byKey.set(key, storage);
      return storage;
    }
    if (existing.dtype !== dtype || existing.numel !== numel) {
      throw this.#fail(
        `storage ${quote(key)} is ${existing.dtype} [${existing.numel}] in one place, ${dtype} [${numel}] in another`,
      );
    }
    return existing;
  };

  #fail(problem: string): WeightsFileError {
    return new WeightsFileError(this.#path, `is corrupt: in its pickle, ${problem}`);
  }
}
