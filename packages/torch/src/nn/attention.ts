import { native } from '../native.js';
import { op } from '../op.js';
import * as ops from '../ops.js';
import type { Tensor } from '../tensor.js';

/**
 * libtorch's fused attention. It is not in ops.ts, because libtorch 1.13 lacks it; later versions have more options than
 * this schema.
 */
export const scaledDotProductAttention = op(
  'aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False) -> Tensor',
);

let fused: boolean | undefined;

/**
 * Attention: `softmax(q k^T / sqrt(D) + mask) v` (Vaswani et al., arXiv 1706.03762), with PyTorch's
 * `scaled_dot_product_attention` if libtorch has it (2.0 and later), which needs memory linear in L and S.
 *
 * @param q [N,heads,L,D]
 * @param k [N,heads,S,D]
 * @param v [N,heads,S,D]
 * @param mask float, added to the products; broadcast to [N,heads,L,S]. It may have more bits than q, as under autocast.
 * @returns [N,heads,L,D]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null = null): Tensor {
  fused ??= native().schema('aten::scaled_dot_product_attention', '') !== null;
  return fused ? scaledDotProductAttention(q, k, v, likeProducts(mask, q)) : plainAttention(q, k, v, mask);
}

/** `attention` as separate operations, for libtorch 1.13. */
export function plainAttention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null = null): Tensor {
  const scaled = ops.mulScalar(q, 1 / Math.sqrt(q.shape.at(-1)!));
  const products = ops.matmul(scaled, ops.transpose(k, -2, -1));
  return ops.matmul(ops.softmax(mask === null ? products : ops.add(products, likeProducts(mask, q)!), -1), v);
}

/** The mask in the type of q: libtorch 2.0 refuses another one, and the product with v fails after it. */
function likeProducts(mask: Tensor | null, q: Tensor): Tensor | null {
  return mask === null || mask.dtype === q.dtype ? mask : ops.to(mask, { dtype: q.dtype });
}
