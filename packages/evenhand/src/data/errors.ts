/** Data that cannot be used as it is: one sentence that says what was found, what was expected and what to do. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
