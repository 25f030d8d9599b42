import { ModelError, type ModelMetadata } from './metadata.js';

/** Of one input or output of a session, as onnxruntime-common tells it. */
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
 * @throws ModelError where the model takes or gives something else
 */
export function signatureOf(
  { inputMetadata, outputMetadata }: Signature,
  { classes, preset }: Pick<ModelMetadata, 'classes' | 'preset'>,
  name: string,
): { input: string; output: string } {
  const [input, ...more] = inputMetadata as Value[];
  const [output] = outputMetadata as Value[];
  const wrong = (what: string): never => {
    throw new ModelError(`${name}: ${what}.`);
  };
  if (input?.type !== 'float32' || more.length > 0) return wrong('expected one input, float32 [N,3,H,W]');
  const shape = input.shape ?? [];
  const { crop } = preset;
  const fits = (size: number | string | undefined, wanted: number) => typeof size !== 'number' || size === wanted;
  if (shape.length !== 4 || !fits(shape[1], 3)) return wrong(`its input is [${shape}], and images are [N,3,H,W]`);
  if (!fits(shape[2], crop) || !fits(shape[3], crop)) {
    return wrong(`its images are ${shape[3]} x ${shape[2]} pixels, and the preset makes ${crop} x ${crop}`);
  }
  const logits = output?.shape ?? [];
  if (output?.type !== 'float32' || logits.length !== 2)
    return wrong(`its output is [${logits}], and logits are [N,K]`);
  if (!fits(logits[1], classes.length))
    return wrong(`it has ${logits[1]} logits, and there are ${classes.length} labels`);
  return { input: input.name, output: output.name };
}
