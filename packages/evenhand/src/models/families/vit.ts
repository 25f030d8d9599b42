import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { Pool } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { normalizePooled, pooledWidth, poolTokens } from './pool.js';
import {
  AttentionPoolLatent,
  dropPathRates,
  embedTokens,
  gridOf,
  initialiseLinear,
  LayerScale,
  Mlp,
  type NormLayer,
  PatchEmbed,
  RmsNorm,
  requireImageSize,
  SelfAttention,
  SwiGLU,
  SwiGLUPacked,
} from './transformer.js';
import type { ViTArguments } from './vit-arguments.js';

/** What a vision transformer is built with beyond the arguments of its architecture. */
export interface ViTOptions {
  readonly numClasses: number;
  readonly imageSize: readonly [height: number, width: number];
  readonly pool: Pool;
  readonly dropPath: number;
}

/**
 * Vision transformer (Dosovitskiy et al., arXiv 2010.11929) with timm's state-dict keys, in the forms of DeiT, DeiT III,
 * CLIP, SigLIP, DINO and DINOv2. Images [N,3,H,W] of one size to logits [N,numClasses].
 */
export class VisionTransformer extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  override readonly classifierKey = 'head';
  readonly clsToken: Tensor | null;
  /** DeiT's second class token, trained with the labels of a teacher: Touvron et al., arXiv 2012.12877. */
  readonly distToken: Tensor | null;
  readonly regToken: Tensor | null;
  readonly posEmbed: Tensor;
  readonly patchEmbed: PatchEmbed;
  readonly normPre: nn.Module | null;
  readonly blocks: Block[];
  readonly norm: nn.Module | null;
  readonly attnPool: AttentionPoolLatent | null;
  readonly fcNorm: nn.Module | null;
  head: nn.Module;
  readonly imageSize: readonly [height: number, width: number];
  /** Rows and columns of patches. */
  readonly grid: readonly [number, number];
  /** `grid` at the architecture's own image size. */
  readonly originalGrid: readonly [number, number];
  /** Number of class, distillation and register tokens, which are before the patches' tokens. */
  readonly prefixTokens: number;
  /** Number of prefix tokens in the position embedding. */
  readonly embeddedPrefix: number;
  readonly pool: Pool;
  readonly #args: ViTArguments;

  constructor(args: ViTArguments, { numClasses, imageSize, pool, dropPath }: ViTOptions) {
    super();
    const { embed_dim: width, depth, patch_size: patchSize, reg_tokens: registers } = args;
    const norm = normLayer(args.norm_layer, args.norm_eps);
    const token = (count: number) =>
      count === 0 ? null : nn.parameter(nn.init.normal_(ops.empty([1, count, width]), 0, 1e-6));
    this.#args = args;
    this.imageSize = imageSize;
    this.dropout = args.drop_rate;
    this.pool = pool;
    this.featureCount = pooledWidth(width, this.pool);
    this.clsToken = token(args.class_token ? 1 : 0);
    this.distToken = token(args.distilled ? 1 : 0);
    this.regToken = token(registers);
    this.prefixTokens = (args.class_token ? 1 : 0) + (args.distilled ? 1 : 0) + registers;
    this.embeddedPrefix = args.no_embed_class ? 0 : this.prefixTokens;
    this.grid = gridOf(imageSize, patchSize);
    this.originalGrid = gridOf(args.img_size, patchSize);
    const embedded = this.grid[0] * this.grid[1] + this.embeddedPrefix;
    this.posEmbed = nn.parameter(nn.init.normal_(ops.empty([1, embedded, width]), 0, 0.02));
    this.patchEmbed = new PatchEmbed(patchSize, width, {
      bias: !args.pre_norm,
      norm: args.embed_norm_layer === null ? undefined : normLayer(args.embed_norm_layer, args.norm_eps),
    });
    this.normPre = args.pre_norm ? norm(width) : null;
    this.blocks = dropPathRates(dropPath, depth).map((rate) => new Block(args, norm, rate));
    const poolsFirst = args.fc_norm ?? (args.global_pool === 'avg' || args.global_pool === 'max');
    this.norm = args.final_norm && !poolsFirst ? norm(width) : null;
    this.attnPool =
      this.pool === 'map'
        ? new AttentionPoolLatent(width, {
            numHeads: args.num_heads,
            hidden: Math.trunc(width * args.mlp_ratio),
            act: args.act_layer,
            norm,
          })
        : null;
    this.fcNorm = args.final_norm && poolsFirst ? norm(width) : null;
    this.head = this.newHead(numClasses, this.dropout);
    initialiseLinear(this);
  }

  get classifier(): nn.Module {
    return this.head;
  }

  set classifier(head: nn.Module) {
    this.head = head;
  }

  /** Images [N,3,H,W] to tokens [N,prefixTokens+L,C] after the last norm. */
  forwardTokens(images: Tensor): Tensor {
    requireImageSize(images, this.imageSize);
    return scope(() => {
      const prefix = [this.clsToken, this.distToken, this.regToken];
      let x = embedTokens(this.patchEmbed.forward(images), prefix, this.posEmbed, this.embeddedPrefix > 0);
      if (this.normPre) x = this.normPre.forward(x);
      for (const block of this.blocks) {
        const y = block.forward(x);
        x.dispose(); // the scope would keep the outputs of all blocks until the last
        x = y;
      }
      return this.norm?.forward(x) ?? x;
    });
  }

  override forwardFeatures(images: Tensor): Tensor {
    return scope(() => {
      const pooled = this.#reduce(this.forwardTokens(images));
      return this.fcNorm ? normalizePooled(pooled, this.fcNorm, this.#args.embed_dim) : pooled;
    });
  }

  /** Tokens [N,prefixTokens+L,C] to pooled features [N,featureCount]. */
  #reduce(tokens: Tensor): Tensor {
    const { pool, prefixTokens, attnPool } = this;
    const averaged = this.#args.pool_include_prefix ? 0 : prefixTokens;
    if (attnPool) return attnPool.forward(averaged === 0 ? tokens : ops.slice(tokens, 1, averaged));
    if (!pool.startsWith('token')) return poolTokens(tokens, pool, averaged);
    if (!this.distToken) return poolTokens(tokens, pool, prefixTokens);
    const both = ops.meanDim(ops.slice(tokens, 1, 0, 2), [1], true);
    return poolTokens(ops.cat([both, ops.slice(tokens, 1, 2)], 1), pool, prefixTokens - 1);
  }

  override backbone(): Part[][] {
    const existing = (...parts: (Part | null)[]) => parts.filter((part) => part !== null);
    const stem = existing(this.clsToken, this.distToken, this.regToken, this.posEmbed, this.patchEmbed);
    return [
      stem,
      ...this.blocks.slice(0, -1).map((block) => [block]),
      existing(this.blocks.at(-1)!, this.normPre, this.norm),
    ];
  }

  override neck(): Part[] {
    return [this.attnPool, this.fcNorm].filter((part) => part !== null);
  }

  override noWeightDecay(): Tensor[] {
    return [this.posEmbed, this.clsToken, this.distToken, this.regToken].filter((tensor) => tensor !== null);
  }
}

function normLayer(name: ViTArguments['norm_layer'], eps: number): NormLayer {
  return (features) => (name === 'rmsnorm' ? new RmsNorm(features, eps) : new nn.LayerNorm(features, { eps }));
}

/** Attention and MLP, each with a norm before it and a residual connection around it. */
class Block extends nn.Module {
  readonly norm1: nn.Module;
  readonly attn: SelfAttention;
  readonly ls1: LayerScale | null;
  readonly norm2: nn.Module;
  readonly mlp: nn.Module;
  readonly ls2: LayerScale | null;
  readonly dropPath: nn.StochasticDepth;

  constructor(args: ViTArguments, norm: NormLayer, dropPath: number) {
    super();
    const { embed_dim: width, init_values: scale } = args;
    const hidden = Math.trunc(width * args.mlp_ratio);
    this.norm1 = norm(width);
    this.attn = new SelfAttention(width, {
      numHeads: args.num_heads,
      qkvBias: args.qkv_bias,
      projBias: args.proj_bias,
      qkNorm: args.qk_norm ? norm : undefined,
      scaleNorm: args.scale_attn_norm ? norm : undefined,
    });
    this.ls1 = scale ? new LayerScale(width, scale) : null;
    this.norm2 = norm(width);
    const options = { bias: args.proj_bias, norm: args.scale_mlp_norm ? norm : undefined };
    this.mlp =
      args.mlp_layer === 'mlp'
        ? new Mlp(width, hidden, args.act_layer, options)
        : new (args.mlp_layer === 'swiglu' ? SwiGLU : SwiGLUPacked)(width, hidden, options);
    this.ls2 = scale ? new LayerScale(width, scale) : null;
    this.dropPath = new nn.StochasticDepth(dropPath);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const attended = this.attn.forward(this.norm1.forward(x));
      const y = ops.add(x, this.dropPath.forward(this.ls1?.forward(attended) ?? attended));
      const branch = this.mlp.forward(this.norm2.forward(y));
      return ops.add(y, this.dropPath.forward(this.ls2?.forward(branch) ?? branch));
    });
  }
}
