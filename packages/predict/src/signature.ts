import type { ModelMetadata } from './metadata.js';
import { ModelError } from './model-error.js';

/** One input or output of a session, as described by onnxruntime-common. */
interface Value {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

export interface Signature {
  readonly inputMetadata: readonly unknown[];
  readonly outputMetadata: readonly unknown[];
}

/**
 * Names of the input [N,3,crop,crop] and the output [N,K] of a session.
 *
 * @throws ModelError if the model has another input or output
 */
export function signatureOf(
  { inputMetadata, outputMetadata }: Signature,
  { classes, preset }: Pick<ModelMetadata, 'classes' | 'preset'>,
  name: string,
): { input: string; output: string } {
  const [input, ...more] = inputMetadata as Value[];
  const [output] = outputMetadata as Value[];
  const refuse = (reason: string): never => {
    throw new ModelError(`${name}: ${reason}.`);
  };
  if (input?.type !== 'float32' || more.length > 0) return refuse('the model must have one input, float32 [N,3,H,W]');
  const shape = input.shape ?? [];
  const { crop } = preset;
  const fits = (size: number | string | undefined, expected: number) => typeof size !== 'number' || size === expected;
  if (shape.length !== 4 || !fits(shape[1], 3)) return refuse(`its input must be [N,3,H,W], but is [${shape}]`);
  if (!fits(shape[2], crop) || !fits(shape[3], crop)) {
    return refuse(`its input is ${shape[3]} x ${shape[2]} pixels, but the preset crops images to ${crop} x ${crop}`);
  }
  const logits = output?.shape ?? [];
  const found = output === undefined ? 'missing' : `${output.type} [${logits}]`;
  if (output?.type !== 'float32' || logits.length !== 2)
    return refuse(`its output must be logits, float32 [N,K], but is ${found}`);
  if (!fits(logits[1], classes.length))
    return refuse(`its output has ${logits[1]} logits, but there are ${classes.length} class names`);
  return { input: input.name, output: output.name };
}
