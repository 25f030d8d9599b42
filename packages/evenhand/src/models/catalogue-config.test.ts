// The recommended models as the hub describes them: the config.json of each, from the table's own numbers, means the same model.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HUB_MODELS } from './catalogue-hub.js';
import { CATALOGUE_ROWS } from './catalogue-rows.js';
import { resolveModel } from './resolve/resolve-model.js';
import type { HubRepository } from './spec.js';
import { CLIP, HALF, IMAGENET } from './statistics.js';
import { COMMIT, cacheAsPython, newFolder } from './weights/hub.test.helper.js';

const STATISTICS: Record<string, object> = {
  imagenet: IMAGENET,
  half: HALF,
  clip: CLIP,
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
};

/** As timm writes it to the hub; CLIP's file does not say whether its weights are for QuickGELU. */
function configOf(row: string): { name: string; repository: string; config: object } {
  const [name = '', , , size, cropPct, cropMode, interpolation, statistics = '', license] = row.split(/ +/);
  const file = name.replace('_clip_quickgelu_', '_clip_');
  const [architecture = '', tag] = file.split('.');
  const config = {
    architecture,
    num_classes: 1000,
    // timm has no pool of class token and mean; elsewhere its pool is the architecture's own.
    ...(/^vit_.*_dinov2/.test(architecture) ? { global_pool: 'token' } : {}),
    ...(/^vit_.*_dinov3/.test(architecture) ? { global_pool: 'avg' } : {}),
    pretrained_cfg: {
      tag,
      input_size: [3, Number(size), Number(size)],
      interpolation,
      crop_pct: Number(cropPct),
      crop_mode: cropMode,
      ...STATISTICS[statistics],
      num_classes: 1000,
      license,
    },
  };
  return { name, repository: `timm/${file}`, config };
}

test('the config.json of every recommended model resolves to the model of the catalogue', async () => {
  const rows = CATALOGUE_ROWS.trim().split('\n').map(configOf);
  assert.equal(rows.length, HUB_MODELS.size);
  const HF_HOME = newFolder();
  for (const { name, repository, config } of rows) {
    cacheAsPython(`${HF_HOME}/hub`, repository, { 'config.json': Buffer.from(JSON.stringify(config)) });
    const expected = HUB_MODELS.get(name)!;
    const found = await resolveModel(`hf-hub:${repository}`, { env: { HF_HOME, HF_HUB_OFFLINE: '1' } });
    const { architecture, args, pool, preset, license } = expected;
    assert.deepEqual(
      { args: found.args, pool: found.pool, preset: found.preset, license: found.license },
      { args, pool, preset, license },
      name,
    );
    assert.equal(found.architecture, architecture.replace('_clip_quickgelu_', '_clip_'));
    assert.equal((found.weights as HubRepository).repository, (expected.weights as HubRepository).repository);
    assert.equal((found.weights as HubRepository).revision, COMMIT);
  }
});
