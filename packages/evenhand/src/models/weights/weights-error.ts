/** Why weights could not be downloaded or found; `invalid`: their configuration file cannot be used. */
export type WeightsErrorCode =
  | 'not-found'
  | 'refused'
  | 'unreachable'
  | 'interrupted'
  | 'wrong-hash'
  | 'disk'
  | 'invalid';

/** Pretrained weights could not be downloaded or found. `message` is one sentence with the remedy, `code` is stable. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  readonly code: WeightsErrorCode;

  constructor(code: WeightsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The code of the operating system in an error or its cause, such as `ENOSPC` or `ECONNREFUSED`. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : systemCode(error.cause);
}
