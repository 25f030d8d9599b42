import { nn, type Tensor } from '@evenhand/torch';
import type { ImageModel } from './model.js';

export interface HeadOptions {
  /** Dropout rate, in [0, 1). Default: that of the model's own head. */
  dropout?: number;
  /** Width of a hidden layer with ReLU between features and logits. Default: no hidden layer. */
  hidden?: number;
}

/**
 * Gives `model` a new classifier with `numClasses` logits, with PyTorch's default initialisation of linear layers, on the
 * model's device and in its training mode. The parameters of the old classifier are freed.
 *
 * @throws RangeError if an option is out of range
 */
export function replaceHead(model: ImageModel, numClasses: number, options: HeadOptions = {}): void {
  const { dropout = model.dropout, hidden } = options;
  requireCount('numClasses', numClasses);
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(`dropout must be a number in [0, 1), got ${dropout}.`);
  }
  const head =
    hidden === undefined
      ? model.newHead(numClasses, dropout)
      : new nn.Sequential(
          new nn.Dropout(dropout),
          new nn.Linear(model.featureCount, requireCount('hidden', hidden)),
          new nn.ReLU(),
          new nn.Dropout(dropout),
          new nn.Linear(hidden, numClasses),
        );
  nn.moveTo(head, { device: nn.parameters(model)[0]!.device });
  nn.setTraining(head, model.training);
  nn.disposeModule(model.classifier);
  model.classifier = head;
}

/** The parameters of the classifier. */
export function headParameters(model: ImageModel): Tensor[] {
  return nn.parameters(model.classifier);
}

/** All parameters except those of the classifier. */
export function backboneParameters(model: ImageModel): Tensor[] {
  const head = new Set(headParameters(model));
  return nn.parameters(model).filter((parameter) => !head.has(parameter));
}

/** Returns `value` if it is a whole number of at least 1, else throws a `RangeError` that names it. */
export function requireCount(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} must be a whole number of at least 1, got ${value}.`);
}
