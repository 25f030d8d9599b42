import { keep, ops, scope, type Tensor, tensor } from '@evenhand/torch';

/**
 * Probabilistic linear discriminant analysis: classes are Gaussians with one covariance, whose means are drawn from a
 * Gaussian themselves (Ioffe, "Probabilistic linear discriminant analysis", ECCV 2006). So the mean of a class with four
 * images is as uncertain as four images leave it, unlike in softmax regression.
 */
export interface Plda {
  /** Log densities [N,K] of features float64 [N,D] for each class. */
  score(features: Tensor): Float64Array;
  dispose(): void;
}

/** Shrinkage of the within-class covariance towards a multiple of the identity (Friedman 1989). */
const SHRINKAGE = 0.5;
/** A class counts as at most this number of images, so that large classes do not dominate the between-class scatter. */
const MOST_WEIGHT = 20;
/** The variance within classes is at least this proportion of the total variance. */
const LEAST_SPREAD = 0.01;
/** Directions in which classes differ by less than this proportion of the variance within them are dropped. */
const LEAST_RATIO = 1e-3;

/**
 * Fits the classifier.
 *
 * @param features float64 [N,D]
 * @param memberships float64 [N,K]: probability that each image belongs to each class; rows sum to 1
 */
export function fitPlda(features: Tensor, memberships: Tensor): Plda {
  const [n, d] = features.shape as [number, number];
  const k = memberships.shape[1]!;
  const kept = scope(() => {
    const mean = ops.meanDim(features, [0], true);
    const x = ops.sub(features, mean);
    const counts = ops.sumDim(memberships, [0]);
    const sums = ops.matmul(ops.transpose(memberships, 0, 1), x);
    const means = ops.div(sums, ops.unsqueeze(ops.clamp(counts, 1e-9), 1));
    const scatter = (weights: Tensor) =>
      ops.matmul(ops.transpose(ops.mul(means, ops.unsqueeze(weights, 1)), 0, 1), means);
    const total = ops.matmul(ops.transpose(x, 0, 1), x);
    const present = ops.to(ops.logicalNot(ops.ltScalar(counts, 1)), { dtype: 'float64' });
    const numPresent = Math.max(1, ops.sum(present).item());
    const within = ops.divScalar(ops.sub(total, scatter(counts)), Math.max(1, n - numPresent));
    const identity = eye(d);
    const variance = (covariance: Tensor) => ops.sum(ops.mul(covariance, identity)).item() / d;
    // If every class has one image, the variance within classes is unknown, but it is not zero.
    const spread = Math.max(variance(within), (LEAST_SPREAD * variance(total)) / n, Number.EPSILON);
    const shrunk = ops.add(ops.mulScalar(within, 1 - SHRINKAGE), ops.mulScalar(identity, SHRINKAGE * spread));
    const weights = ops.mul(ops.clamp(counts, 0, MOST_WEIGHT), present);
    const weight = Math.max(1, ops.sum(weights).item());
    // The scatter of the means includes what the variance of the images adds to each mean.
    const between = ops.divScalar(ops.sub(scatter(weights), ops.mulScalar(shrunk, numPresent)), weight);

    const [values, vectors] = ops.linalgEigh(shrunk);
    const whiten = ops.div(vectors, ops.unsqueeze(ops.sqrt(values), 0));
    const whitened = ops.matmul(ops.transpose(whiten, 0, 1), ops.matmul(between, whiten));
    const [ratios, directions] = ops.linalgEigh(whitened);
    const ratioValues = ratios.toArray() as Float64Array;
    const first = ratioValues.findIndex((ratio) => ratio > LEAST_RATIO);
    const used = first < 0 ? 0 : ratioValues.length - first;
    const projection = ops.contiguous(ops.narrow(ops.matmul(whiten, directions), 1, d - used, used));
    const psi = ops.contiguous(ops.narrow(ratios, 0, d - used, used));
    // Posterior of the mean of each class, in directions with variance 1 within classes: [K,used].
    const precision = ops.addScalar(ops.mul(ops.unsqueeze(counts, 1), ops.unsqueeze(psi, 0)), 1);
    const variances = ops.div(ops.expand(ops.unsqueeze(psi, 0), [k, used]), precision);
    const centre = ops.mul(variances, ops.matmul(sums, projection));
    const spreads = ops.addScalar(variances, 1);
    return [mean, projection, centre, spreads].map(keep);
  });
  const [mean, projection, centre, spreads] = kept as [Tensor, Tensor, Tensor, Tensor];
  return {
    score: (rows) =>
      scope(() => {
        const z = ops.matmul(ops.sub(rows, mean), projection);
        const inverse = ops.div(ops.onesLike(spreads), spreads);
        const scaled = ops.mul(centre, inverse);
        const squares = ops.matmul(ops.mul(z, z), ops.transpose(inverse, 0, 1));
        const crossed = ops.matmul(z, ops.transpose(scaled, 0, 1));
        const own = ops.sumDim(ops.add(ops.mul(centre, scaled), ops.log(spreads)), [1]);
        const distances = ops.add(ops.sub(squares, ops.mulScalar(crossed, 2)), own);
        return ops.mulScalar(distances, -0.5).toArray() as Float64Array;
      }),
    dispose() {
      for (const tensor of kept) tensor.dispose();
    },
  };
}

function eye(d: number): Tensor {
  const values = new Float64Array(d * d);
  for (let i = 0; i < d; i++) values[i * d + i] = 1;
  return tensor(values, [d, d]);
}

/** Number of principal components; more take time and add little. */
const DIMENSIONS = 300;

/**
 * Transforms a network's pooled features so that they fit Gaussians: signed square root and unit length (Perronnin et al.,
 * ECCV 2010), then principal components, at most 300.
 *
 * @param features [N,F] of one or more sets of images
 * @returns float64 [N,D] on the CPU, one set after the other; the caller disposes of it
 */
export function gaussianFeatures(...features: readonly Tensor[]): Tensor {
  return scope(() => {
    const raw = ops.cat(
      features.map((set) => ops.to(set, { dtype: 'float64', device: 'cpu' })),
      0,
    );
    const magnitude = ops.sqrt(ops.abs(raw));
    const signed = ops.where(ops.ltScalar(raw, 0), ops.neg(magnitude), magnitude);
    const length = ops.clamp(ops.vectorNorm(signed, 2, [1], true), 1e-12);
    const unit = ops.div(signed, length);
    const x = ops.sub(unit, ops.meanDim(unit, [0], true));
    const [n, f] = x.shape as [number, number];
    const rank = Math.min(DIMENSIONS, f, Math.max(1, n - 1));
    const [, vectors] = ops.linalgEigh(ops.matmul(ops.transpose(x, 0, 1), x));
    return keep(ops.matmul(x, ops.narrow(vectors, 1, f - rank, rank)));
  });
}
