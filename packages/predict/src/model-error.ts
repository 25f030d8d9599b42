/** A model file that cannot be used; `message` is one sentence with its name, the reason and the remedy. */
export class ModelError extends Error {
  override readonly name = 'ModelError';

  /** The same as `message`; every outcome without a prediction has a `reason`. */
  get reason(): string {
    return this.message;
  }
}
