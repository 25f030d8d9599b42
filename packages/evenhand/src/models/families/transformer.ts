// The parts of vision transformers, with timm's state-dict keys.
import { nn, ops, scope, type Tensor } from '@evenhand/torch';

/** Makes the norm of `features` features: the last dimension. */
export type NormLayer = (features: number) => nn.Module;

const ACTIVATIONS = {
  gelu: () => new nn.GELU(),
  gelu_tanh: () => new nn.GELU('tanh'),
  quick_gelu: () => new nn.QuickGELU(),
  silu: () => new nn.SiLU(),
} as const;

/** timm's name of an activation. */
export type ActLayer = keyof typeof ACTIVATIONS;
export const ACT_LAYERS = Object.keys(ACTIVATIONS) as readonly ActLayer[];

/** The activation of timm's name. @throws RangeError for a name that is not in `ActLayer` */
export function activation(name: string): nn.Module {
  if (Object.hasOwn(ACTIVATIONS, name)) return ACTIVATIONS[name as ActLayer]();
  throw new RangeError(`Unknown act_layer ${name}; available: ${ACT_LAYERS.join(', ')}.`);
}

/** Throws a RangeError unless the images [N,3,H,W] have the size for which the model's position embedding was made. */
export function requireImageSize(x: Tensor, [height, width]: readonly [number, number]): void {
  const [, , h, w] = x.shape;
  if (h === height && w === width) return;
  throw new RangeError(`The model was built for images of ${height}x${width} pixels (HxW) and got ${h}x${w}.`);
}

/** Rows and columns of patches of an image. */
export function gridOf(size: number | readonly [height: number, width: number], patchSize: number): [number, number] {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  return [Math.floor(height / patchSize), Math.floor(width / patchSize)];
}

/** Weights of all linear layers from N(0, std^2), their biases 0: timm `init_weights_vit_timm`. */
export function initialiseLinear(model: nn.Module, std = 0.02): void {
  for (const layer of nn.modules(model)) {
    if (!(layer instanceof nn.Linear)) continue;
    nn.init.normal_(layer.weight, 0, std);
    if (layer.bias) nn.init.constant_(layer.bias, 0);
  }
}

/**
 * Puts the tokens `prefix`, each [1,P,C], before those of the patches [N,L,C] and adds the position embedding: of all
 * tokens, or [1,L,C] of the patches alone.
 */
export function embedTokens(
  patches: Tensor,
  prefix: readonly (Tensor | null)[],
  embedding: Tensor | null,
  embedsPrefix: boolean,
): Tensor {
  const embed = (x: Tensor) => (embedding ? ops.add(x, embedding) : x);
  const tokens = prefix.flatMap((token) => (token ? [ops.expand(token, [patches.shape[0]!, -1, -1])] : []));
  const join = (x: Tensor) => (tokens.length === 0 ? x : ops.cat([...tokens, x], 1));
  return embedsPrefix ? embed(join(patches)) : join(embed(patches));
}

/** Rates of stochastic depth of `depth` blocks: from 0 at the first to `last` at the last. */
export function dropPathRates(last: number, depth: number): number[] {
  return Array.from({ length: depth }, (_, i) => (depth === 1 ? 0 : (last * i) / (depth - 1)));
}

/** Division by the root mean square over the last dimension, and a scale: Zhang & Sennrich, arXiv 1910.07467. */
export class RmsNorm extends nn.Module {
  readonly weight: Tensor;

  constructor(
    features: number,
    readonly eps: number,
  ) {
    super();
    this.weight = nn.parameter(ops.ones([features]));
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const scale = ops.rsqrt(ops.addScalar(this.variance(x), this.eps));
      return ops.mul(ops.mul(x, scale), this.weight);
    });
  }

  /** What the square root is taken of: the mean of the squares. */
  protected variance(x: Tensor): Tensor {
    return ops.meanDim(ops.mul(x, x), [-1], true);
  }
}

/** Images [N,3,H,W] to tokens of patches [N,L,features], row by row; timm's `PatchEmbed`. */
export class PatchEmbed extends nn.Module {
  readonly proj: nn.Conv2d;
  readonly norm: nn.Module | null;

  constructor(
    readonly patchSize: number,
    features: number,
    { bias = true, norm }: { bias?: boolean; norm?: NormLayer | undefined } = {},
  ) {
    super();
    this.proj = new nn.Conv2d(3, features, patchSize, { stride: patchSize, bias });
    this.norm = norm?.(features) ?? null;
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      // in order of features: all that follows keeps this layout, and norms would copy another one
      const tokens = ops.contiguous(ops.transpose(ops.flatten(this.proj.forward(x), 2), 1, 2));
      return this.norm?.forward(tokens) ?? tokens;
    });
  }
}

export interface MlpOptions {
  bias?: boolean;
  /** Norm of the hidden features. */
  norm?: NormLayer | undefined;
}

/** [...,features] to the same shape through `hidden` features; timm's `Mlp`. */
export class Mlp extends nn.Module {
  readonly fc1: nn.Linear;
  readonly act: nn.Module;
  readonly norm: nn.Module | null;
  readonly fc2: nn.Linear;

  constructor(features: number, hidden: number, act: ActLayer, { bias = true, norm }: MlpOptions = {}) {
    super();
    this.fc1 = new nn.Linear(features, hidden, { bias });
    this.act = activation(act);
    this.norm = norm?.(hidden) ?? null;
    this.fc2 = new nn.Linear(hidden, features, { bias });
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const hidden = this.act.forward(this.fc1.forward(x));
      return this.fc2.forward(this.norm?.forward(hidden) ?? hidden);
    });
  }
}

/**
 * SwiGLU (Shazeer, arXiv 2002.05202) whose first layer holds gate and value: `fc2(silu(g) * v)` with `[g, v] = fc1(x)`;
 * timm's `SwiGLUPacked`. `hidden` counts both.
 */
export class SwiGLUPacked extends nn.Module {
  readonly fc1: nn.Linear;
  readonly norm: nn.Module | null;
  readonly fc2: nn.Linear;

  constructor(features: number, hidden: number, { bias = true, norm }: MlpOptions = {}) {
    super();
    if (hidden % 2 !== 0) {
      throw new RangeError(`swiglu_packed needs an even number of hidden features, got ${hidden}; change mlp_ratio.`);
    }
    this.fc1 = new nn.Linear(features, hidden, { bias });
    this.norm = norm?.(hidden / 2) ?? null;
    this.fc2 = new nn.Linear(hidden / 2, features, { bias });
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const [gate, value] = ops.chunk(this.fc1.forward(x), 2, -1) as [Tensor, Tensor];
      const hidden = ops.mul(ops.silu(gate), value);
      return this.fc2.forward(this.norm?.forward(hidden) ?? hidden);
    });
  }
}

/** SwiGLU with gate and value in two layers: `fc2(norm(silu(fc1_g(x)) * fc1_x(x)))`; timm's `SwiGLU`. */
export class SwiGLU extends nn.Module {
  readonly fc1G: nn.Linear;
  readonly fc1X: nn.Linear;
  readonly norm: nn.Module | null;
  readonly fc2: nn.Linear;

  constructor(features: number, hidden: number, { bias = true, norm }: MlpOptions = {}) {
    super();
    this.fc1G = new nn.Linear(features, hidden, { bias });
    this.fc1X = new nn.Linear(features, hidden, { bias });
    this.norm = norm?.(hidden) ?? null;
    this.fc2 = new nn.Linear(hidden, features, { bias });
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const hidden = ops.mul(ops.silu(this.fc1G.forward(x)), this.fc1X.forward(x));
      return this.fc2.forward(this.norm?.forward(hidden) ?? hidden);
    });
  }
}

/** `gamma x`, one factor for each feature of the last dimension: Touvron et al., arXiv 2103.17239. */
export class LayerScale extends nn.Module {
  readonly gamma: Tensor;

  constructor(features: number, initial: number) {
    super();
    this.gamma = nn.parameter(ops.full([features], initial, { dtype: 'float32' }));
  }

  override forward(x: Tensor): Tensor {
    return ops.mul(x, this.gamma);
  }
}

/** [N,L,parts*heads*D] to `parts` tensors [N,heads,L,D], such as queries, keys and values. */
export function splitHeads(x: Tensor, parts: number, heads: number): Tensor[] {
  const [, length, width] = x.shape as [number, number, number];
  const split = ops.reshape(x, [-1, length, parts, heads, width / (parts * heads)]);
  return ops.unbind(ops.permute(split, [2, 0, 3, 1, 4]), 0);
}

/** [N,heads,L,D] to [N,L,heads*D] */
export function mergeHeads(x: Tensor): Tensor {
  const [, heads, length, width] = x.shape as [number, number, number, number];
  return ops.reshape(ops.transpose(x, 1, 2), [-1, length, heads * width]);
}

export interface SelfAttentionOptions {
  numHeads: number;
  qkvBias?: boolean;
  projBias?: boolean;
  /** Norm of each head's queries and keys, of D features. */
  qkNorm?: NormLayer | undefined;
  /** Norm of the result before the last layer. */
  scaleNorm?: NormLayer | undefined;
}

/** Attention among tokens [N,L,features], with one layer for queries, keys and values; timm's `Attention`. */
export class SelfAttention extends nn.Module {
  readonly qkv: nn.Linear;
  readonly qNorm: nn.Module | null;
  readonly kNorm: nn.Module | null;
  readonly norm: nn.Module | null;
  readonly proj: nn.Linear;
  readonly numHeads: number;

  constructor(features: number, options: SelfAttentionOptions) {
    super();
    const { numHeads, qkvBias = true, projBias = true, qkNorm, scaleNorm } = options;
    this.numHeads = requireHeads(features, numHeads);
    this.qkv = new nn.Linear(features, 3 * features, { bias: qkvBias });
    this.qNorm = qkNorm?.(features / numHeads) ?? null;
    this.kNorm = qkNorm?.(features / numHeads) ?? null;
    this.norm = scaleNorm?.(features) ?? null;
    this.proj = new nn.Linear(features, features, { bias: projBias });
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const [q, k, v] = splitHeads(this.qkv.forward(x), 3, this.numHeads) as [Tensor, Tensor, Tensor];
      const result = mergeHeads(nn.attention(this.qNorm?.forward(q) ?? q, this.kNorm?.forward(k) ?? k, v));
      return this.proj.forward(this.norm?.forward(result) ?? result);
    });
  }
}

/** Returns `numHeads` if the features can be split among so many heads, else throws a RangeError. */
export function requireHeads(features: number, numHeads: number): number {
  if (Number.isInteger(features / numHeads)) return numHeads;
  throw new RangeError(`embed_dim must be a multiple of num_heads, got ${features} and ${numHeads}.`);
}

export interface AttentionPoolOptions {
  numHeads: number;
  /** Hidden features of the MLP. */
  hidden: number;
  act: ActLayer;
  norm: NormLayer;
}

/**
 * Attention pooling with one learned query, [N,L,features] to [N,features]: Zhai et al., arXiv 2106.04560; timm's
 * `AttentionPoolLatent`.
 */
export class AttentionPoolLatent extends nn.Module {
  readonly latent: Tensor;
  readonly q: nn.Linear;
  readonly kv: nn.Linear;
  readonly proj: nn.Linear;
  readonly norm: nn.Module;
  readonly mlp: Mlp;
  readonly numHeads: number;

  constructor(features: number, { numHeads, hidden, act, norm }: AttentionPoolOptions) {
    super();
    this.numHeads = requireHeads(features, numHeads);
    this.latent = nn.parameter(nn.init.normal_(ops.empty([1, 1, features]), 0, features ** -0.5));
    this.q = new nn.Linear(features, features);
    this.kv = new nn.Linear(features, 2 * features);
    this.proj = new nn.Linear(features, features);
    this.norm = norm(features);
    this.mlp = new Mlp(features, hidden, act);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const [query] = splitHeads(this.q.forward(this.latent), 1, this.numHeads) as [Tensor];
      const [k, v] = splitHeads(this.kv.forward(x), 2, this.numHeads) as [Tensor, Tensor];
      const q = ops.expand(query, [x.shape[0]!, -1, -1, -1]);
      const pooled = ops.select(this.proj.forward(mergeHeads(nn.attention(q, k, v))), 1, 0);
      return ops.add(pooled, this.mlp.forward(this.norm.forward(pooled)));
    });
  }
}
