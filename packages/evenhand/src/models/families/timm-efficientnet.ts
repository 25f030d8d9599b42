import { type nn, scope, type Tensor } from '@evenhand/torch';
import { type BuildOptions, changeArguments, type Pool, requireOneOf } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { blockStyle, buildStages, runBlocks } from './block-network.js';
import { initialise, uniformByOutputs } from './initialise.js';
import { convolution, NormAct } from './mobile-layers.js';
import { poolMap } from './pool.js';
import { TIMM_EFFICIENTNETS } from './timm-efficientnet-rows.js';

/**
 * The networks of timm's `models/efficientnet.py` with its state-dict keys: EfficientNet (Tan & Le, arXiv 1905.11946),
 * EfficientNetV2 (arXiv 2104.00298), EfficientNet-Lite and EdgeTPU, MobileNetV1 and V2, MnasNet, FBNet, TinyNet.
 * Images [N,3,H,W] to logits [N,numClasses].
 */
export class TimmEfficientNet extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  readonly convStem: nn.Conv2d;
  readonly bn1: NormAct;
  readonly blocks: nn.Sequential;
  readonly convHead: nn.Conv2d | null;
  readonly bn2: NormAct | null;
  classifier: nn.Module;
  readonly #pool: Pool;

  constructor(architecture: string, options: BuildOptions) {
    super();
    const [makeDesign, row] = TIMM_EFFICIENTNETS[architecture]!;
    const args = changeArguments(architecture, row, options.args);
    const design = makeDesign(args);
    const style = blockStyle(architecture, args, design);
    this.convStem = convolution(3, design.stem, design.stemKernel ?? 3, { stride: 2, padding: style.padding });
    this.bn1 = new NormAct(design.stem, style.norm, style.activation);
    const { blocks, outputs } = buildStages(design, style, options.dropPath ?? args.drop_path_rate);
    this.blocks = blocks;
    const hasHead = design.features > 0;
    this.convHead = hasHead ? convolution(outputs, design.features, 1, style) : null;
    this.bn2 = hasHead ? new NormAct(design.features, style.norm, style.activation) : null;
    this.featureCount = hasHead ? design.features : outputs;
    this.dropout = args.drop_rate;
    this.#pool = requireOneOf(architecture, 'pool', options.pool ?? args.global_pool, ['avg', 'max']);
    this.classifier = this.newHead(options.numClasses, this.dropout);
    initialise(this, { linear: uniformByOutputs, depthwiseFanOut: 'one' });
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => {
      const stem = scope(() => this.bn1.forward(this.convStem.forward(x)));
      let y = runBlocks(this.blocks, stem);
      if (this.convHead) y = this.bn2!.forward(this.convHead.forward(y));
      return poolMap(y, this.#pool);
    });
  }

  override backbone(): Part[][] {
    const blocks: Part[][] = this.blocks.layers.flatMap((stage) =>
      (stage as nn.Sequential).layers.map((block) => [block]),
    );
    if (this.convHead) blocks.at(-1)!.push(this.convHead, this.bn2!);
    return [[this.convStem, this.bn1], ...blocks];
  }
}
