import { nn, type Tensor } from '@evenhand/torch';

export interface Initialisation {
  /** Initialises the weight [out,in] of a linear layer. */
  linear: (weight: Tensor) => void;
  /** Whether the fan-out of a depthwise kernel counts one output channel (TensorFlow) or all of them (torchvision). */
  depthwiseFanOut?: 'one' | 'all';
}

/**
 * Initialises a new model from libtorch's generator: convolutions from a normal distribution by fan-out (He et al.,
 * arXiv 1502.01852), biases with 0, linear weights by `linear`; norms keep scale 1 and shift 0. Layers are visited in
 * torchvision's order, so that a seed gives the same parameters as in torchvision.
 * Source: the constructors of torchvision's models; timm `_init_weight_goog` for `depthwiseFanOut: 'one'`.
 */
export function initialise(model: nn.Module, { linear, depthwiseFanOut = 'all' }: Initialisation): void {
  for (const layer of nn.modules(model)) {
    if (layer instanceof nn.Conv2d) {
      const [outputs = 0, , height = 0, width = 0] = layer.weight.shape;
      const fanOut = depthwiseFanOut === 'one' ? outputs / layer.groups : outputs;
      nn.init.normal_(layer.weight, 0, Math.sqrt(2 / (fanOut * height * width)));
    } else if (layer instanceof nn.Linear) {
      linear(layer.weight);
    } else {
      continue;
    }
    if (layer.bias) nn.init.constant_(layer.bias, 0);
  }
}

/** Uniform within ±1/sqrt(outputs), as in the EfficientNets of TensorFlow, torchvision and timm. */
export function uniformByOutputs(weight: Tensor): void {
  const range = 1 / Math.sqrt(weight.shape[0]!);
  nn.init.uniform_(weight, -range, range);
}

/** Normal with a standard deviation of 0.01, as in torchvision's MobileNetV2. */
export function normalSmall(weight: Tensor): void {
  nn.init.normal_(weight, 0, 0.01);
}
