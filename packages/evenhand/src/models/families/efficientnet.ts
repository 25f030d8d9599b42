import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { type BuildOptions, changeArguments, type Pool, requireOneOf } from '../family.js';
import { ImageModel } from '../model.js';
import { initialise, uniformByOutputs } from './initialise.js';
import { poolMap } from './pool.js';
import { type BlockShape, blockShapes, makeDivisible, row, type StageRow, scaleRows } from './rows.js';

/** The settings in which EfficientNets differ. */
export interface EfficientNetConfig {
  readonly rows: readonly StageRow[];
  /** The first stages, this many, have fused blocks without squeeze-and-excitation. Default: none. */
  readonly fusedStages?: number;
  /** Channels of the first convolution. */
  readonly stem: number;
  /** Channels of the last convolution. Default: four times those of the last stage. */
  readonly last?: number;
  /** Dropout rate of the head. */
  readonly dropout: number;
  /** Probability that the last block's residual branch is dropped in training; it rises linearly from 0 at the first. */
  readonly stochasticDepth: number;
  /** Batch normalisation's epsilon and momentum (PyTorch's: the weight of the new statistics). */
  readonly norm: { readonly eps: number; readonly momentum: number };
}

/** B0 (Tan & Le, arXiv 1905.11946, table 1); the other sizes are wider and deeper. */
const B0_STEM = 32;
const B0_ROWS: readonly StageRow[] = [
  row(1, 3, 1, 16, 1),
  row(6, 3, 2, 24, 2),
  row(6, 5, 2, 40, 2),
  row(6, 3, 2, 80, 3),
  row(6, 5, 1, 112, 3),
  row(6, 5, 2, 192, 4),
  row(6, 3, 1, 320, 1),
];
/** EfficientNetV2 (Tan & Le, arXiv 2104.00298, table 4). */
const V2_S_ROWS: readonly StageRow[] = [
  row(1, 3, 1, 24, 2),
  row(4, 3, 2, 48, 4),
  row(4, 3, 2, 64, 4),
  row(4, 3, 2, 128, 6),
  row(6, 3, 1, 160, 9),
  row(6, 3, 2, 256, 15),
];
const V2_M_ROWS: readonly StageRow[] = [
  row(1, 3, 1, 24, 3),
  row(4, 3, 2, 48, 5),
  row(4, 3, 2, 80, 5),
  row(4, 3, 2, 160, 7),
  row(6, 3, 1, 176, 14),
  row(6, 3, 2, 304, 18),
  row(6, 3, 1, 512, 5),
];
const V2_L_ROWS: readonly StageRow[] = [
  row(1, 3, 1, 32, 4),
  row(4, 3, 2, 64, 7),
  row(4, 3, 2, 96, 7),
  row(4, 3, 2, 192, 10),
  row(6, 3, 1, 224, 19),
  row(6, 3, 2, 384, 25),
  row(6, 3, 1, 640, 7),
];
const PYTORCH_NORM = { eps: 1e-5, momentum: 0.1 };
// The weights of B5 to B7 were ported from TensorFlow, with its batch normalisation.
const TENSORFLOW_NORM = { eps: 1e-3, momentum: 0.01 };

function scaled(width: number, depth: number, dropout: number, norm = PYTORCH_NORM): EfficientNetConfig {
  const rows = scaleRows(B0_ROWS, width, depth);
  return { rows, stem: makeDivisible(B0_STEM * width), dropout, stochasticDepth: 0.2, norm };
}

function v2(rows: readonly StageRow[], dropout: number): EfficientNetConfig {
  const norm = { eps: 1e-3, momentum: 0.1 };
  return { rows, fusedStages: 3, stem: rows[0]!.channels, last: 1280, dropout, stochasticDepth: 0.2, norm };
}

/**
 * EfficientNet B0 to B7 and V2, with width, depth, dropout and batch normalisation as in torchvision
 * `models/efficientnet.py`. `efficientnet_mini` is B0 at half its width and less depth, for small images and small machines.
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
  efficientnet_v2_s: v2(V2_S_ROWS, 0.2),
  efficientnet_v2_m: v2(V2_M_ROWS, 0.3),
  efficientnet_v2_l: v2(V2_L_ROWS, 0.4),
} as const satisfies Record<string, EfficientNetConfig>;

/**
 * EfficientNet (Tan & Le, arXiv 1905.11946) with torchvision's state-dict keys and initialisation.
 * Images [N,3,H,W] to logits [N,numClasses].
 */
export class EfficientNet extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  readonly features: nn.Sequential;
  classifier: nn.Module;
  readonly #pool: Pool;

  constructor(config: EfficientNetConfig, numClasses: number, pool: Pool = 'avg') {
    super();
    const { rows, fusedStages = 0, stem, norm } = config;
    this.#pool = pool;
    const stages = blockShapes(rows, stem);
    const blockCount = stages.flat().length;
    const last = rows.at(-1)!.channels;
    this.featureCount = config.last ?? 4 * last;
    this.dropout = config.dropout;
    let index = 0;
    this.features = new nn.Sequential(
      new nn.ConvNormActivation(3, stem, { stride: 2, norm, activation: new nn.SiLU() }),
      ...stages.map(
        (blocks, stage) =>
          new nn.Sequential(
            ...blocks.map((shape) => {
              const layers = stage < fusedStages ? fusedLayers(shape, norm) : mobileLayers(shape, norm);
              return new MBConv(shape, layers, (config.stochasticDepth * index++) / blockCount);
            }),
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
    return scope(() => poolMap(this.features.forward(x), this.#pool));
  }

  override backbone(): nn.Module[][] {
    const [stem, ...rest] = this.features.layers;
    const top = rest.pop()!;
    const blocks = rest.flatMap((stage) => (stage as nn.Sequential).layers.map((block) => [block]));
    return [[stem!], ...blocks, [top]];
  }
}

/**
 * torchvision's model of a name such as `efficientnet_b0`, with changes of torchvision's arguments.
 *
 * @throws RangeError for an argument or a pool that it does not have
 */
export function buildEfficientNet(name: keyof typeof EFFICIENTNETS, options: BuildOptions): EfficientNet {
  const config = EFFICIENTNETS[name];
  const row = { dropout: config.dropout, stochastic_depth_prob: config.stochasticDepth };
  const { dropout, stochastic_depth_prob } = changeArguments(`torchvision/${name}`, row, options.args);
  const changed = { ...config, dropout, stochasticDepth: options.dropPath ?? stochastic_depth_prob };
  const pool = requireOneOf(`torchvision/${name}`, 'pool', options.pool ?? 'avg', ['avg', 'max']);
  return new EfficientNet(changed, options.numClasses, pool);
}

/** Layers of a convolution, BatchNorm and SiLU. */
function layer(
  inputs: number,
  outputs: number,
  norm: EfficientNetConfig['norm'],
  options: nn.ConvNormActivationOptions = {},
): nn.ConvNormActivation {
  return new nn.ConvNormActivation(inputs, outputs, { kernelSize: 1, norm, activation: new nn.SiLU(), ...options });
}

/** Inverted residual block with squeeze-and-excitation: expand, depthwise convolution, excite, project. */
function mobileLayers(shape: BlockShape, norm: EfficientNetConfig['norm']): nn.Module[] {
  const { inputs, outputs, expand, kernel: kernelSize, stride } = shape;
  const wide = makeDivisible(inputs * expand);
  return [
    ...(wide === inputs ? [] : [layer(inputs, wide, norm)]),
    layer(wide, wide, norm, { kernelSize, stride, groups: wide }),
    new nn.SqueezeExcitation(wide, Math.max(1, Math.floor(inputs / 4)), { activation: new nn.SiLU() }),
    layer(wide, outputs, norm, { activation: null }),
  ];
}

/** Fused block: expand with a full convolution, project. */
function fusedLayers(shape: BlockShape, norm: EfficientNetConfig['norm']): nn.Module[] {
  const { inputs, outputs, expand, kernel: kernelSize, stride } = shape;
  const wide = makeDivisible(inputs * expand);
  if (wide === inputs) return [layer(inputs, outputs, norm, { kernelSize, stride })];
  return [layer(inputs, wide, norm, { kernelSize, stride }), layer(wide, outputs, norm, { activation: null })];
}

/** A block whose input is added to its output where the shapes allow it. */
class MBConv extends nn.Module {
  readonly block: nn.Sequential;
  readonly stochasticDepth: nn.StochasticDepth;
  readonly #residual: boolean;

  constructor({ inputs, outputs, stride }: BlockShape, layers: nn.Module[], dropProbability: number) {
    super();
    this.#residual = stride === 1 && inputs === outputs;
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
