import type { Interpolation, Preset } from '@evenhand/predict';
import { CATALOGUE_ROWS } from './catalogue-rows.js';
import { featurePool } from './families/pool.js';
import { licenseOf } from './license.js';
import type { ModelSpec } from './spec.js';
import { CLIP, HALF, IMAGENET } from './statistics.js';

const STATISTICS: Readonly<Record<string, Pick<Preset, 'mean' | 'std'>>> = {
  imagenet: IMAGENET,
  half: HALF,
  clip: CLIP,
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
};

/** The recommended models of the hub by name. */
export const HUB_MODELS: ReadonlyMap<string, ModelSpec> = new Map(
  CATALOGUE_ROWS.trim()
    .split('\n')
    .map((line) => {
      const spec = specOf(line);
      return [spec.name, spec];
    }),
);

function specOf(line: string): ModelSpec {
  const [name = '', parameters, gmacs, size, cropPct, cropMode, interpolation, statistics = '', license, ...data] =
    line.split(/ +/);
  const [architecture] = name.split('.') as [string];
  const crop = Number(size);
  return {
    name,
    architecture,
    args: {},
    pool: featurePool(architecture, null),
    preset: {
      resize: Math.floor(crop / Number(cropPct)),
      crop,
      ...(cropMode === 'squash' || cropMode === 'border' ? { cropMode } : {}),
      interpolation: interpolation as Interpolation,
      ...STATISTICS[statistics]!,
    },
    // CLIP's weights with and without QuickGELU are one file.
    weights: { repository: `timm/${name.replace('_clip_quickgelu_', '_clip_')}`, revision: 'main' },
    license: licenseOf(license),
    parameters: Number(parameters),
    gmacs: gmacs === '-' ? null : Number(gmacs),
    pretraining: data.join(' '),
  };
}
