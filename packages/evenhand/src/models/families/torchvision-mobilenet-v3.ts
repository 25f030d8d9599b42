import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { Pool } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { initialise, normalSmall } from './initialise.js';
import { poolMap } from './pool.js';
import { makeDivisible } from './rows.js';

/** A block: kernel, wide channels, output channels, squeeze-and-excitation, activation, stride. */
type BlockRow = readonly [number, number, number, boolean, 'RE' | 'HS', number];

interface Size {
  readonly rows: readonly BlockRow[];
  /** Channels of the hidden layer before the classifier. */
  readonly hidden: number;
}

/** Howard et al., arXiv 1905.02244, tables 1 and 2. */
export const MOBILENETS_V3 = {
  mobilenet_v3_large: {
    rows: [
      [3, 16, 16, false, 'RE', 1],
      [3, 64, 24, false, 'RE', 2],
      [3, 72, 24, false, 'RE', 1],
      [5, 72, 40, true, 'RE', 2],
      [5, 120, 40, true, 'RE', 1],
      [5, 120, 40, true, 'RE', 1],
      [3, 240, 80, false, 'HS', 2],
      [3, 200, 80, false, 'HS', 1],
      [3, 184, 80, false, 'HS', 1],
      [3, 184, 80, false, 'HS', 1],
      [3, 480, 112, true, 'HS', 1],
      [3, 672, 112, true, 'HS', 1],
      [5, 672, 160, true, 'HS', 2],
      [5, 960, 160, true, 'HS', 1],
      [5, 960, 160, true, 'HS', 1],
    ],
    hidden: 1280,
  },
  mobilenet_v3_small: {
    rows: [
      [3, 16, 16, true, 'RE', 2],
      [3, 72, 24, false, 'RE', 2],
      [3, 88, 24, false, 'RE', 1],
      [5, 96, 40, true, 'HS', 2],
      [5, 240, 40, true, 'HS', 1],
      [5, 240, 40, true, 'HS', 1],
      [5, 120, 48, true, 'HS', 1],
      [5, 144, 48, true, 'HS', 1],
      [5, 288, 96, true, 'HS', 2],
      [5, 576, 96, true, 'HS', 1],
      [5, 576, 96, true, 'HS', 1],
    ],
    hidden: 1024,
  },
} as const satisfies Record<string, Size>;

const STEM = 16;
const NORM = { eps: 1e-3, momentum: 0.01 };

/**
 * MobileNetV3 (Howard et al., arXiv 1905.02244) with torchvision's state-dict keys and initialisation. The hidden layer
 * of its classifier, `classifier.0`, belongs to the backbone. Images [N,3,H,W] to logits [N,numClasses].
 */
export class TorchvisionMobileNetV3 extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  override readonly classifierKey = 'classifier.3';
  readonly features: nn.Sequential;
  readonly tail: Tail;
  readonly #pool: Pool;

  constructor({ rows, hidden }: Size, numClasses: number, { dropout = 0.2, dropPath = 0, pool = 'avg' as Pool } = {}) {
    super();
    this.featureCount = hidden;
    this.dropout = dropout;
    this.#pool = pool;
    const top = rows.at(-1)![2];
    this.features = new nn.Sequential(
      new nn.ConvNormActivation(3, STEM, { stride: 2, norm: NORM, activation: new nn.Hardswish() }),
      ...rows.map(
        (row, index) => new InvertedResidual(rows[index - 1]?.[2] ?? STEM, row, (dropPath * index) / rows.length),
      ),
      new nn.ConvNormActivation(top, 6 * top, { kernelSize: 1, norm: NORM, activation: new nn.Hardswish() }),
    );
    this.tail = new Tail(new nn.Linear(6 * top, hidden), this.newHead(numClasses, dropout));
    initialise(this, { linear: normalSmall });
  }

  override members(): Iterable<[string, unknown]> {
    return Object.entries({ features: this.features, classifier: this.tail });
  }

  get classifier(): nn.Module {
    return this.tail.fc;
  }

  set classifier(head: nn.Module) {
    this.tail.fc = head;
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => this.tail.features(poolMap(this.features.forward(x), this.#pool)));
  }

  override backbone(): Part[][] {
    return this.features.layers.map((part) => [part]);
  }

  override neck(): Part[] {
    return [this.tail.hidden];
  }
}

/** What follows the pool: a hidden layer `0`, and the classifier `3`. */
class Tail extends nn.Module {
  constructor(
    readonly hidden: nn.Linear,
    public fc: nn.Module,
  ) {
    super();
  }

  override members(): Iterable<[string, unknown]> {
    return Object.entries({ 0: this.hidden, 3: this.fc });
  }

  features(pooled: Tensor): Tensor {
    return ops.hardswish(this.hidden.forward(pooled));
  }

  override forward(pooled: Tensor): Tensor {
    return this.fc.forward(this.features(pooled));
  }
}

/** Inverted residual block: expand, depthwise convolution, excite, project without an activation, add. */
class InvertedResidual extends nn.Module {
  readonly block: nn.Sequential;
  /** torchvision's network has none. */
  readonly dropPath: nn.StochasticDepth | null;
  readonly #residual: boolean;

  constructor(inputs: number, [kernelSize, wide, outputs, excites, name, stride]: BlockRow, dropPath: number) {
    super();
    this.#residual = stride === 1 && inputs === outputs;
    const activation = () => (name === 'HS' ? new nn.Hardswish() : new nn.ReLU());
    const layers: nn.Module[] = [];
    if (wide !== inputs) {
      layers.push(new nn.ConvNormActivation(inputs, wide, { kernelSize: 1, norm: NORM, activation: activation() }));
    }
    layers.push(
      new nn.ConvNormActivation(wide, wide, { kernelSize, stride, groups: wide, norm: NORM, activation: activation() }),
    );
    if (excites) {
      const squeezed = makeDivisible(Math.floor(wide / 4));
      layers.push(new nn.SqueezeExcitation(wide, squeezed, { gate: new Hardsigmoid() }));
    }
    layers.push(new nn.ConvNormActivation(wide, outputs, { kernelSize: 1, norm: NORM, activation: null }));
    this.block = new nn.Sequential(...layers);
    this.dropPath = dropPath > 0 ? new nn.StochasticDepth(dropPath) : null;
  }

  override forward(x: Tensor): Tensor {
    // the scope frees what neither the next block nor the backward pass needs
    return scope(() => {
      const branch = this.block.forward(x);
      if (!this.#residual) return branch;
      return ops.add_(this.dropPath ? this.dropPath.forward(branch) : branch, x);
    });
  }
}

/** `min(max(x + 3, 0), 6) / 6` */
class Hardsigmoid extends nn.Module {
  override forward(x: Tensor): Tensor {
    return ops.hardsigmoid(x);
  }
}
