import { escapeControls } from './printable.js';

/**
 * The kind of failure, for programs to compare with. Messages may change; codes do not.
 *
 * - `TORCH_OPERATION_FAILED`: libtorch refused or failed, for example because shapes do not match.
 * - `TORCH_BAD_ARGUMENT`: an argument has the wrong type or value.
 * - `TORCH_DISPOSED`: a tensor was used after its scope had ended or after `dispose()`.
 * - `TORCH_OUT_OF_MEMORY`: the device has too little memory for the result.
 * - `TORCH_UNKNOWN_OPERATOR`: the loaded libtorch has no such operation.
 * - `TORCH_NATIVE_MISSING`: the addon or its libtorch could not be loaded.
 * - `distributed`: another process of the group is gone or does not answer, or what its launcher said is wrong.
 */
export type TorchErrorCode =
  | 'TORCH_OPERATION_FAILED'
  | 'TORCH_BAD_ARGUMENT'
  | 'TORCH_DISPOSED'
  | 'TORCH_OUT_OF_MEMORY'
  | 'TORCH_UNKNOWN_OPERATOR'
  | 'TORCH_NATIVE_MISSING'
  | 'distributed';

/** Every failure of this package except of weights files. `message` is one line. */
export class TorchError extends Error {
  override readonly name = 'TorchError';

  constructor(
    message: string,
    readonly code: TorchErrorCode,
    /** The operation, such as `conv2d`; empty if none was involved. */
    readonly op = '',
    /** The operation's schema as the loaded libtorch prints it; empty if none was involved. */
    readonly schema = '',
  ) {
    super(escapeControls(message));
  }
}

/** The error for an argument of the wrong type or value. */
export function badArgument(message: string): TorchError {
  return new TorchError(message, 'TORCH_BAD_ARGUMENT');
}
