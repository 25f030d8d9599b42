import { nn, type Tensor } from '@evenhand/torch';

/** An image classifier: a backbone that turns images into features, and a classifier (the head) on top of it. */
export abstract class ImageModel extends nn.Module {
  /** F: number of features per image. */
  abstract readonly featureCount: number;

  /** Dropout rate of the model's own head. */
  abstract readonly dropout: number;

  /** Features [N,F] to logits [N,K]. */
  abstract classifier: nn.Module;

  /** Images [N,3,H,W], normalised by the model's preset, to pooled features [N,F]. */
  abstract forwardFeatures(x: Tensor): Tensor;

  /** A new head of the same form, and so with the same state-dict keys, as in the model's official weights. */
  abstract newHead(numClasses: number, dropout: number): nn.Module;

  /** The backbone's modules from input to output; modules at the same depth are in one list. */
  abstract backbone(): nn.Module[][];

  /** Images [N,3,H,W], normalised by the model's preset, to logits [N,K]. */
  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.forwardFeatures(x));
  }
}
