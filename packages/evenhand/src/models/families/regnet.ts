import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { changeArguments, type Family, type Pool, requireOneOf } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { initialise, normalSmall } from './initialise.js';
import { poolMap } from './pool.js';
import { REGNETS, type RegNetArguments, regnetStages, roundHalfEven } from './regnet-sizes.js';
import { HalvingPool } from './resnet.js';
import { runInTurn } from './run-in-turn.js';

/**
 * RegNet X, Y (Radosavovic et al., arXiv 2003.13678), Z (arXiv 2103.06877) and timm's V, with timm's state-dict keys and
 * initialisation. Images [N,3,H,W] to logits [N,numClasses].
 */
export class RegNet extends ImageModel {
  override readonly classifierKey = 'head.fc';
  readonly featureCount: number;
  readonly dropout: number;
  readonly stem: nn.Module;
  readonly stages: readonly Stage[];
  readonly finalConv: nn.Module | null;
  readonly head: Head;
  readonly #pool: Pool;

  constructor(args: RegNetArguments, numClasses: number, pool: Pool, dropPath: number) {
    super();
    const { stem_width, preact, linear_out, num_features, depth } = args;
    this.stem = preact
      ? new nn.Conv2d(3, stem_width, 3, { stride: 2, padding: 1, bias: false })
      : new ConvNorm(3, stem_width, { kernelSize: 3, stride: 2, activation: args.act_layer });
    let [inputs, index] = [stem_width, 0];
    this.stages = regnetStages(args).map(({ width, depth: blocks, group }) => {
      const shapes = Array.from({ length: blocks }, (_, position) => {
        const rate = (dropPath * index++) / (depth - 1);
        const shape = { inputs, outputs: width, group, stride: position === 0 ? 2 : 1, dropPath: rate, args };
        inputs = width;
        return shape;
      });
      return new Stage(shapes.map((shape) => (preact ? new PreactivationBlock(shape) : new Block(shape))));
    });
    this.featureCount = num_features || inputs;
    if (num_features > 0) this.finalConv = new ConvNorm(inputs, num_features, { activation: args.act_layer });
    else this.finalConv = linear_out || preact ? activation(args) : null;
    this.dropout = args.drop_rate;
    this.head = new Head(this.newHead(numClasses, args.drop_rate));
    this.#pool = pool;
    initialise(this, { linear: normalSmall, depthwiseFanOut: 'one' });
    if (!args.zero_init_last) return;
    for (const block of nn.modules(this)) {
      if (block instanceof Block) nn.init.constant_(block.conv3.bn.weight, 0);
    }
  }

  get classifier(): nn.Module {
    return this.head.fc;
  }

  set classifier(head: nn.Module) {
    this.head.fc = head;
  }

  override members(): Iterable<[string, unknown]> {
    const stages = this.stages.map((stage, i) => [`s${i + 1}`, stage] as [string, unknown]);
    return [['stem', this.stem], ...stages, ['finalConv', this.finalConv], ['head', this.head]];
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => {
      const map = runInTurn([this.stem, ...this.stages.flatMap(({ blocks }) => blocks)], x);
      return poolMap(this.finalConv?.forward(map) ?? map, this.#pool);
    });
  }

  override backbone(): Part[][] {
    return [[this.stem], ...this.stages.flatMap((stage) => stage.blocks.map((block) => [block]))];
  }

  override neck(): Part[] {
    return this.finalConv === null ? [] : [this.finalConv];
  }
}

/** timm's RegNets: `regnetx_016`, `regnety_032`. Files of torchvision, those with SWAG weights too, are converted. */
export const REGNET: Family = {
  name: 'RegNet',
  architectures: Object.keys(REGNETS),
  build(architecture, { numClasses, pool, dropPath, args: changes }) {
    const args = changeArguments(architecture, REGNETS[architecture]!, changes);
    requireOneOf(architecture, 'downsample', args.downsample, ['conv1x1', 'avg', null]);
    requireOneOf(architecture, 'act_layer', args.act_layer, ['relu', 'silu']);
    requireOneOf(architecture, 'number of stages (depth, w0, wa and wm)', regnetStages(args).length, [4]);
    const chosen = requireOneOf(architecture, 'pool', pool ?? args.global_pool, ['avg', 'max']);
    return new RegNet(args, numClasses, chosen, dropPath ?? args.drop_path_rate);
  },
  convert(tensors) {
    if (!tensors.has('stem.0.weight')) return new Map(tensors);
    return new Map([...tensors].map(([key, value]) => [fromTorchvision(key), value]));
  },
};

// In this order. Source: timm models/regnet.py, `_filter_fn`.
const TORCHVISION_KEYS: readonly (readonly [RegExp, string])[] = [
  [/^stem\.0\./, 'stem.conv.'],
  [/^stem\.1\./, 'stem.bn.'],
  [/\.f\.a\.0\./, '.conv1.conv.'],
  [/\.f\.a\.1\./, '.conv1.bn.'],
  [/\.f\.b\.0\./, '.conv2.conv.'],
  [/\.f\.b\.1\./, '.conv2.bn.'],
  [/\.f\.se\./, '.se.'],
  [/\.f\.c\.0\./, '.conv3.conv.'],
  [/\.f\.c\.1\./, '.conv3.bn.'],
  [/\.proj\.0\./, '.downsample.conv.'],
  [/\.proj\.1\./, '.downsample.bn.'],
  [/^fc\./, 'head.fc.'],
];

/** timm's key of a tensor in a file of torchvision: `trunk_output.block1.block1-0.f.a.0.weight` is `s1.b1.conv1.conv.weight`. */
function fromTorchvision(key: string): string {
  const block = /^trunk_output\.block\d+\.block(\d+)-(\d+)/;
  const named = key.replace(block, (_, stage: string, index: string) => `s${stage}.b${Number(index) + 1}`);
  return TORCHVISION_KEYS.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), named);
}

type ActivationName = RegNetArguments['act_layer'];

function activation({ act_layer }: RegNetArguments): nn.Activation {
  return act_layer === 'relu' ? new nn.ReLU() : new nn.SiLU();
}

interface ConvNormOptions {
  readonly kernelSize?: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly activation?: ActivationName | 'none';
}

/** Convolution, BatchNorm2d, activation: timm's `ConvNormAct`. */
class ConvNorm extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly bn: nn.BatchNorm2d;
  readonly #activation: ActivationName | 'none';

  constructor(inputs: number, outputs: number, options: ConvNormOptions = {}) {
    super();
    const { kernelSize = 1, stride = 1, groups = 1, activation = 'none' } = options;
    const padding = (kernelSize - 1) / 2;
    this.conv = new nn.Conv2d(inputs, outputs, kernelSize, { stride, padding, groups, bias: false });
    this.bn = new nn.BatchNorm2d(outputs);
    this.#activation = activation;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => this.bn.forward(this.conv.forward(x), this.#activation));
  }
}

interface BlockShape {
  readonly inputs: number;
  readonly outputs: number;
  /** Channels of a group. */
  readonly group: number;
  readonly stride: number;
  readonly dropPath: number;
  readonly args: RegNetArguments;
}

/** Blocks with the keys `b1`, `b2`, ... */
class Stage extends nn.Module {
  constructor(readonly blocks: readonly nn.Module[]) {
    super();
  }

  override members(): Iterable<[string, unknown]> {
    return this.blocks.map((block, i) => [`b${i + 1}`, block]);
  }

  override forward(x: Tensor): Tensor {
    return runInTurn(this.blocks, x);
  }
}

/** A bottleneck block: 1x1, grouped 3x3, squeeze-and-excitation, 1x1, add the shortcut. */
class Block extends nn.Module {
  readonly conv1: ConvNorm;
  readonly conv2: ConvNorm;
  readonly se: nn.Module | null;
  readonly conv3: ConvNorm;
  readonly downsample: nn.Module | null;
  readonly dropPath: nn.StochasticDepth;
  readonly #adds: boolean;
  readonly #activation: nn.Activation | null;

  constructor(shape: BlockShape) {
    super();
    const { inputs, outputs, stride, args } = shape;
    const inside = roundHalfEven(outputs * args.bottle_ratio);
    const groups = Math.floor(inside / shape.group);
    this.conv1 = new ConvNorm(inputs, inside, { activation: args.act_layer });
    this.conv2 = new ConvNorm(inside, inside, { kernelSize: 3, stride, groups, activation: args.act_layer });
    this.se = excitation(inputs, inside, args);
    this.conv3 = new ConvNorm(inside, outputs);
    const shortcut = shortcutOf(shape);
    this.#adds = shortcut !== 'none';
    this.downsample = shortcut instanceof nn.Module ? shortcut : null;
    this.dropPath = new nn.StochasticDepth(shape.dropPath);
    this.#activation = args.linear_out ? null : activation(args);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const inner = this.conv2.forward(this.conv1.forward(x));
      let y = this.conv3.forward(this.se?.forward(inner) ?? inner);
      if (this.#adds) y = ops.add_(this.dropPath.forward(y), this.downsample?.forward(x) ?? x);
      return this.#activation?.forward(y) ?? y;
    });
  }
}

/** A bottleneck block with norm and activation before each convolution and none after the addition. */
class PreactivationBlock extends nn.Module {
  readonly norm1: nn.BatchNorm2d;
  readonly conv1: nn.Conv2d;
  readonly norm2: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly se: nn.Module | null;
  readonly norm3: nn.BatchNorm2d;
  readonly conv3: nn.Conv2d;
  readonly downsample: nn.Module | null;
  readonly dropPath: nn.StochasticDepth;
  readonly #adds: boolean;
  readonly #activation: ActivationName;

  constructor(shape: BlockShape) {
    super();
    const { inputs, outputs, stride, args } = shape;
    const inside = roundHalfEven(outputs * args.bottle_ratio);
    const groups = Math.floor(inside / shape.group);
    this.norm1 = new nn.BatchNorm2d(inputs);
    this.conv1 = new nn.Conv2d(inputs, inside, 1, { bias: false });
    this.norm2 = new nn.BatchNorm2d(inside);
    this.conv2 = new nn.Conv2d(inside, inside, 3, { stride, padding: 1, groups, bias: false });
    this.se = excitation(inputs, inside, args);
    this.norm3 = new nn.BatchNorm2d(inside);
    this.conv3 = new nn.Conv2d(inside, outputs, 1, { bias: false });
    const shortcut = shortcutOf(shape);
    this.#adds = shortcut !== 'none';
    this.downsample = shortcut instanceof nn.Module ? shortcut : null;
    this.dropPath = new nn.StochasticDepth(shape.dropPath);
    this.#activation = args.act_layer;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const input = this.norm1.forward(x, this.#activation);
      const inner = this.conv2.forward(this.norm2.forward(this.conv1.forward(input), this.#activation));
      const excited = this.se?.forward(inner) ?? inner;
      const y = this.conv3.forward(this.norm3.forward(excited, this.#activation));
      return this.#adds ? ops.add_(this.dropPath.forward(y), this.downsample?.forward(input) ?? input) : y;
    });
  }
}

function excitation(inputs: number, inside: number, args: RegNetArguments): nn.Module | null {
  if (args.se_ratio === 0) return null;
  return new nn.SqueezeExcitation(inside, roundHalfEven(inputs * args.se_ratio), { activation: activation(args) });
}

/** The shortcut of a block: a module, the input itself, or none. */
function shortcutOf({ inputs, outputs, stride, args }: BlockShape): nn.Module | 'identity' | 'none' {
  if (inputs === outputs && stride === 1) return 'identity';
  if (args.downsample === null) return 'none';
  if (args.downsample === 'avg') {
    const pool = stride === 1 ? new nn.Sequential() : new HalvingPool();
    return new nn.Sequential(pool, project(inputs, outputs, 1, args.preact));
  }
  return project(inputs, outputs, stride, args.preact);
}

function project(inputs: number, outputs: number, stride: number, preact: boolean): nn.Module {
  return preact
    ? new nn.Conv2d(inputs, outputs, 1, { stride, bias: false })
    : new ConvNorm(inputs, outputs, { stride });
}

/** The classifier under timm's key `head.fc`. */
class Head extends nn.Module {
  constructor(public fc: nn.Module) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return this.fc.forward(x);
  }
}
