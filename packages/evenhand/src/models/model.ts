import { nn, type Tensor } from '@evenhand/torch';

/** An image classifier: a backbone that turns images into features, and a classifier on top of them. */
export abstract class ImageModel extends nn.Module {
  /** F: how many features an image has. */
  abstract readonly featureCount: number;

  /** Share of features that the model's own head zeroes in training. */
  abstract readonly dropout: number;

  /** Features [N,F] to logits [N,K]. */
  abstract classifier: nn.Module;

  /** Images [N,3,H,W], normalised by the model's preset, to pooled features [N,F]. */
  abstract forwardFeatures(x: Tensor): Tensor;

  /** A head of the form, and so with the state-dict keys, that the model's official weights have. */
  abstract newHead(numClasses: number, dropout: number): nn.Module;

  /** The backbone's parts from input to output; modules at one depth are together. */
  abstract backbone(): nn.Module[][];

  /** Images [N,3,H,W], normalised by the model's preset, to logits [N,K]. */
  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.forwardFeatures(x));
  }
}

export interface HeadOptions {
  /** Share of features that are zeroed in training, in [0, 1); the model's own where left out. */
  dropout?: number;
  /** Width of a hidden layer with ReLU between features and logits; none where left out. */
  hidden?: number;
}

/**
 * Gives `model` a new classifier of `numClasses` logits, with PyTorch's default initialisation of linear layers, on the
 * model's device and in its mode. The old one's parameters are freed. Throws a `RangeError` where an option is out of its
 * range.
 */
export function replaceHead(model: ImageModel, numClasses: number, options: HeadOptions = {}): void {
  const { dropout = model.dropout, hidden } = options;
  requireCount('numClasses', numClasses);
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(`dropout: expected a number of at least 0 and below 1, got ${dropout}.`);
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

/** All parameters but the classifier's. */
export function backboneParameters(model: ImageModel): Tensor[] {
  const head = new Set(headParameters(model));
  return nn.parameters(model).filter((parameter) => !head.has(parameter));
}

/**
 * The model's modules in groups from input to output: stem, every block, the last convolution, the classifier. Together
 * they hold each parameter once. A group's index is its depth, for rates that fall towards the input (layer-wise decay:
 * Bao et al., arXiv 2106.08254).
 */
export function layerGroups(model: ImageModel): nn.Module[][] {
  return [...model.backbone(), [model.classifier]];
}

/** `value` where it is a whole number of at least 1, else a `RangeError` that names it. */
export function requireCount(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`${name}: expected a whole number of at least 1, got ${value}.`);
}
