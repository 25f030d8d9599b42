/** A server that cannot start: `message` is one sentence that names the address and says what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code = 'EVENHAND_SERVER';
}
