import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { nn, noGrad, ops, scope, type Tensor, TorchError, tensor } from '@evenhand/torch';
import { createModel, type ImageModel } from '../../models/index.js';
import { RunFolder } from '../../run/index.js';
import { resume } from '../../workflows/index.js';
import { TrainingError } from '../training-error.js';
import { largestThatFits } from './batch-size.js';
import { inParts } from './in-parts.js';
import { TestRuns, tensorHash } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

/** A device that holds `room` images. */
function fake(room: number) {
  const tried: number[] = [];
  const trial = (batchSize: number): void => {
    tried.push(batchSize);
    if (batchSize > room) throw new TorchError('full', 'TORCH_OUT_OF_MEMORY');
  };
  return { tried, trial };
}

describe('the largest batch that fits', () => {
  test('is what is wanted, or the first of its divisors that fits, each at most half of the one before', () => {
    for (const [wanted, room, found, sizes] of [
      [32, 100, 32, [32]],
      [32, 9, 8, [32, 16, 8]],
      [48, 5, 3, [48, 24, 12, 6, 3]],
      [31, 30, 1, [31, 1]],
      [4, 0, 0, [4, 2, 1]],
    ] as const) {
      const { tried, trial } = fake(room);
      assert.equal(largestThatFits(wanted, trial), found);
      assert.deepEqual(tried, sizes);
    }
    const { tried, trial } = fake(20);
    assert.equal(largestThatFits(128, trial, 32), 16);
    assert.deepEqual(tried, [32, 16]);
  });

  test('is not sought on after another failure', () => {
    const trial = () => {
      throw new TorchError('shapes', 'TORCH_OPERATION_FAILED');
    };
    assert.throws(() => largestThatFits(32, trial), { code: 'TORCH_OPERATION_FAILED' });
  });
});

test('features are computed in halves where memory runs out, and are the same', () =>
  scope(() => {
    const images = tensor([[1], [2], [3], [4], [5]]);
    const { tried, trial } = fake(2);
    const double = (part: Tensor): Tensor => {
      trial(part.shape[0]!);
      return ops.mulScalar(part, 2);
    };
    const never = (part: Tensor): Tensor => {
      fake(0).trial(part.shape[0]!);
      return part;
    };
    assert.deepEqual(noGrad(() => inParts(images, double)).toArray(), Float32Array.of(2, 4, 6, 8, 10));
    assert.deepEqual(tried, [5, 2, 3, 1, 2]);
    assert.throws(() => inParts(images, never), { code: 'TORCH_OUT_OF_MEMORY' });
  }));

/** Makes training steps of more than `room` images run out of memory. */
function limitMemory(context: TestContext, room: number): void {
  const model = createModel('mobilenet_v2', { numClasses: 2 });
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf(model)) as ImageModel;
  nn.disposeModule(model);
  const { forward } = prototype;
  context.mock.method(prototype, 'forward', function (this: ImageModel, images: Tensor) {
    fake(room).trial(images.shape[0]!);
    return forward.call(this, images);
  });
}

describe('--batch-size auto', () => {
  test('records the number, and trains with the same bits as a run that names it', async () => {
    const { events } = await runs.go('auto', { batchSize: 'auto' });
    await runs.go('named', { batchSize: 32 });
    const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    assert.ok(notes.includes('Batch size 32: it fits into the memory of cpu.'), notes.join('\n'));
    const [auto, named] = ['auto', 'named'].map((name) => RunFolder.open(runs.path(name)).readConfig());
    assert.deepEqual(auto, named);
    assert.equal(tensorHash(runs.state('auto')), tensorHash(runs.state('named')));
  });

  test('takes what fits, and accumulates the rest', async (context) => {
    limitMemory(context, 3);
    const { events } = await runs.go('small', { batchSize: 'auto', accumulate: 2 });
    const note = 'Batch size 2, with 32 gradient accumulation steps to keep the effective batch size of 64';
    assert.ok(events.some((event) => event.type === 'note' && event.text.startsWith(note)));
    const { batchSize, accumulate } = RunFolder.open(runs.path('small')).readConfig();
    assert.deepEqual([batchSize, accumulate], [2, 32]);
  });

  test('is refused if nothing fits, and leaves no run', async (context) => {
    limitMemory(context, 0);
    await assert.rejects(runs.go('none', { batchSize: 'auto' }), {
      name: 'Error',
      message: /^The memory of cpu is too small for a training step with one image of 32 x 32 pixels: /,
    });
    assert.equal(existsSync(join(runs.path('none'), 'config.json')), false);
  });
});

describe('a training that runs out of memory', () => {
  test('names the batch size that fits, and what keeps the effective one', async (context) => {
    limitMemory(context, 3);
    await assert.rejects(runs.go('full', { batchSize: 8, accumulate: 2 }), (error) => {
      assert.ok(error instanceof TrainingError);
      assert.equal(
        error.message,
        'Out of memory on cpu with batches of 8 images of 32 x 32 pixels: batches of 2 fit, and 8 accumulation steps keep the effective batch size of 16',
      );
      assert.deepEqual(error.resumeWith, { batchSize: 2, accumulate: 8 });
      return true;
    });
  });

  test('goes on with smaller batches and more accumulation', async () => {
    const values = { batchSize: 8, accumulate: 1, epochs: 1 };
    await runs.go('split', values, ({ stage, epoch, done }) => stage === 'full' && epoch === 1 && done === 8);
    const changes = { batchSize: 4, accumulate: 2 };
    const seen: number[] = [];
    const { interrupted, epochs } = await resume({
      run: runs.path('split'),
      changes,
      onEvent: (event) => {
        if (event.type === 'progress' && event.stage === 'full') seen.push(event.done);
      },
    });
    assert.deepEqual([interrupted, epochs.length], [false, 1]);
    assert.deepEqual(seen, [20, 24], 'it begins after the 16 images that were done');
  });
});
