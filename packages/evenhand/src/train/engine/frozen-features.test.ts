import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nn } from '@evenhand/torch';
import { readDataset } from '../../data/index.js';
import { buildModel, findSpec, presetAt } from '../setup/model.js';
import type { TrainingContext } from './context.js';
import { ExpectedTime } from './expected-time.js';
import { FeaturePool, type View } from './frozen-features.js';
import { drawImages, smallConfig, temporaryFolder } from './images.test.helper.js';
import { TrainingState } from './state.js';
import { withoutLeak } from './training.test.helper.js';

const { path, remove } = temporaryFolder();
after(remove);
await drawImages(path, 4);

const config = smallConfig(path, { model: 'efficientnet_mini', weights: 'pretrained', headEpochs: 1, batchSize: 5 });
const spec = await findSpec(config.model);
const { train: samples, classes } = await readDataset(path);

/** Rows of features of some images from a pool, and the images that passed the backbone for them. */
async function select(pool: FeaturePool, rows: readonly number[], views: readonly View[]) {
  const model = buildModel(spec, config, classes.length, 'cpu');
  nn.setTraining(model, false);
  let computed = 0;
  const preset = presetAt(spec.preset, config.imageSize);
  const context = {
    config,
    spec,
    model,
    preset,
    device: 'cpu',
    half: null,
    onEvent: (event: { type: string; done?: number; total?: number }) => {
      if (event.type === 'progress' && event.done === event.total) computed += event.total!;
    },
    expectedTime: new ExpectedTime(),
    budget: null,
    isInterrupted: () => false,
  } as unknown as TrainingContext;
  const chosen = rows.map((row) => samples[row]!);
  const result: number[][] = [];
  for (const view of views) {
    const { values } = (await pool.select(context, TrainingState.start(config), chosen, view))!;
    result.push(Array.from(values.toArray() as Float32Array));
    values.dispose();
  }
  nn.disposeModule(model);
  return { result, computed };
}

test('features of an image do not depend on the images that are asked for with it, augmented or not', () =>
  withoutLeak(async () => {
    const views: View[] = ['mirrored', 'plain', 1, 2];
    const pool = new FeaturePool(samples);
    const all = await select(pool, [...samples.keys()], views);
    assert.equal(all.computed, 3 * samples.length, 'features of both sides contain those of the images as they are');
    const rows = [7, 2, 11];
    const some = await select(pool, rows, views);
    assert.equal(some.computed, 0, 'computed once');
    const width = all.result[0]!.length / samples.length;
    for (const [v, values] of some.result.entries()) {
      for (const [i, row] of rows.entries()) {
        assert.deepEqual(
          values.slice(i * width, (i + 1) * width),
          all.result[v]!.slice(row * width, (row + 1) * width),
        );
      }
    }
    assert.notDeepEqual(some.result[2], some.result[3], 'another epoch, another augmentation');
    pool.dispose();
    // One that may keep nothing gives the same bits.
    const forgetful = new FeaturePool(samples, 0);
    const again = await select(forgetful, rows, views);
    assert.deepEqual([again.result, again.computed], [some.result, views.length * samples.length]);
    forgetful.dispose();
  }));
