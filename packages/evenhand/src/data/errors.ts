/** The data cannot be used as it is. The message is one sentence: what was found, what was expected, what to do. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
