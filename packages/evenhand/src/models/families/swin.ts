import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import {
  type BuildOptions,
  changeArguments,
  type Family,
  type Pool,
  requireCounts,
  requireMultiple,
  requireOneOf,
} from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { poolTokens } from './pool.js';
import { runInTurn } from './run-in-turn.js';
import { PatchMerging, SwinBlock } from './swin-block.js';
import { convertSwin } from './swin-files.js';
import { SWINS, type SwinArguments } from './swin-rows.js';
import type { Size, Windows } from './swin-windows.js';
import { dropPathRates, initialiseLinear, requireImageSize } from './transformer.js';

/**
 * Swin transformer (Liu et al., arXiv 2103.14030) with timm's state-dict keys and initialisation: attention within
 * windows, which every second block shifts by half a window. Images [N,3,H,W] of the size that it was built for to logits
 * [N,numClasses].
 */
export class Swin extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  override readonly classifierKey = 'head.fc';
  readonly patchEmbed: PatchEmbed;
  readonly layers: Stage[];
  readonly norm: nn.LayerNorm;
  readonly head: Head;
  readonly #imageSize: Size;
  readonly #pool: Pool;

  constructor(args: SwinArguments, imageSize: Size, { numClasses, dropPath, pool = 'avg' }: BuildOptions) {
    super();
    const { depths, embed_dim, patch_size: patch } = args;
    this.#imageSize = imageSize;
    this.#pool = pool;
    this.dropout = args.drop_rate;
    this.patchEmbed = new PatchEmbed(patch, embed_dim);
    const rates = dropPathRates(
      dropPath ?? args.drop_path_rate,
      depths.reduce((a, b) => a + b, 0),
    );
    // Windows are chosen by the size that timm assumes, which rounds down; padding makes maps round up.
    let map: Size = [imageSize[0] / patch, imageSize[1] / patch];
    let assumed = map;
    this.layers = depths.map((depth, index) => {
      if (index > 0) {
        map = [Math.ceil(map[0] / 2), Math.ceil(map[1] / 2)];
        assumed = [Math.floor(assumed[0] / 2), Math.floor(assumed[1] / 2)];
      }
      return new Stage(args, index, { map, assumed }, rates.splice(0, depth));
    });
    this.featureCount = embed_dim * 2 ** (depths.length - 1);
    this.norm = new nn.LayerNorm(this.featureCount);
    this.head = new Head(this.newHead(numClasses, this.dropout));
    initialiseLinear(this);
  }

  get classifier(): nn.Module {
    return this.head.fc;
  }

  set classifier(head: nn.Module) {
    this.head.fc = head;
  }

  override forwardFeatures(x: Tensor): Tensor {
    requireImageSize(x, this.#imageSize);
    return scope(() => {
      const map = runInTurn([this.patchEmbed, ...this.layers, this.norm], x);
      const [, height = 0, width = 0, features = 0] = map.shape;
      return poolTokens(ops.reshape(map, [-1, height * width, features]), this.#pool, 0);
    });
  }

  override backbone(): Part[][] {
    const blocks = this.layers.flatMap(({ downsample, blocks: [first, ...others] }): Part[][] => [
      downsample ? [downsample, first!] : [first!],
      ...others.map((block) => [block]),
    ]);
    blocks.at(-1)!.push(this.norm);
    return [[this.patchEmbed], ...blocks];
  }

  override noWeightDecay(): Tensor[] {
    return this.layers.flatMap(({ blocks }) => blocks.map(({ attn }) => attn.relativePositionBiasTable));
  }
}

/** Swin (V1). */
export const SWIN: Family = {
  name: 'Swin',
  architectures: Object.keys(SWINS),
  build(architecture, options) {
    const args = changeArguments(architecture, SWINS[architecture]!, options.args);
    const size = requireMultiple(architecture, options.imageSize ?? args.img_size, args.patch_size);
    const pool = requireOneOf(architecture, 'pool', options.pool ?? args.global_pool, ['avg', 'max']);
    requireOneOf(architecture, 'in_chans', args.in_chans, [3]);
    const stages = args.depths.length;
    requireCounts(architecture, 'depths', args.depths, stages);
    requireCounts(architecture, 'num_heads', args.num_heads, stages);
    const sizes = [args.window_size].flat();
    requireCounts(architecture, 'window_size', sizes, sizes.length <= 2 ? sizes.length : stages);
    return new Swin(args, size, { ...options, pool });
  },
  convert: convertSwin,
  fixedSize: true,
};

class Head extends nn.Module {
  constructor(public fc: nn.Module) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return this.fc.forward(x);
  }
}

/** Images [N,3,H,W] to a map of tokens [N,H/patch,W/patch,features]. */
class PatchEmbed extends nn.Module {
  readonly proj: nn.Conv2d;
  readonly norm: nn.LayerNorm;

  constructor(patch: number, features: number) {
    super();
    this.proj = new nn.Conv2d(3, features, patch, { stride: patch });
    this.norm = new nn.LayerNorm(features);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => this.norm.forward(ops.permute(this.proj.forward(x), [0, 2, 3, 1])));
  }
}

/** Tokens joined to half the height and width, but for the first stage, and blocks. */
class Stage extends nn.Module {
  readonly downsample: PatchMerging | null;
  readonly blocks: SwinBlock[];

  constructor(args: SwinArguments, index: number, sizes: { map: Size; assumed: Size }, dropPaths: readonly number[]) {
    super();
    const features = args.embed_dim * 2 ** index;
    this.downsample = index === 0 ? null : new PatchMerging(features / 2, features);
    this.blocks = dropPaths.map((dropPath, i) => {
      const windows = windowsOf(args, index, sizes, i % 2 === 1);
      return new SwinBlock(features, args.num_heads[index]!, windows, args, dropPath);
    });
  }

  override forward(x: Tensor): Tensor {
    return runInTurn(this.downsample ? [this.downsample, ...this.blocks] : this.blocks, x);
  }
}

/** timm `SwinTransformerBlock._calc_window_shift`: a window is no larger than the map, and then not shifted. */
function windowsOf(
  { window_size: size, always_partition }: SwinArguments,
  stage: number,
  { map, assumed }: { map: Size; assumed: Size },
  shifted: boolean,
): Windows {
  const target: Size =
    typeof size === 'number' ? [size, size] : size.length === 2 ? [size[0]!, size[1]!] : [size[stage]!, size[stage]!];
  const half: Size = shifted ? [Math.floor(target[0] / 2), Math.floor(target[1] / 2)] : [0, 0];
  if (always_partition) return { map, window: target, shift: half };
  const window: Size = [Math.min(assumed[0], target[0]), Math.min(assumed[1], target[1])];
  const shift: Size = [assumed[0] <= window[0] ? 0 : half[0], assumed[1] <= window[1] ? 0 : half[1]];
  return { map, window, shift };
}
