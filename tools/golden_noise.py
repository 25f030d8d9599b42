"""Golden file of probabilistic linear discriminant analysis: packages/evenhand/golden/noise/plda.json.

Run with Debian's Python (python3-numpy, python3-scipy): /usr/bin/python3 tools/golden_noise.py
Computed by the definition, with full covariance matrices and scipy's densities; evenhand diagonalizes instead.
"""

import json
import os

import numpy as np
from scipy.stats import multivariate_normal

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(3)
K, D = 4, 5
counts = [9, 6, 4, 2]
means = rng.normal(size=(K, D)) * [3, 2, 1, 1, 0.5]
x = np.concatenate([means[k] + rng.normal(size=(n, D)) for k, n in enumerate(counts)])
memberships = np.zeros((len(x), K))
memberships[np.arange(len(x)), np.repeat(np.arange(K), counts)] = 1
memberships[3] = [0.5, 0.25, 0.25, 0]
rows = rng.normal(size=(3, D)) * 2

n = memberships.sum(0)
centred = x - x.mean(0)
m = memberships.T @ centred / n[:, None]
within = (centred.T @ centred - (m * n[:, None]).T @ m) / (len(x) - K)
within = 0.5 * within + 0.5 * np.trace(within) / D * np.eye(D)
between = ((m * n[:, None]).T @ m - K * within) / n.sum()
# Only the directions in which the scatter between classes is not zero.
values, vectors = np.linalg.eigh(np.linalg.inv(np.linalg.cholesky(within)) @ between @ np.linalg.inv(np.linalg.cholesky(within)).T)
values[values <= 1e-3] = 0
lower = np.linalg.cholesky(within)
kept = vectors[:, values > 0]
between = lower @ (vectors * values) @ vectors.T @ lower.T
projection = np.linalg.solve(lower.T, kept)
scores = np.zeros((len(rows), K))
for k in range(K):
    # The posterior of the class mean given its images, then the density of another image of the class.
    gain = between @ np.linalg.inv(between + within / n[k])
    centre = gain @ m[k]
    covariance = between - gain @ between + within
    density = multivariate_normal(projection.T @ centre, projection.T @ covariance @ projection)
    constant = 0.5 * kept.shape[1] * np.log(2 * np.pi)
    scores[:, k] = density.logpdf((rows - x.mean(0)) @ projection) + constant

out = f"{ROOT}/packages/evenhand/golden/noise/plda.json"
os.makedirs(os.path.dirname(out), exist_ok=True)
with open(out, "w") as file:
    json.dump({name: value.tolist() for name, value in locals().items() if name in ("x", "memberships", "rows", "scores")}, file)
print(out)
