import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { changeArguments, type Family, type Pool, requireCounts, requireMultiple, requireOneOf } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { BlurPool } from './blur-pool.js';
import { channelAttention } from './channel-attention.js';
import { poolMap } from './pool.js';
import { RESNETS, type ResNetArguments } from './resnet-sizes.js';
import { runInTurn } from './run-in-turn.js';

/**
 * ResNet (He et al., arXiv 1512.03385) with stride in the 3x3 convolution, ResNeXt (arXiv 1611.05431), wide ResNet (arXiv
 * 1605.07146), SE-ResNet (arXiv 1709.01507), ResNet-D (arXiv 1812.01187) and ResNet-RS (arXiv 2103.07579), with timm's
 * state-dict keys, which are torchvision's, and initialisation. Images [N,3,H,W] to logits [N,numClasses].
 */
export class ResNet extends ImageModel {
  override readonly classifierKey = 'fc';
  readonly featureCount: number;
  readonly dropout: number;
  readonly conv1: nn.Module;
  readonly bn1: nn.BatchNorm2d;
  readonly maxpool: nn.Module;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  fc: nn.Module;
  readonly #pool: Pool;

  constructor(args: ResNetArguments, numClasses: number, pool: Pool, dropPath: number) {
    super();
    const { channels, layers } = args;
    const { conv, width } = stem(args);
    this.conv1 = conv;
    this.bn1 = new nn.BatchNorm2d(width);
    this.maxpool = stemPool(args, width);
    const last = layers.reduce((sum, blocks) => sum + blocks, 0) - 1;
    let [inputs, index] = [width, 0];
    const stages = layers.map((blocks, stage) => {
      const [planes, stageArgs] = [channels[stage]!, { ...args, block: blockOf(args, stage) }];
      return new nn.Sequential(
        ...Array.from({ length: blocks }, (_, position) => {
          const stride = stage > 0 && position === 0 ? 2 : 1;
          const rate = (dropPath * index++) / last;
          const block = residualBlock({ inputs, planes, stride, dropPath: rate, args: stageArgs });
          inputs = block.outputs;
          return block;
        }),
      );
    });
    [this.layer1, this.layer2, this.layer3, this.layer4] = stages as [
      nn.Sequential,
      nn.Sequential,
      nn.Sequential,
      nn.Sequential,
    ];
    this.featureCount = inputs;
    this.dropout = args.drop_rate;
    this.fc = this.newHead(numClasses, args.drop_rate);
    this.#pool = pool;
    for (const layer of nn.modules(this)) {
      if (layer instanceof nn.Conv2d) nn.init.kaimingNormal_(layer.weight, 'fanOut');
      else if (layer instanceof ResidualBlock && args.zero_init_last) nn.init.constant_(layer.lastNorm.weight, 0);
    }
  }

  get classifier(): nn.Module {
    return this.fc;
  }

  set classifier(head: nn.Module) {
    this.fc = head;
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => {
      const stem = scope(() => this.maxpool.forward(this.bn1.forward(this.conv1.forward(x), 'relu')));
      const blocks = this.#stages().flatMap((stage) => stage.layers);
      return poolMap(runInTurn(blocks, stem), this.#pool);
    });
  }

  override backbone(): Part[][] {
    const blocks = this.#stages().flatMap((stage) => stage.layers.map((block) => [block]));
    return [[this.conv1, this.bn1, this.maxpool], ...blocks];
  }

  #stages(): nn.Sequential[] {
    return [this.layer1, this.layer2, this.layer3, this.layer4];
  }
}

/** timm's ResNets: `resnet50`, `resnext50_32x4d`, `seresnet50`, `resnetrs50`. Weights of torchvision have the same keys. */
export const RESNET: Family = {
  name: 'ResNet',
  architectures: Object.keys(RESNETS),
  build(architecture, { numClasses, imageSize, pool, dropPath, args: changes }) {
    const args = changeArguments(architecture, RESNETS[architecture]!, changes);
    requireCounts(architecture, 'layers', args.layers, 4);
    requireCounts(architecture, 'channels', args.channels, 4);
    for (const block of [args.block].flat()) requireOneOf(architecture, 'block', block, ['basic', 'bottleneck']);
    requireOneOf(architecture, 'stem_type', args.stem_type, ['', 'deep', 'deep_tiered']);
    requireOneOf(architecture, 'aa_layer', args.aa_layer, ['avg', 'blur', null]);
    requireOneOf(architecture, 'attn_layer', args.block_args.attn_layer ?? null, ['se', 'eca', null]);
    const chosen = requireOneOf(architecture, 'pool', pool ?? args.global_pool, ['avg', 'max']);
    // with odd maps, average pooling and the shortcut would disagree on the size
    if (args.aa_layer === 'avg' && imageSize !== undefined) requireMultiple(architecture, imageSize, 32);
    return new ResNet(args, numClasses, chosen, dropPath ?? args.drop_path_rate);
  },
};

function blockOf({ block }: ResNetArguments, stage: number): 'basic' | 'bottleneck' {
  return typeof block === 'string' ? block : block[stage]!;
}

const conv3x3 = (inputs: number, outputs: number, stride = 1, groups = 1) =>
  new nn.Conv2d(inputs, outputs, 3, { stride, padding: 1, groups, bias: false });

const conv1x1 = (inputs: number, outputs: number) => new nn.Conv2d(inputs, outputs, 1, { bias: false });

/** The convolutions before the first norm, and their number of output channels. */
function stem({ stem_type, stem_width }: ResNetArguments): { conv: nn.Module; width: number } {
  if (stem_type === '') return { conv: new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false }), width: 64 };
  const first = stem_type === 'deep_tiered' ? 3 * Math.floor(stem_width / 4) : stem_width;
  const width = 2 * stem_width;
  const conv = new nn.Sequential(
    conv3x3(3, first, 2),
    new nn.BatchNorm2d(first),
    new nn.ReLU(),
    conv3x3(first, stem_width),
    new nn.BatchNorm2d(stem_width),
    new nn.ReLU(),
    conv3x3(stem_width, width),
  );
  return { conv, width };
}

function stemPool({ replace_stem_pool, aa_layer }: ResNetArguments, width: number): nn.Module {
  if (replace_stem_pool) return new nn.Sequential(conv3x3(width, width, 2), new nn.BatchNorm2d(width), new nn.ReLU());
  if (aa_layer === 'avg') return new nn.AvgPool2d(2);
  if (aa_layer === null) return new nn.MaxPool2d(3, { stride: 2, padding: 1 });
  return new nn.Sequential(new nn.MaxPool2d(3, { stride: 1, padding: 1 }), new BlurPool(width));
}

interface BlockOptions {
  readonly inputs: number;
  readonly planes: number;
  readonly stride: number;
  readonly dropPath: number;
  readonly args: ResNetArguments;
}

function residualBlock(options: BlockOptions): ResidualBlock {
  return options.args.block === 'basic' ? new BasicBlock(options) : new Bottleneck(options);
}

/** A block whose result is relu(shortcut + attention(branch)). */
abstract class ResidualBlock extends nn.Module {
  readonly se: nn.Module | null;
  readonly downsample: nn.Sequential | null;
  readonly dropPath: nn.StochasticDepth;
  /** Anti-aliasing in place of the stride; null for none. */
  readonly aa: nn.Module | null;

  constructor(
    { inputs, stride, dropPath, args }: BlockOptions,
    readonly outputs: number,
    /** Output channels of the strided convolution. */
    width: number,
  ) {
    super();
    this.se = channelAttention(outputs, args.block_args);
    this.downsample = stride === 1 && inputs === outputs ? null : downsample(inputs, outputs, stride, args);
    this.dropPath = new nn.StochasticDepth(dropPath);
    if (args.aa_layer === null || stride === 1) this.aa = null;
    else this.aa = args.aa_layer === 'avg' ? new nn.AvgPool2d(2) : new BlurPool(width);
  }

  /** The norm at the end of the branch. */
  abstract get lastNorm(): nn.BatchNorm2d;

  /** [N,inputs,H,W] to [N,outputs,H',W']; `reduce` follows the strided convolution. */
  protected abstract branch(x: Tensor, reduce: (x: Tensor) => Tensor): Tensor;

  override forward(x: Tensor): Tensor {
    // the scope frees what neither the next block nor the backward pass needs
    return scope(() => {
      const branch = this.branch(x, (inner) => this.aa?.forward(inner) ?? inner);
      const weighed = this.dropPath.forward(this.se?.forward(branch) ?? branch);
      return ops.relu_(ops.add_(weighed, this.downsample?.forward(x) ?? x));
    });
  }
}

class BasicBlock extends ResidualBlock {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;

  constructor(options: BlockOptions) {
    const { inputs, planes, stride, args } = options;
    const first = Math.floor(planes / args.block_reduce_first);
    super(options, planes, first);
    this.conv1 = conv3x3(inputs, first, args.aa_layer === null ? stride : 1);
    this.bn1 = new nn.BatchNorm2d(first);
    this.conv2 = conv3x3(first, planes);
    this.bn2 = new nn.BatchNorm2d(planes);
  }

  override get lastNorm(): nn.BatchNorm2d {
    return this.bn2;
  }

  protected override branch(x: Tensor, reduce: (x: Tensor) => Tensor): Tensor {
    const inner = reduce(this.bn1.forward(this.conv1.forward(x), 'relu'));
    return this.bn2.forward(this.conv2.forward(inner));
  }
}

class Bottleneck extends ResidualBlock {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;

  constructor(options: BlockOptions) {
    const { inputs, planes, stride, args } = options;
    const width = Math.floor((planes * args.base_width) / 64) * args.cardinality;
    super(options, 4 * planes, width);
    const first = Math.floor(width / args.block_reduce_first);
    this.conv1 = conv1x1(inputs, first);
    this.bn1 = new nn.BatchNorm2d(first);
    this.conv2 = conv3x3(first, width, args.aa_layer === null ? stride : 1, args.cardinality);
    this.bn2 = new nn.BatchNorm2d(width);
    this.conv3 = conv1x1(width, this.outputs);
    this.bn3 = new nn.BatchNorm2d(this.outputs);
  }

  override get lastNorm(): nn.BatchNorm2d {
    return this.bn3;
  }

  protected override branch(x: Tensor, reduce: (x: Tensor) => Tensor): Tensor {
    const narrow = this.bn1.forward(this.conv1.forward(x), 'relu');
    const inner = reduce(this.bn2.forward(this.conv2.forward(narrow), 'relu'));
    return this.bn3.forward(this.conv3.forward(inner));
  }
}

function downsample(inputs: number, outputs: number, stride: number, args: ResNetArguments): nn.Sequential {
  const norm = new nn.BatchNorm2d(outputs);
  if (args.avg_down) {
    const pool = stride === 1 ? new nn.Sequential() : new HalvingPool();
    return new nn.Sequential(pool, conv1x1(inputs, outputs), norm);
  }
  const size = stride === 1 ? 1 : args.down_kernel_size;
  const conv = new nn.Conv2d(inputs, outputs, size, { stride, padding: (size - 1) / 2, bias: false });
  return new nn.Sequential(conv, norm);
}

/** Means of 2x2 pixels; of what there is of them at an odd border. */
export class HalvingPool extends nn.Module {
  override forward(x: Tensor): Tensor {
    return ops.avgPool2d(x, 2, 2, 0, true, false);
  }
}
