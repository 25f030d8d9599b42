import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { Family } from '../family.js';
import { ImageModel } from '../model.js';
import { initialise, uniformByOutputs } from './initialise.js';
import { type BlockShape, blockShapes, makeDivisible, row, type StageRow, scaleRows } from './rows.js';

/** The settings in which EfficientNets differ. */
export interface EfficientNetConfig {
  readonly rows: readonly StageRow[];
  /** Channels of the first convolution. */
  readonly stem: number;
  /** Dropout rate of the head. */
  readonly dropout: number;
  /** Probability that the last block's residual branch is dropped in training; it rises linearly from 0 at the first. */
  readonly stochasticDepth: number;
  /** Batch normalisation's epsilon and momentum (PyTorch's: the weight of the new statistics). */
  readonly norm: { readonly eps: number; readonly momentum: number };
}

/** B0 (Tan & Le, arXiv 1905.11946, table 1); the other sizes are wider and deeper. */
export const B0_STEM = 32;
export const B0_ROWS: readonly StageRow[] = [
  row(1, 3, 1, 16, 1),
  row(6, 3, 2, 24, 2),
  row(6, 5, 2, 40, 2),
  row(6, 3, 2, 80, 3),
  row(6, 5, 1, 112, 3),
  row(6, 5, 2, 192, 4),
  row(6, 3, 1, 320, 1),
];
const PYTORCH_NORM = { eps: 1e-5, momentum: 0.1 };
// The weights of B5 to B7 were ported from TensorFlow, with its batch normalisation.
const TENSORFLOW_NORM = { eps: 1e-3, momentum: 0.01 };

function scaled(width: number, depth: number, dropout: number, norm = PYTORCH_NORM): EfficientNetConfig {
  const rows = scaleRows(B0_ROWS, width, depth);
  return { rows, stem: makeDivisible(B0_STEM * width), dropout, stochasticDepth: 0.2, norm };
}

/**
 * EfficientNet B0 to B7, with width, depth, dropout and batch normalisation as in torchvision `models/efficientnet.py`.
 * `efficientnet_mini` is B0 at half its width and less depth, for small images and small machines.
 */
export const EFFICIENTNETS = {
  efficientnet_mini: scaled(0.5, 0.6, 0.2),
  efficientnet_b0: scaled(1.0, 1.0, 0.2),
  efficientnet_b1: scaled(1.0, 1.1, 0.2),
  efficientnet_b2: scaled(1.1, 1.2, 0.3),
  efficientnet_b3: scaled(1.2, 1.4, 0.3),
  efficientnet_b4: scaled(1.4, 1.8, 0.4),
  efficientnet_b5: scaled(1.6, 2.2, 0.4, TENSORFLOW_NORM),
  efficientnet_b6: scaled(1.8, 2.6, 0.5, TENSORFLOW_NORM),
  efficientnet_b7: scaled(2.0, 3.1, 0.5, TENSORFLOW_NORM),
} as const satisfies Record<string, EfficientNetConfig>;

/**
 * EfficientNet (Tan & Le, arXiv 1905.11946) with torchvision's state-dict keys and initialisation.
 * Images [N,3,H,W] to logits [N,numClasses].
 */
export class EfficientNet extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  readonly features: nn.Sequential;
  readonly avgpool = new nn.AdaptiveAvgPool2d(1);
  classifier: nn.Module;

  constructor(config: EfficientNetConfig, numClasses: number) {
    super();
    const { rows, stem, norm } = config;
    const stages = blockShapes(rows, stem);
    const blockCount = stages.flat().length;
    const last = rows.at(-1)!.channels;
    this.featureCount = 4 * last;
    this.dropout = config.dropout;
    let index = 0;
    this.features = new nn.Sequential(
      new nn.ConvNormActivation(3, stem, { stride: 2, norm, activation: new nn.SiLU() }),
      ...stages.map(
        (blocks) =>
          new nn.Sequential(
            ...blocks.map((shape) => new MBConv(shape, (config.stochasticDepth * index++) / blockCount, norm)),
          ),
      ),
      new nn.ConvNormActivation(last, this.featureCount, { kernelSize: 1, norm, activation: new nn.SiLU() }),
    );
    this.classifier = this.newHead(numClasses, config.dropout);
    initialise(this, { linear: uniformByOutputs });
  }

  override newHead(numClasses: number, dropout: number): nn.Module {
    return new nn.Sequential(new nn.Dropout(dropout), new nn.Linear(this.featureCount, numClasses));
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => ops.flatten(this.avgpool.forward(this.features.forward(x)), 1));
  }

  override backbone(): nn.Module[][] {
    const [stem, ...rest] = this.features.layers;
    const top = rest.pop()!;
    const blocks = rest.flatMap((stage) => (stage as nn.Sequential).layers.map((block) => [block]));
    return [[stem!], ...blocks, [top]];
  }
}

/** torchvision's EfficientNets: `torchvision/efficientnet_b0`. */
export const EFFICIENTNET: Family = {
  name: 'EfficientNet',
  architectures: Object.keys(EFFICIENTNETS).map((name) => `torchvision/${name}`),
  build(architecture, { numClasses }) {
    const name = architecture.slice('torchvision/'.length) as keyof typeof EFFICIENTNETS;
    return new EfficientNet(EFFICIENTNETS[name], numClasses);
  },
};

/** Inverted residual block with squeeze-and-excitation: expand, depthwise convolution, excite, project, add. */
class MBConv extends nn.Module {
  readonly block: nn.Sequential;
  readonly stochasticDepth: nn.StochasticDepth;
  readonly #residual: boolean;

  constructor(shape: BlockShape, dropProbability: number, norm: EfficientNetConfig['norm']) {
    super();
    const { inputs, outputs, kernel, stride } = shape;
    const wide = makeDivisible(inputs * shape.expand);
    this.#residual = stride === 1 && inputs === outputs;
    const layers: nn.Module[] = [];
    if (wide !== inputs) {
      layers.push(new nn.ConvNormActivation(inputs, wide, { kernelSize: 1, norm, activation: new nn.SiLU() }));
    }
    layers.push(
      new nn.ConvNormActivation(wide, wide, {
        kernelSize: kernel,
        stride,
        groups: wide,
        norm,
        activation: new nn.SiLU(),
      }),
      new nn.SqueezeExcitation(wide, Math.max(1, Math.floor(inputs / 4)), { activation: new nn.SiLU() }),
      new nn.ConvNormActivation(wide, outputs, { kernelSize: 1, norm, activation: null }),
    );
    this.block = new nn.Sequential(...layers);
    this.stochasticDepth = new nn.StochasticDepth(dropProbability);
  }

  override forward(x: Tensor): Tensor {
    // the scope frees what neither the next block nor the backward pass needs
    return scope(() => {
      const branch = this.block.forward(x);
      return this.#residual ? ops.add_(this.stochasticDepth.forward(branch), x) : branch;
    });
  }
}
