import type { Tensor } from '../tensor.js';
import { Activation } from './activation.js';
import { BatchNorm2d } from './batch-norm2d.js';
import { Module } from './module.js';

/** Runs modules one after the other. Their keys are `0`, `1`, ... A BatchNorm2d and the activation after it run as one. */
export class Sequential extends Module {
  readonly layers: Module[];

  constructor(...layers: Module[]) {
    super();
    this.layers = layers;
  }

  override members(): Iterable<[string, unknown]> {
    return Object.entries(this.layers);
  }

  override forward(x: Tensor): Tensor {
    let y = x;
    for (let i = 0; i < this.layers.length; i++) {
      const layer = this.layers[i]!;
      const next = this.layers[i + 1];
      if (layer instanceof BatchNorm2d && next instanceof Activation) {
        y = layer.forward(y, next.activation);
        i++;
      } else {
        y = layer.forward(y);
      }
    }
    return y;
  }
}
