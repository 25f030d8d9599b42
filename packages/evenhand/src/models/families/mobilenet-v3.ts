import { type nn, ops, scope, type Tensor } from '@evenhand/torch';
import { type BuildOptions, changeArguments, type Pool, requireOneOf } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { blockStyle, buildStages, runBlocks } from './block-network.js';
import { initialise, uniformByOutputs } from './initialise.js';
import { activation, convolution, NormAct } from './mobile-layers.js';
import { MOBILENETS } from './mobilenet-v3-rows.js';
import { initialiseAttention } from './mobilenet-v4-blocks.js';
import { poolMap } from './pool.js';

/**
 * The networks of timm's `models/mobilenetv3.py` with its state-dict keys: MobileNetV3 (Howard et al., arXiv 1905.02244),
 * MobileNetV4 (Qin et al., arXiv 2404.10518), FBNetV3, LCNet. They pool before their last convolution, which belongs to
 * the backbone. Images [N,3,H,W] to logits [N,numClasses].
 */
export class MobileNetV3 extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  readonly convStem: nn.Conv2d;
  readonly bn1: NormAct;
  readonly blocks: nn.Sequential;
  readonly convHead: nn.Conv2d;
  readonly normHead: NormAct | null;
  classifier: nn.Module;
  readonly #headActivation: (x: Tensor) => Tensor;
  readonly #pool: Pool;

  constructor(architecture: string, options: BuildOptions) {
    super();
    const [makeDesign, row] = MOBILENETS[architecture]!;
    const args = changeArguments(architecture, row, options.args);
    const design = makeDesign(args);
    const style = blockStyle(architecture, args, design);
    this.convStem = convolution(3, design.stem, 3, { stride: 2, padding: style.padding });
    this.bn1 = new NormAct(design.stem, style.norm, style.activation);
    const { blocks, outputs } = buildStages(design, style, options.dropPath ?? args.drop_path_rate);
    this.blocks = blocks;
    this.convHead = convolution(outputs, design.features, 1, { padding: '', bias: design.head === 'bias' });
    this.normHead = design.head === 'norm' ? new NormAct(design.features, style.norm, style.activation) : null;
    this.#headActivation = activation(style.activation);
    this.featureCount = design.features;
    this.dropout = args.drop_rate;
    this.#pool = requireOneOf(architecture, 'pool', options.pool ?? args.global_pool, ['avg', 'max']);
    this.classifier = this.newHead(options.numClasses, this.dropout);
    initialise(this, { linear: uniformByOutputs, depthwiseFanOut: 'one' });
    initialiseAttention(this);
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => {
      const stem = scope(() => this.bn1.forward(this.convStem.forward(x)));
      const map = runBlocks(this.blocks, stem);
      const pooled = ops.unsqueeze(ops.unsqueeze(poolMap(map, this.#pool), -1), -1);
      const y = this.convHead.forward(pooled);
      return ops.flatten(this.normHead ? this.normHead.forward(y) : this.#headActivation(y), 1);
    });
  }

  override backbone(): Part[][] {
    const blocks = this.blocks.layers.flatMap((stage) => (stage as nn.Sequential).layers.map((block) => [block]));
    return [[this.convStem, this.bn1], ...blocks];
  }

  override neck(): Part[] {
    return this.normHead ? [this.convHead, this.normHead] : [this.convHead];
  }
}
