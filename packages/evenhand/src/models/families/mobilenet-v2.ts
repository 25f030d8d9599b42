import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { Pool } from '../family.js';
import { ImageModel } from '../model.js';
import { initialise, normalSmall } from './initialise.js';
import { poolMap } from './pool.js';
import { type BlockShape, blockShapes, row } from './rows.js';

// Sandler et al., arXiv 1801.04381, table 2.
const STEM = 32;

const ROWS = [
  row(1, 3, 1, 16, 1),
  row(6, 3, 2, 24, 2),
  row(6, 3, 2, 32, 3),
  row(6, 3, 2, 64, 4),
  row(6, 3, 1, 96, 3),
  row(6, 3, 2, 160, 3),
  row(6, 3, 1, 320, 1),
];

/**
 * MobileNetV2 (Sandler et al., arXiv 1801.04381) with torchvision's state-dict keys and initialisation.
 * Images [N,3,H,W] to logits [N,numClasses].
 */
export class MobileNetV2 extends ImageModel {
  readonly featureCount = 1280;
  readonly dropout: number;
  readonly features: nn.Sequential;
  classifier: nn.Module;
  readonly #pool: Pool;

  constructor(numClasses: number, { dropout = 0.2, dropPath = 0, pool = 'avg' as Pool } = {}) {
    super();
    this.dropout = dropout;
    this.#pool = pool;
    const shapes = blockShapes(ROWS, STEM).flat();
    this.features = new nn.Sequential(
      new nn.ConvNormActivation(3, STEM, { stride: 2, activation: new nn.ReLU6() }),
      ...shapes.map((shape, index) => new InvertedResidual(shape, (dropPath * index) / shapes.length)),
      new nn.ConvNormActivation(ROWS.at(-1)!.channels, this.featureCount, {
        kernelSize: 1,
        activation: new nn.ReLU6(),
      }),
    );
    this.classifier = this.newHead(numClasses, this.dropout);
    initialise(this, { linear: normalSmall });
  }

  override newHead(numClasses: number, dropout: number): nn.Module {
    return new nn.Sequential(new nn.Dropout(dropout), new nn.Linear(this.featureCount, numClasses));
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => poolMap(this.features.forward(x), this.#pool));
  }

  override backbone(): nn.Module[][] {
    return this.features.layers.map((part) => [part]);
  }
}

/** Inverted residual block: expand, depthwise convolution, project without an activation, add. */
class InvertedResidual extends nn.Module {
  readonly conv: nn.Sequential;
  /** torchvision's network has none. */
  readonly dropPath: nn.StochasticDepth | null;
  readonly #residual: boolean;

  constructor({ inputs, outputs, expand, kernel, stride }: BlockShape, dropPath: number) {
    super();
    const wide = inputs * expand;
    this.#residual = stride === 1 && inputs === outputs;
    const layers: nn.Module[] = [];
    if (expand !== 1)
      layers.push(new nn.ConvNormActivation(inputs, wide, { kernelSize: 1, activation: new nn.ReLU6() }));
    layers.push(
      new nn.ConvNormActivation(wide, wide, {
        kernelSize: kernel,
        stride,
        groups: wide,
        activation: new nn.ReLU6(),
      }),
      new nn.Conv2d(wide, outputs, 1, { bias: false }),
      new nn.BatchNorm2d(outputs),
    );
    this.conv = new nn.Sequential(...layers);
    this.dropPath = dropPath > 0 ? new nn.StochasticDepth(dropPath) : null;
  }

  override forward(x: Tensor): Tensor {
    // the scope frees what neither the next block nor the backward pass needs
    return scope(() => {
      const branch = this.conv.forward(x);
      if (!this.#residual) return branch;
      return ops.add_(this.dropPath ? this.dropPath.forward(branch) : branch, x);
    });
  }
}
