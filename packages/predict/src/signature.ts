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

/** The names of a session's inputs and output. */
export interface Names {
  /** [N,3,crop,crop] */
  readonly input: string;
  /** Of several networks, how many to average: an int64 scalar. */
  readonly count?: string;
  /** [N,K] */
  readonly output: string;
}

/**
 * Names of the inputs and the output of a session.
 *
 * @throws ModelError if the model has another input or output
 */
export function signatureOf(
  { inputMetadata, outputMetadata }: Signature,
  { classes, preset, members = 1 }: Pick<ModelMetadata, 'classes' | 'preset' | 'members'>,
  name: string,
): Names {
  const [input, count, ...more] = inputMetadata as Value[];
  const [output] = outputMetadata as Value[];
  const refuse = (reason: string): never => {
    throw new ModelError(`${name}: ${reason}.`);
  };
  const isEnsemble = members > 1;
  if (input?.type !== 'float32' || more.length > 0 || (count !== undefined && !isEnsemble)) {
    return refuse('the model must have one input, float32 [N,3,H,W]');
  }
  if (isEnsemble && (count?.type !== 'int64' || (count.shape ?? []).length > 0)) {
    return refuse(`a model of ${members} networks must have a second input, an int64 scalar; export the model again`);
  }
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
  return { input: input.name, output: output.name, ...(count ? { count: count.name } : {}) };
}
