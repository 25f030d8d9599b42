import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pace } from './deadline.js';
import { MOST_PROBABLE } from './decide.js';
import { ImageError } from './image.js';
import { Model, NotDone, type PredictAllOptions, type Prediction, type Run } from './model.js';
import { ModelError } from './model-error.js';
import { IMAGENET_MEAN, IMAGENET_STD } from './preset.js';
import type { View } from './views.js';

const CLASSES = ['cat', 'dog', 'owl'];
const METADATA = {
  version: '0',
  model: 'fake',
  classes: CLASSES,
  preset: { resize: 8, crop: 8, interpolation: 'bilinear', mean: IMAGENET_MEAN, std: IMAGENET_STD },
  decision: MOST_PROBABLE,
  classCounts: null,
  config: null,
  dataFingerprint: null,
  validation: null,
} as const;

/** Images are numbers; the predicted class is the number modulo 3. */
class FakeModel extends Model<number> {
  /** The number of views of each image, in the order in which images were started. */
  readonly started: [image: number, views: number][] = [];

  constructor(
    private readonly work: (image: number, views: number) => Promise<unknown> = async () => {},
    pace: Pace = { lanes: 2, ahead: 2, trial: 1 },
    decision = METADATA.decision,
  ) {
    super({ ...METADATA, decision }, pace, 'fake.onnx');
  }

  protected override async run(image: number, views: readonly View[]): Promise<Run> {
    this.started.push([image, views.length]);
    const result = await this.work(image, views.length);
    if (result !== undefined) return result as Run;
    return { logits: Float64Array.from(CLASSES, (_, k) => (k === image % 3 ? 2 : k / 10)), milliseconds: 1 };
  }

  override async close(): Promise<void> {}
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function outcomes(model: FakeModel, images: Iterable<number>, options: PredictAllOptions = {}) {
  const all: unknown[] = [];
  for await (const outcome of model.predictAll(images, options)) {
    all.push('label' in outcome ? outcome.label : outcome);
  }
  return all;
}

test('a prediction has the label, its probability, the top classes and all probabilities', async () => {
  const prediction = await new FakeModel().predict(1, { topK: 2 });
  const sum = Math.exp(0) + Math.exp(2) + Math.exp(0.2);
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}`);
  assert.equal(prediction.label, 'dog');
  near(prediction.probability, Math.exp(2) / sum);
  assert.deepEqual(
    prediction.top.map(({ label }) => label),
    ['dog', 'owl'],
  );
  near(prediction.top[1]!.probability, Math.exp(0.2) / sum);
  near(
    prediction.probabilities.reduce((a, b) => a + b, 0),
    1,
  );
  assert.deepEqual([...prediction.logits], [0, 2, 0.2]);
  assert.equal(prediction.views, 1);
});

test("the rule in the model's file chooses the class and the order of the best", async () => {
  const rule = { temperature: 1, scale: [0, 1, 9], offset: [0.01, 0, 0] };
  const { label, top, probability, probabilities } = await new FakeModel(undefined, undefined, rule).predict(1);
  assert.equal(label, 'owl');
  assert.deepEqual(
    top.map((each) => each.label),
    ['owl', 'dog', 'cat'],
  );
  assert.equal(probability, probabilities[2]);
});

test('one image gives one prediction, a list gives a list, and an empty list an empty one', async () => {
  const model = new FakeModel();
  assert.equal((await model.predict(2)).label, 'owl');
  assert.deepEqual(
    (await model.predict([2, 0])).map(({ label }) => label),
    ['owl', 'cat'],
  );
  assert.deepEqual(await model.predict([]), []);
  assert.deepEqual(model.classes, CLASSES);
});

test('the kind of augmentation sets the number of views', async () => {
  const model = new FakeModel();
  for (const tta of ['none', 'flip', 'flip+scales'] as const) await model.predict(0, { tta });
  assert.deepEqual(model.started, [
    [0, 1],
    [0, 2],
    [0, 4],
  ]);
});

test('outcomes are in the order of the images, whichever finishes first', async () => {
  const model = new FakeModel((image) => sleep((image * 7) % 5));
  const labels = await outcomes(model, numbers(40));
  assert.deepEqual(
    labels,
    numbers(40).map((i) => CLASSES[i % 3]),
  );
});

test('no more images are taken from the source than are in progress', async () => {
  for (const [lanes, ahead] of [
    [1, 1],
    [2, 3],
  ] as const) {
    const model = new FakeModel(undefined, { lanes, ahead, trial: 1 });
    let taken = 0;
    async function* source() {
      for (let i = 0; i < 50; i++) {
        taken++;
        yield i;
      }
    }
    let seen = 0;
    for await (const _ of model.predictAll(source())) {
      assert.ok(taken - seen <= lanes * ahead, `${taken} taken, ${seen} predicted`);
      seen++;
    }
    assert.deepEqual([seen, taken], [50, 50]);
  }
});

test('an unreadable image is an outcome, and the others are predicted', async () => {
  const broken = new ImageError('5.jpg', 'is cut short');
  const model = new FakeModel(async (image) => {
    if (image === 5) throw broken;
  });
  const expected = numbers(9).map((i) => (i === 5 ? broken : CLASSES[i % 3]));
  assert.deepEqual(await outcomes(model, numbers(9)), expected);
});

test('predict throws the error of an unreadable image', async () => {
  const model = new FakeModel(async (image) => {
    throw new ImageError(`${image}.jpg`, 'is cut short');
  });
  await assert.rejects(model.predict(7), { name: 'ImageError', message: '7.jpg: is cut short' });
  await assert.rejects(model.predict([1, 2]), { name: 'ImageError', message: '1.jpg: is cut short' });
});

test('an image for which the model gives NaN is an outcome that names the model, and the others are predicted', async () => {
  const broken = { logits: Float64Array.of(0, Number.NaN, 1), milliseconds: 1 };
  const model = new FakeModel(async (image) => (image === 4 ? broken : undefined));
  const all = await outcomes(model, numbers(7));
  const [error] = all.splice(4, 1);
  assert.ok(error instanceof ModelError, String(error));
  assert.match(error.reason, /^fake\.onnx: logit 1 is NaN, not a finite number: .*export the model again\.$/);
  assert.deepEqual(all, ['cat', 'dog', 'owl', 'cat', 'owl', 'cat']);
  await assert.rejects(model.predict(4), { name: 'ModelError', message: error.message });
});

test('a warning about the file is part of the prediction', async () => {
  const logits = Float64Array.of(0, 1, 2);
  const model = new FakeModel(async () => ({ logits, milliseconds: 1, warning: 'it lacks its end marker' }));
  assert.equal((await model.predict(0)).warning, 'it lacks its end marker');
  assert.equal('warning' in (await new FakeModel().predict(0)), false);
});

test('any other error ends the stream when its image is due', async () => {
  const model = new FakeModel(async (image) => {
    if (image === 2) throw new Error('the worker is gone');
    await sleep(5);
  });
  const labels: string[] = [];
  await assert.rejects(
    async () => {
      for await (const outcome of model.predictAll(numbers(9))) labels.push((outcome as Prediction).label);
    },
    { name: 'Error', message: 'the worker is gone' },
  );
  assert.deepEqual(labels, ['cat', 'dog']);
});

test('an error of the source is passed on', async () => {
  function* source() {
    yield 0;
    throw new RangeError('line 2: the file name is empty');
  }
  await assert.rejects(outcomes(new FakeModel(), source()), { message: 'line 2: the file name is empty' });
});

test('at the deadline every image has an outcome, even if the model hangs', async () => {
  const model = new FakeModel((image) => (image < 3 ? Promise.resolve() : new Promise(() => {})));
  const found = await outcomes(model, numbers(20), { count: 20, deadline: performance.now() + 50 });
  assert.deepEqual(found.slice(0, 3), ['cat', 'dog', 'owl']);
  assert.equal(found.length, 20);
  assert.ok(found.slice(3).every((outcome) => outcome instanceof NotDone));
  assert.equal((found[3] as NotDone).reason, 'there was no time for it');
});

test('no image is started after the deadline', async () => {
  const model = new FakeModel();
  const found = await outcomes(model, numbers(5), { count: 5, deadline: performance.now() - 1 });
  assert.ok(found.length === 5 && found.every((outcome) => outcome instanceof NotDone));
  assert.deepEqual(model.started, []);
});

test('with a distant deadline every image gets all views', async () => {
  const model = new FakeModel();
  const found = await outcomes(model, numbers(5), { tta: 'flip', count: 5, deadline: performance.now() + 2 ** 33 });
  assert.equal(found.length, 5);
  assert.deepEqual(
    model.started,
    numbers(5).map((i) => [i, 2]),
  );
});

test('views are dropped if they do not fit according to the trial', async () => {
  const model = new FakeModel(undefined, { lanes: 1, ahead: 1, trial: 600_000 });
  // Ten minutes per view, and half an hour for two images.
  await outcomes(model, numbers(1), { tta: 'flip', count: 2, deadline: performance.now() + 1_800_000 });
  assert.deepEqual(model.started, [[0, 1]]);
});

test('a reader that stops early leaves nothing that keeps the program alive', async () => {
  const model = new FakeModel();
  for await (const _ of model.predictAll(numbers(9), { count: 9, deadline: performance.now() + 2 ** 33 })) break;
  // Otherwise the test run would wait for the deadline's timer.
  assert.ok(model.started.length <= 4);
});

test('an invalid option is refused by one sentence', async () => {
  const cases: [options: unknown, message: string][] = [
    [{ tta: 'flips' }, 'tta: expected none, flip, flip+scales, got "flips".'],
    [{ topK: 0 }, 'topK: expected a whole number of at least 1, got 0.'],
    [{ topK: 1.5 }, 'topK: expected a whole number of at least 1, got 1.5.'],
    [{ deadline: 1000 }, 'count: a deadline needs the number of images, got undefined.'],
    [{ deadline: 1000, count: -1 }, 'count: a deadline needs the number of images, got -1.'],
  ];
  for (const [options, message] of cases) {
    await assert.rejects(outcomes(new FakeModel(), [0], options as PredictAllOptions), { name: 'TypeError', message });
  }
});
