import { nn, type Tensor } from '@evenhand/torch';
import { DropoutLinear } from './dropout-linear.js';

/**
 * An image classifier: a backbone that turns images into features, and a classifier (the head) on top of it. Its state
 * dict has the keys of the official weights.
 */
export abstract class ImageModel extends nn.Module {
  /** F: number of features per image. */
  abstract readonly featureCount: number;

  /** Dropout rate of the model's own head. */
  abstract readonly dropout: number;

  /** Features [N,F] to logits [N,K]. */
  abstract classifier: nn.Module;

  /** Key of the classifier in the state dict, such as `classifier`, `head` or `head.fc`. */
  readonly classifierKey: string = 'classifier';

  /** Images [N,3,H,W], normalised by the model's preset, to pooled features [N,F]. */
  abstract forwardFeatures(x: Tensor): Tensor;

  /** A new head of the same form, and so with the same state-dict keys, as in the model's official weights. */
  newHead(numClasses: number, dropout: number): nn.Module {
    return new DropoutLinear(this.featureCount, numClasses, dropout);
  }

  /**
   * The parts of the backbone from input to output: modules, and parameters that belong to no module of their own, such
   * as a class token. Parts at the same depth are in one list; with `neck` they hold each parameter once.
   */
  abstract backbone(): Part[][];

  /** Pretrained parts between the pooled features and the classifier, such as a norm. None of them is in `backbone`. */
  neck(): Part[] {
    return [];
  }

  /** Parameters without weight decay apart from those with one dimension: position embeddings and tokens. */
  noWeightDecay(): Tensor[] {
    return [];
  }

  /** Images [N,3,H,W], normalised by the model's preset, to logits [N,K]. */
  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.forwardFeatures(x));
  }
}

/** A part of a model: a module, or a parameter. */
export type Part = nn.Module | Tensor;

/** The parameters of a part. */
export function parametersOf(part: Part): Tensor[] {
  return part instanceof nn.Module ? nn.parameters(part) : [part];
}
