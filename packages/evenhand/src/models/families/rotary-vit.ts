import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import { DropoutLinear } from '../dropout-linear.js';
import type { Pool } from '../family.js';
import { ImageModel, type Part } from '../model.js';
import { normalizePooled, pooledWidth, poolTokens } from './pool.js';
import { RotaryBlock } from './rotary-block.js';
import { MixedRotaryEmbedding, RotaryEmbedding, type RotaryOptions } from './rotary-embedding.js';
import type { RotaryRow } from './rotary-rows.js';
import {
  AttentionPoolLatent,
  dropPathRates,
  embedTokens,
  gridOf,
  initialiseLinear,
  type NormLayer,
  PatchEmbed,
  requireImageSize,
} from './transformer.js';
import type { ViTOptions } from './vit.js';

/**
 * Vision transformer with rotary position embedding: EVA-02 (arXiv 2303.11331), Perception Encoder (arXiv 2504.13181),
 * RoPE-ViT (arXiv 2403.13298), DINOv3 (arXiv 2508.10104), and EVA (arXiv 2211.07636), which has none. Images [N,3,H,W] of
 * one size to logits [N,numClasses]. State-dict keys are those of timm's `Eva`.
 */
export class RotaryViT extends ImageModel {
  readonly featureCount: number;
  readonly dropout: number;
  override readonly classifierKey = 'head';
  readonly clsToken: Tensor | null;
  readonly regToken: Tensor | null;
  readonly posEmbed: Tensor | null;
  readonly patchEmbed: PatchEmbed;
  readonly rope: RotaryEmbedding | MixedRotaryEmbedding | null;
  readonly normPre: nn.Module | null;
  readonly blocks: RotaryBlock[];
  readonly norm: nn.Module | null;
  readonly attnPool: AttentionPoolLatent | null;
  readonly fcNorm: nn.Module | null;
  head: nn.Module;
  readonly imageSize: readonly [height: number, width: number];
  /** Rows and columns of patches. */
  readonly grid: readonly [height: number, width: number];
  /** `grid` at the architecture's own image size. */
  readonly originalGrid: readonly [height: number, width: number];
  /** Number of class and register tokens, which are before the patches' tokens. */
  readonly prefixTokens: number;
  /** Number of prefix tokens in the position embedding. */
  readonly embeddedPrefix: number;
  readonly pool: Pool;
  readonly #args: RotaryRow;

  constructor(args: RotaryRow, { numClasses, imageSize, pool, dropPath }: ViTOptions) {
    super();
    const { embed_dim: width, depth, patch_size: patchSize } = args;
    const norm: NormLayer = (features) => new nn.LayerNorm(features, { eps: args.norm_eps });
    const learned = (count: number) => nn.parameter(nn.init.normal_(ops.empty([1, count, width]), 0, 0.02));
    this.#args = args;
    this.imageSize = imageSize;
    this.grid = gridOf(imageSize, patchSize);
    this.originalGrid = gridOf(args.img_size, patchSize);
    this.dropout = args.drop_rate;
    this.pool = pool;
    this.featureCount = pooledWidth(width, pool);
    this.clsToken = args.class_token ? learned(1) : null;
    this.regToken = args.num_reg_tokens > 0 ? learned(args.num_reg_tokens) : null;
    this.prefixTokens = (args.class_token ? 1 : 0) + args.num_reg_tokens;
    this.embeddedPrefix = args.no_embed_class ? 0 : this.prefixTokens;
    const embedded = this.grid[0] * this.grid[1] + this.embeddedPrefix;
    this.posEmbed = args.use_abs_pos_emb ? learned(embedded) : null;
    this.patchEmbed = new PatchEmbed(patchSize, width, { bias: !args.use_pre_transformer_norm });
    this.rope = args.use_rot_pos_emb ? this.#rotaryEmbedding() : null;
    this.normPre = args.use_pre_transformer_norm ? norm(width) : null;
    const rates = dropPathRates(dropPath, depth);
    this.blocks = rates.map((rate) => new RotaryBlock(args, norm, rate));
    const normAfterPool = args.use_fc_norm ?? args.global_pool === 'avg';
    const normBeforePool = args.use_post_transformer_norm ?? !normAfterPool;
    this.norm = normBeforePool ? norm(width) : null;
    this.attnPool =
      pool === 'map'
        ? new AttentionPoolLatent(width, {
            numHeads: args.attn_pool_num_heads ?? args.num_heads,
            hidden: Math.trunc(width * (args.attn_pool_mlp_ratio ?? args.mlp_ratio)),
            act: 'gelu',
            norm,
          })
        : null;
    this.fcNorm = normAfterPool ? norm(width) : null;
    initialiseLinear(this);
    this.head = this.newHead(numClasses, this.dropout);
    for (const [i, block] of this.blocks.entries()) block.scaleInitialWeights(i);
  }

  get classifier(): nn.Module {
    return this.head;
  }

  set classifier(head: nn.Module) {
    this.head = head;
  }

  override newHead(numClasses: number, dropout: number): nn.Module {
    const head = new DropoutLinear(this.featureCount, numClasses, dropout);
    initialiseLinear(head, 0.02 * (this.#args.head_init_scale || 1));
    return head;
  }

  #rotaryEmbedding(): RotaryEmbedding | MixedRotaryEmbedding {
    const args = this.#args;
    const reference = args.ref_feat_shape;
    const options: RotaryOptions = {
      type: args.rope_type,
      temperature: args.rope_temperature,
      offset: args.rope_grid_offset,
      indexing: args.rope_grid_indexing,
      reference: typeof reference === 'number' ? [reference, reference] : reference,
    };
    const headWidth = args.embed_dim / args.num_heads;
    return args.rope_type === 'mixed'
      ? new MixedRotaryEmbedding(this.grid, this.prefixTokens, [args.depth, args.num_heads, headWidth], options)
      : new RotaryEmbedding(this.grid, this.prefixTokens, headWidth, options);
  }

  /** Images [N,3,H,W] to tokens [N,prefixTokens+L,C] after the last norm. */
  forwardTokens(images: Tensor): Tensor {
    requireImageSize(images, this.imageSize);
    return scope(() => {
      const prefix = [this.clsToken, this.regToken];
      let x = embedTokens(this.patchEmbed.forward(images), prefix, this.posEmbed, this.embeddedPrefix > 0);
      x = this.normPre?.forward(x) ?? x;
      const rotations = this.rope?.rotations(this.blocks.length);
      for (const [i, block] of this.blocks.entries()) {
        const y = block.forward(x, rotations?.[i]);
        x.dispose(); // the scope would keep the outputs of all blocks until the last
        x = y;
      }
      return this.norm?.forward(x) ?? x;
    });
  }

  override forwardFeatures(images: Tensor): Tensor {
    return scope(() => {
      const x = this.forwardTokens(images);
      const pooled = this.attnPool?.forward(x) ?? poolTokens(x, this.pool, this.prefixTokens);
      return this.fcNorm ? normalizePooled(pooled, this.fcNorm, this.#args.embed_dim) : pooled;
    });
  }

  override backbone(): Part[][] {
    const existing = (...parts: (Part | null)[]) => parts.filter((part) => part !== null);
    const blocks: Part[][] = this.blocks.map((block) => [block]);
    // timm has both norms at the depth of the last block
    blocks.at(-1)?.push(...existing(this.normPre, this.norm));
    return [existing(this.clsToken, this.regToken, this.posEmbed, this.patchEmbed), ...blocks];
  }

  override neck(): Part[] {
    const learned = this.rope instanceof MixedRotaryEmbedding ? this.rope : null;
    return [learned, this.attnPool, this.fcNorm].filter((part) => part !== null);
  }

  override noWeightDecay(): Tensor[] {
    const frequencies = this.rope instanceof MixedRotaryEmbedding ? this.rope.freqs : null;
    return [this.posEmbed, this.clsToken, this.regToken, frequencies].filter((tensor) => tensor !== null);
  }
}
