import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { type BuildOptions, changeArguments, type Family, type Pool, requireCounts, requireOneOf } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { CHANNEL_NORMS, MapNorm } from './channel-norm.js';
import { ConvNeXtBlock } from './convnext-block.js';
import { convertConvNeXt } from './convnext-files.js';
import { CONVNEXTS, type ConvNeXtArguments } from './convnext-rows.js';
import { poolMap } from './pool.js';
import { makeDivisible } from './rows.js';
import { runInTurn } from './run-in-turn.js';
import { activation, dropPathRates } from './transformer.js';

/**
 * ConvNeXt (Liu et al., arXiv 2201.03545), ConvNeXt V2 (Woo et al., arXiv 2301.00808) and their variants in timm, with
 * timm's state-dict keys and initialisation. Images [N,3,H,W], of at least 32 x 32 pixels, to logits [N,numClasses].
 */
export class ConvNeXt extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  override readonly classifierKey = 'head.fc';
  readonly stem: nn.Sequential;
  readonly stages: Stage[];
  readonly normPre: nn.Module | null;
  readonly head: Head;
  readonly #pool: Pool;

  constructor(args: ConvNeXtArguments, { numClasses, dropPath = args.drop_path_rate, pool = 'avg' }: BuildOptions) {
    super();
    const { depths, dims, kernel_sizes: kernels, head_hidden_size: hidden } = args;
    this.#pool = pool;
    this.dropout = args.drop_rate;
    this.stem = stem(args);
    const rates = dropPathRates(
      dropPath,
      depths.reduce((a, b) => a + b, 0),
    );
    this.stages = depths.map((depth, i) => {
      const kernelSize = typeof kernels === 'number' ? kernels : kernels[i]!;
      const stride = i > 0 || args.patch_size === 2 ? 2 : 1;
      return new Stage(dims[i - 1] ?? dims[0]!, dims[i]!, stride, kernelSize, rates.splice(0, depth), args);
    });
    const top = dims.at(-1)!;
    this.featureCount = hidden ?? top;
    this.normPre = args.head_norm_first ? new MapNorm(norm(args, top)) : null;
    this.head = new Head(args.head_norm_first ? null : norm(args, top), top, hidden);
    this.head.fc = this.newHead(numClasses, this.dropout);
    initialise(this, args.head_init_scale);
  }

  get classifier(): nn.Module {
    return this.head.fc;
  }

  set classifier(head: nn.Module) {
    this.head.fc = head;
  }

  override forwardFeatures(x: Tensor): Tensor {
    return scope(() => {
      const map = runInTurn([...this.stem.layers, ...this.stages, ...(this.normPre ? [this.normPre] : [])], x);
      return this.head.features(poolMap(map, this.#pool));
    });
  }

  override backbone(): Part[][] {
    const blocks = this.stages.flatMap(({ downsample, blocks: [first, ...others] }): Part[][] => [
      downsample ? [downsample, first!] : [first!],
      ...others.map((block) => [block]),
    ]);
    if (this.normPre) blocks.at(-1)!.push(this.normPre);
    return [[this.stem], ...blocks];
  }

  override neck(): Part[] {
    return [this.head.norm, this.head.preLogits].filter((part) => part !== null);
  }
}

/** ConvNeXt and ConvNeXt V2, with the weights of Meta, timm, OpenCLIP and DINOv3. */
export const CONVNEXT: Family = {
  name: 'ConvNeXt',
  architectures: Object.keys(CONVNEXTS),
  build(architecture, options) {
    const args = changeArguments(architecture, CONVNEXTS[architecture]!, options.args);
    requireOneOf(architecture, 'stem_type', args.stem_type, ['patch', 'overlap', 'overlap_tiered', 'overlap_act']);
    requireOneOf(architecture, 'norm_layer', String(args.norm_layer).replace('2d', ''), Object.keys(CHANNEL_NORMS));
    activation(args.act_layer);
    requireOneOf(architecture, 'in_chans', args.in_chans, [3]);
    requireOneOf(architecture, 'output_stride', args.output_stride, [32]);
    requireCounts(architecture, 'depths', args.depths, 4);
    requireCounts(architecture, 'dims', args.dims, 4);
    requireCounts(architecture, 'kernel_sizes', [args.kernel_sizes].flat(), Array.isArray(args.kernel_sizes) ? 4 : 1);
    const pool = requireOneOf(architecture, 'pool', options.pool ?? args.global_pool, ['avg', 'max']);
    for (const side of [options.imageSize ?? 224].flat()) {
      if (side >= 32) continue;
      throw new RangeError(`An image size of ${side} does not fit ${architecture}, which needs at least 32.`);
    }
    return new ConvNeXt(args, { ...options, pool });
  },
  convert: convertConvNeXt,
};

function norm({ norm_layer, norm_eps }: ConvNeXtArguments, features: number): nn.Module {
  return CHANNEL_NORMS[norm_layer.replace('2d', '')]!(features, norm_eps ?? 1e-6);
}

function stem(args: ConvNeXtArguments): nn.Sequential {
  const { stem_type: type, patch_size: patch, conv_bias: bias } = args;
  const width = args.dims[0]!;
  const last = new MapNorm(norm(args, width));
  if (type === 'patch') return new nn.Sequential(new nn.Conv2d(3, width, patch, { stride: patch, bias }), last);
  const middle = type === 'overlap_tiered' ? makeDivisible(Math.floor(width / 2)) : width;
  return new nn.Sequential(
    new nn.Conv2d(3, middle, 3, { stride: 2, padding: 1, bias }),
    ...(type === 'overlap_act' ? [activation(args.act_layer)] : []),
    new nn.Conv2d(middle, width, 3, { stride: 2, padding: 1, bias }),
    last,
  );
}

/** Norm and a convolution that halves the map, and blocks. */
class Stage extends nn.Module {
  readonly downsample: nn.Sequential | null;
  readonly blocks: ConvNeXtBlock[];

  constructor(
    inputs: number,
    outputs: number,
    stride: number,
    kernelSize: number,
    dropPaths: readonly number[],
    args: ConvNeXtArguments,
  ) {
    super();
    this.downsample =
      inputs === outputs && stride === 1
        ? null
        : new nn.Sequential(
            new MapNorm(norm(args, inputs)),
            new nn.Conv2d(inputs, outputs, stride, { stride, bias: args.conv_bias }),
          );
    this.blocks = dropPaths.map((dropPath) => {
      const layers = { norm: norm(args, outputs), activation: activation(args.act_layer) };
      return new ConvNeXtBlock(outputs, args, { ...layers, kernelSize, dropPath });
    });
  }

  override forward(x: Tensor): Tensor {
    return runInTurn([...(this.downsample?.layers ?? []), ...this.blocks], x);
  }
}

/** What follows the pool: norm, a hidden layer in networks trained by CLIP, classifier. */
class Head extends nn.Module {
  readonly norm: nn.Module | null;
  readonly preLogits: HiddenLayer | null;
  fc!: nn.Module;

  constructor(norm: nn.Module | null, inputs: number, hidden: number | null) {
    super();
    this.norm = norm;
    this.preLogits = hidden === null ? null : new HiddenLayer(inputs, hidden);
  }

  features(pooled: Tensor): Tensor {
    const normed = this.norm ? this.norm.forward(pooled) : pooled;
    return this.preLogits ? this.preLogits.forward(normed) : normed;
  }

  override forward(pooled: Tensor): Tensor {
    return this.fc.forward(this.features(pooled));
  }
}

class HiddenLayer extends nn.Module {
  readonly fc: nn.Linear;

  constructor(inputs: number, outputs: number) {
    super();
    this.fc = new nn.Linear(inputs, outputs);
  }

  override forward(x: Tensor): Tensor {
    return ops.gelu(this.fc.forward(x));
  }
}

/** timm `models/convnext.py`, `_init_weights`: its normal distribution is cut at 100 standard deviations. */
function initialise(model: ConvNeXt, headScale: number): void {
  for (const layer of nn.modules(model)) {
    if (!(layer instanceof nn.Conv2d || layer instanceof nn.Linear)) continue;
    nn.init.normal_(layer.weight, 0, layer === model.classifier ? 0.02 * headScale : 0.02);
    if (layer.bias) nn.init.constant_(layer.bias, 0);
  }
}
