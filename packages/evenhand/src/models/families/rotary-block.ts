import { nn, noGrad, ops, scope, type Tensor } from '@evenhand/torch';
import type { Rotate } from './rotary-embedding.js';
import type { RotaryRow } from './rotary-rows.js';
import { Mlp, mergeHeads, type NormLayer, requireHeads, SwiGLU, SwiGLUPacked, splitHeads } from './transformer.js';

/**
 * Attention among tokens [N,L,features] whose queries and keys turn with their positions; timm's `EvaAttention`, which
 * has biases of queries and values alone, and `AttentionRope`, which also has those of keys.
 */
export class RotaryAttention extends nn.Module {
  readonly qkv: nn.Linear | null = null;
  readonly qBias: Tensor | null = null;
  /** Zeros between the biases of queries and values. */
  readonly kBias: Tensor | null = null;
  readonly vBias: Tensor | null = null;
  readonly qProj: nn.Linear | null = null;
  readonly kProj: nn.Linear | null = null;
  readonly vProj: nn.Linear | null = null;
  readonly norm: nn.Module | null;
  readonly proj: nn.Linear;
  readonly #heads: number;

  constructor(args: RotaryRow, norm: NormLayer) {
    super();
    const { embed_dim: width, qkv_bias: bias } = args;
    const biasOfKeys = bias && args.attn_type === 'rope';
    this.#heads = requireHeads(width, args.num_heads);
    if (args.qkv_fused) {
      this.qkv = new nn.Linear(width, 3 * width, { bias: biasOfKeys });
      if (bias && !biasOfKeys) {
        this.qBias = nn.parameter(ops.zeros([width]));
        this.kBias = nn.constant(ops.zeros([width]));
        this.vBias = nn.parameter(ops.zeros([width]));
      }
    } else {
      this.qProj = new nn.Linear(width, width, { bias });
      this.kProj = new nn.Linear(width, width, { bias: biasOfKeys });
      this.vProj = new nn.Linear(width, width, { bias });
    }
    this.norm = args.scale_attn_inner ? norm(width) : null;
    this.proj = new nn.Linear(width, width);
  }

  override forward(x: Tensor, rotate: Rotate = (unchanged) => unchanged): Tensor {
    return scope(() => {
      const [q, k, v] = this.#project(x) as [Tensor, Tensor, Tensor];
      const result = mergeHeads(nn.attention(rotate(q), rotate(k), v));
      return this.proj.forward(this.norm?.forward(result) ?? result);
    });
  }

  /** Queries, keys and values [N,heads,L,D]. */
  #project(x: Tensor): Tensor[] {
    if (!this.qkv)
      return [this.qProj, this.kProj, this.vProj].map((layer) => splitHeads(layer!.forward(x), 1, this.#heads)[0]!);
    if (!this.qBias) return splitHeads(this.qkv.forward(x), 3, this.#heads);
    const bias = ops.cat([this.qBias, this.kBias!, this.vBias!]);
    return splitHeads(ops.linear(x, this.qkv.weight, bias), 3, this.#heads);
  }
}

/** Attention and MLP, each with a norm and a residual connection around it; timm's `EvaBlock` and `EvaBlockPostNorm`. */
export class RotaryBlock extends nn.Module {
  readonly norm1: nn.Module;
  readonly attn: RotaryAttention;
  readonly gamma_1: Tensor | null;
  readonly norm2: nn.Module;
  readonly mlp: Mlp | SwiGLU | SwiGLUPacked;
  readonly gamma_2: Tensor | null;
  readonly dropPath: nn.StochasticDepth;
  readonly #normFirst: boolean;

  constructor(args: RotaryRow, norm: NormLayer, dropPath: number) {
    super();
    const width = args.embed_dim;
    this.#normFirst = !args.use_post_norm;
    const scale = args.use_post_norm ? null : args.init_values;
    this.norm1 = norm(width);
    this.attn = new RotaryAttention(args, norm);
    this.gamma_1 = scale === null ? null : nn.parameter(ops.full([width], scale, { dtype: 'float32' }));
    this.norm2 = norm(width);
    this.mlp = mlp(args, norm);
    this.gamma_2 = scale === null ? null : nn.parameter(ops.full([width], scale, { dtype: 'float32' }));
    this.dropPath = new nn.StochasticDepth(dropPath);
  }

  override forward(x: Tensor, rotate?: Rotate): Tensor {
    return scope(() => {
      const attend = (y: Tensor) => this.attn.forward(y, rotate);
      const attended = this.#branch(x, this.norm1, attend, this.gamma_1);
      return this.#branch(attended, this.norm2, (y) => this.mlp.forward(y), this.gamma_2);
    });
  }

  #branch(x: Tensor, norm: nn.Module, layer: (y: Tensor) => Tensor, gamma: Tensor | null): Tensor {
    const y = this.#normFirst ? layer(norm.forward(x)) : norm.forward(layer(x));
    return ops.add(x, this.dropPath.forward(gamma ? ops.mul(y, gamma) : y));
  }

  /** Divides the last weights of both branches by a factor that grows with the depth: timm `fix_init_weight`. */
  scaleInitialWeights(index: number): void {
    const factor = 1 / Math.sqrt(2 * (index + 1));
    noGrad(() => {
      for (const layer of [this.attn.proj, this.mlp.fc2]) ops.mulScalar_(layer.weight, factor);
    });
  }
}

function mlp(args: RotaryRow, norm: NormLayer): Mlp | SwiGLU | SwiGLUPacked {
  const width = args.embed_dim;
  const hidden = Math.trunc(width * args.mlp_ratio);
  const inner = { norm: args.scale_mlp ? norm : undefined };
  if (!args.swiglu_mlp) return new Mlp(width, hidden, 'gelu', inner);
  const step = args.swiglu_align_to;
  if (args.scale_mlp || (step > 0 && !args.use_post_norm)) {
    return new SwiGLU(width, step > 0 ? Math.ceil(hidden / step) * step : hidden, inner);
  }
  return new SwiGLUPacked(width, 2 * hidden, inner);
}
