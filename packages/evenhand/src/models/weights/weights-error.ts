/** What kept weights from being had. */
export type WeightsErrorCode = 'not-found' | 'refused' | 'unreachable' | 'interrupted' | 'wrong-hash' | 'disk';

/** Pretrained weights could not be had. `message` is one sentence with the remedy, `code` is stable. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  readonly code: WeightsErrorCode;

  constructor(code: WeightsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The system's code of an error or of what caused it, such as `ENOSPC` or `ECONNREFUSED`. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : systemCode(error.cause);
}
