import { type nn, ops, type Tensor } from '@evenhand/torch';
import { POOLS, type Pool } from '../family.js';

/** Pooled features of a feature map: [N,C,H,W] to [N,C]. @throws RangeError for a pool that needs tokens */
export function poolMap(x: Tensor, pool: Pool): Tensor {
  if (pool === 'avg') return ops.flatten(ops.adaptiveAvgPool2d(x, 1), 1);
  if (pool === 'max') return ops.amax(x, [2, 3]);
  throw new RangeError(`Pooling by ${pool} needs a network with tokens; this one has avg and max.`);
}

/** The number of features of an image that `poolTokens` returns for tokens of `width` features. */
export function pooledWidth(width: number, pool: Pool): number {
  return pool === 'token+avg' ? 2 * width : width;
}

/**
 * Pooled features of tokens: [N,L,C] to [N,C], or [N,2C] for `token+avg`. The first `prefix` tokens are the class token
 * and registers, which means and maxima leave out. @throws RangeError for `token` without a class token, and for `map`
 */
export function poolTokens(x: Tensor, pool: Pool, prefix: number): Tensor {
  const patches = () => (prefix === 0 ? x : ops.slice(x, 1, prefix));
  if (pool === 'avg') return ops.meanDim(patches(), [1]);
  if (pool === 'max') return ops.amax(patches(), [1]);
  if (pool === 'map') throw new RangeError('Attention pooling is a layer of the network.');
  if (prefix === 0) throw new RangeError(`Pooling by ${pool} needs a class token, which this network lacks.`);
  const token = ops.select(x, 1, 0);
  return pool === 'token' ? token : ops.cat([token, ops.meanDim(patches(), [1])], 1);
}

/** Applies the norm of `width` features to pooled features [N,F]: to the class token and the mean of `token+avg` apart. */
export function normalizePooled(pooled: Tensor, norm: nn.Module, width: number): Tensor {
  return ops.flatten(norm.forward(ops.reshape(pooled, [-1, pooled.shape[1]! / width, width])), 1);
}

/** The pools of a transformer. Attention pooling has weights, so that only those that were pretrained with it have it. */
export function tokenPools(args: { readonly class_token: boolean; readonly global_pool: string }): Pool[] {
  const { class_token: hasToken, global_pool: pretrained } = args;
  return POOLS.filter((pool) => (pool === 'map' ? pretrained === 'map' : hasToken || !pool.startsWith('token')));
}

/**
 * The pool of an architecture's features: those of DINOv2 and of DINOv3's ViTs are the class token with the mean of the
 * patch tokens, as in the linear classifiers of their authors (arXiv 2304.07193, section 7.1; `hub/classifiers.py` of
 * github.com/facebookresearch/dinov2 and dinov3); others have what their file says.
 *
 * @param pool the pool of timm's configuration; null if it names none
 */
export function featurePool(architecture: string, pool: Pool | null): Pool | null {
  const [, version] = /^vit_\w*_dinov([23])(_|$)/.exec(architecture) ?? [];
  if (version === undefined) return pool;
  // What timm has for lack of this pool.
  const substitute = version === '2' ? 'token' : 'avg';
  return pool === null || pool === substitute ? 'token+avg' : pool;
}
