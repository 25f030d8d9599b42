import type { Tensor } from '@evenhand/torch';
import { ExportError, type GraphBuilder } from './graph.js';
import { arithmeticTranslations } from './translate-arithmetic.js';
import { layerTranslations } from './translate-layers.js';
import { SIZED, shapeTranslations } from './translate-shapes.js';
import { hasSameArguments, nameOfOp, type TracedCall, type Translation, tensorsIn } from './translation.js';

/** By schema. */
const translations = new Map<string, Translation>([
  ...arithmeticTranslations,
  ...layerTranslations,
  ...shapeTranslations,
]);

/** A number of elements: 1 MiB of float32. */
const LARGE = 2 ** 18;

/**
 * Adds a recorded call to the graph. A call that depends on no image adds nothing: its result becomes a constant when a
 * node reads it, such as a table of positions.
 *
 * @throws ExportError if the operation has no translation, or if the result would be right for one batch size only
 */
export function translate(graph: GraphBuilder, call: TracedCall): void {
  const { args, result, other } = call;
  const name = nameOfOp(call);
  const [tensors, others] = [tensorsIn(args), tensorsIn(other.args)];
  const isFixed = hasSameArguments(args, other.args) && hasSameShapes(tensorsIn(result), tensorsIn(other.result));
  const translation = translations.get(call.schema);
  if (!tensors.some((tensor) => graph.isComputed(tensor))) {
    const [before, after] = [numel(tensors), numel(tensorsIn(result))];
    // A large constant that is made of small ones is computed when the model runs, to keep the file small.
    if (isFixed && (translation === undefined || after <= before || after <= LARGE)) {
      for (const tensor of tensorsIn(result)) graph.forget(tensor);
      return;
    }
    if (!isFixed && !SIZED.has(call.schema)) {
      throw new ExportError(
        `${name} makes a tensor whose size depends on the number of images, which cannot be exported: use expand.`,
      );
    }
  }
  if (translation === undefined) {
    throw new ExportError(
      `The model uses ${name}, which cannot be exported: add a translation to packages/evenhand/src/export.`,
    );
  }
  for (const [i, tensor] of tensors.entries()) {
    if (!graph.isComputed(tensor) && `${tensor.shape}` !== `${others[i]!.shape}`) {
      throw new ExportError(`${name} reads a constant whose size depends on the number of images: use expand.`);
    }
  }
  if (!SIZED.has(call.schema) && !hasSameArguments(args, other.args)) {
    throw new ExportError(`${name} has arguments that depend on the number of images, which cannot be exported.`);
  }
  const names = [translation(graph, args, call)].flat();
  for (const [i, tensor] of tensorsIn(result).entries()) graph.bind(tensor, names[i]!);
}

const hasSameShapes = (a: readonly Tensor[], b: readonly Tensor[]): boolean =>
  a.length === b.length && a.every(({ shape }, i) => `${shape}` === `${b[i]!.shape}`);

const numel = (tensors: readonly Tensor[]): number => tensors.reduce((sum, tensor) => sum + tensor.numel, 0);
