import { nn, ops, scope, type Tensor } from '@evenhand/torch';
import type { SwinArguments } from './swin-rows.js';
import { merge, partition, relativePositions, shiftMask, type Windows } from './swin-windows.js';
import { Mlp } from './transformer.js';

/** Attention within windows, and an MLP, each with a norm before it and added to its input: [N,H,W,C] to the same. */
export class SwinBlock extends nn.Module {
  readonly norm1: nn.LayerNorm;
  readonly attn: WindowAttention;
  readonly norm2: nn.LayerNorm;
  readonly mlp: Mlp;
  readonly dropPath: nn.StochasticDepth;

  constructor(features: number, heads: number, windows: Windows, args: SwinArguments, dropPath: number) {
    super();
    this.norm1 = new nn.LayerNorm(features);
    this.attn = new WindowAttention(features, heads, windows, args);
    this.norm2 = new nn.LayerNorm(features);
    this.mlp = new Mlp(features, Math.trunc(features * args.mlp_ratio), 'gelu');
    this.dropPath = new nn.StochasticDepth(dropPath);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const attended = ops.add(x, this.dropPath.forward(this.attn.forward(this.norm1.forward(x))));
      const rows = ops.reshape(this.norm2.forward(attended), [-1, x.shape[3]!]);
      const branch = ops.reshape(this.mlp.forward(rows), [-1, ...x.shape.slice(1)]);
      return ops.add(attended, this.dropPath.forward(branch));
    });
  }
}

/** Attention among the tokens of each window, with a bias for each relative position: [N,H,W,C] to the same. */
export class WindowAttention extends nn.Module {
  /** [(2*height-1)*(2*width-1),heads] */
  readonly relativePositionBiasTable: Tensor;
  readonly qkv: nn.Linear;
  readonly proj: nn.Linear;
  readonly relativePositionIndex: Tensor;
  readonly mask: Tensor | null;
  readonly windows: Windows;
  readonly #heads: number;
  readonly #headFeatures: number;

  constructor(features: number, heads: number, windows: Windows, { head_dim, qkv_bias }: SwinArguments) {
    super();
    this.windows = windows;
    this.#heads = heads;
    this.#headFeatures = head_dim ?? Math.floor(features / heads);
    const [height, width] = windows.window;
    this.relativePositionBiasTable = nn.parameter(ops.zeros([(2 * height - 1) * (2 * width - 1), heads]));
    nn.init.normal_(this.relativePositionBiasTable, 0, 0.02);
    this.qkv = new nn.Linear(features, 3 * heads * this.#headFeatures, { bias: qkv_bias });
    this.proj = new nn.Linear(heads * this.#headFeatures, features);
    this.relativePositionIndex = relativePositions(windows.window);
    this.mask = shiftMask(windows);
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const [height, width] = this.windows.window;
      const [heads, tokens] = [this.#heads, height * width];
      // Masks differ between the windows of an image. Those windows count as heads, so that one mask serves every image.
      const count = this.mask === null ? 1 : this.mask.shape[0]!;
      const [q, k, v] = scope(() => {
        const qkv = this.qkv.forward(partition(x, this.windows));
        const split = ops.reshape(qkv, [-1, count, tokens, 3, heads, this.#headFeatures]);
        const parts = ops.unbind(ops.permute(split, [3, 0, 1, 4, 2, 5]), 0);
        return parts.map((part) => ops.reshape(part, [-1, count * heads, tokens, this.#headFeatures]));
      }) as [Tensor, Tensor, Tensor];
      const result = ops.reshape(nn.attention(q, k, v, this.#bias(tokens)), [
        -1,
        count,
        heads,
        tokens,
        this.#headFeatures,
      ]);
      const rows = ops.reshape(ops.permute(result, [0, 1, 3, 2, 4]), [-1, heads * this.#headFeatures]);
      return merge(this.proj.forward(rows), this.windows);
    });
  }

  /** What is added to the products of queries and keys: [1,windows*heads,tokens,tokens]; one window without a mask. */
  #bias(tokens: number): Tensor {
    const pairs = ops.indexSelect(this.relativePositionBiasTable, 0, this.relativePositionIndex);
    const bias = ops.permute(ops.reshape(pairs, [tokens, tokens, this.#heads]), [2, 0, 1]);
    return ops.reshape(this.mask ? ops.add(this.mask, bias) : bias, [1, -1, tokens, tokens]);
  }
}

/** Joins 2 x 2 tokens: [N,H,W,C] to [N,ceil(H/2),ceil(W/2),outputs]. */
export class PatchMerging extends nn.Module {
  readonly norm: nn.LayerNorm;
  readonly reduction: nn.Linear;

  constructor(features: number, outputs: number) {
    super();
    this.norm = new nn.LayerNorm(4 * features);
    this.reduction = new nn.Linear(4 * features, outputs, { bias: false });
  }

  override forward(x: Tensor): Tensor {
    return scope(() => {
      const [, height = 0, width = 0, features = 0] = x.shape;
      const odd = height % 2 === 1 || width % 2 === 1;
      const even = odd ? ops.constantPadNd(x, [0, 0, 0, width % 2, 0, height % 2]) : x;
      const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
      const squares = ops.permute(ops.reshape(even, [-1, rows, 2, columns, 2, features]), [0, 1, 3, 4, 2, 5]);
      const joined = this.reduction.forward(this.norm.forward(ops.reshape(squares, [-1, 4 * features])));
      return ops.reshape(joined, [-1, rows, columns, joined.shape[1]!]);
    });
  }
}
