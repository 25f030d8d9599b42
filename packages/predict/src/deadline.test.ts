import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PassPlanner } from './deadline.js';

const VIEWS = 4;

interface World {
  readonly images: number;
  readonly lanes: number;
  readonly ahead: number;
  /** Milliseconds of a view in the trial; `cost` is what the n-th image takes, per view in the model and outside it. */
  readonly trial: number;
  cost(n: number): { view: number; rest: number };
  readonly deadline: number;
}

interface Story {
  /** For each image in order: its number of views, and when it was predicted. */
  readonly views: number[];
  readonly ends: number[];
}

/** Simulates `Model` with a clock that advances only by the cost of images. */
function simulate({ images, lanes, ahead, trial, cost, deadline }: World): Story {
  const planner = new PassPlanner(VIEWS, { lanes, ahead, trial }, deadline);
  const free = new Array<number>(lanes).fill(0);
  const story: Story = { views: [], ends: [] };
  let running: { end: number; views: number; inModel: number }[] = [];
  let lastFinish: number | undefined;
  let now = 0;
  for (let n = 0; n < images; n++) {
    // Outcomes are yielded in order, and a new image is taken when the first one in progress is done.
    const first = n - lanes * ahead;
    if (first >= 0) now = Math.max(now, story.ends[first]!);
    for (const { end, views, inModel } of running.filter(({ end }) => end <= now).sort((a, b) => a.end - b.end)) {
      if (lastFinish !== undefined) planner.record(views, (end - lastFinish) * lanes, inModel);
      lastFinish = end;
    }
    running = running.filter(({ end }) => end > now);
    const views = planner.passesFor(images - n + running.length, running.length, now);
    story.views.push(views);
    if (views === 0) {
      story.ends.push(now);
      continue;
    }
    const { view, rest } = cost(n);
    const lane = free.indexOf(Math.min(...free));
    free[lane] = Math.max(free[lane]!, now) + rest + views * view;
    running.push({ end: free[lane], views, inModel: views * view });
    story.ends.push(free[lane]);
  }
  return story;
}

/** A fixed number in [0, 1] for each n. */
const noise = (n: number): number => ((Math.imul(n + 1, 0x9e3779b1) >>> 8) % 4096) / 4096;

const steady = { images: 1000, lanes: 2, ahead: 2, trial: 10, cost: () => ({ view: 10, rest: 5 }) };
/** Milliseconds that all images of `steady` take with this many views. */
const needed = (views: number): number => (1000 / 2) * (5 + views * 10);

test('every image gets all views if they fit', () => {
  const { views } = simulate({ ...steady, deadline: needed(VIEWS) * 1.1 });
  assert.deepEqual(new Set(views), new Set([VIEWS]));
});

test('views are dropped before images if they do not fit', () => {
  for (const share of [0.4, 0.6, 0.8]) {
    const deadline = needed(VIEWS) * share;
    const { views, ends } = simulate({ ...steady, deadline });
    assert.ok(Math.min(...views) >= 1, `${share}: an image without a prediction`);
    assert.ok(Math.max(...ends) <= deadline, `${share}: ended at ${Math.max(...ends)} of ${deadline}`);
    const mean = views.reduce((sum, each) => sum + each, 0) / views.length;
    const possible = ((deadline / 500 - 5) / 10) * 0.85;
    assert.ok(mean > possible, `${share}: ${mean} views per image, expected at least ${possible}`);
  }
});

test('the first images are predicted if not even one view of each fits', () => {
  const deadline = needed(1) / 2;
  const { views, ends } = simulate({ ...steady, deadline });
  const predicted = views.indexOf(0);
  assert.ok(predicted > 480 && predicted <= 500, `${predicted} predicted`);
  assert.deepEqual(new Set(views.slice(0, predicted)), new Set([1]));
  assert.deepEqual(new Set(views.slice(predicted)), new Set([0]));
  assert.ok(Math.max(...ends) <= deadline);
});

test('no image is started after the deadline or too shortly before it', () => {
  const planner = new PassPlanner(VIEWS, { lanes: 1, ahead: 2, trial: 10 }, 1000);
  assert.equal(planner.passesFor(1, 0, 900), VIEWS);
  assert.equal(planner.passesFor(1, 0, 989), 1);
  for (const now of [990, 1000, 5000]) assert.equal(planner.passesFor(1, 0, now), 0, `at ${now}`);
});

test('costs that differ from the trial are learned', () => {
  for (const [what, view, rest] of [
    ['a trial that was too fast', 30, 5],
    ['a trial that was too slow', 3, 5],
    ['slow decoding', 10, 60],
  ] as const) {
    const cost = () => ({ view, rest });
    const total = (views: number) => (1000 / 2) * (rest + views * view);
    for (const share of [0.75, 1.2]) {
      const deadline = total(VIEWS) * share;
      const { views, ends } = simulate({ ...steady, cost, deadline });
      assert.ok(Math.min(...views) >= 1, `${what}, ${share}: an image without a prediction`);
      assert.ok(Math.max(...ends) <= deadline, `${what}, ${share}: ended too late`);
      // All views fit, so all images get them once the cost has been learned.
      if (share > 1) assert.deepEqual(new Set(views.slice(-800)), new Set([VIEWS]), what);
    }
  }
});

test('with costs that vary between images and over time, every image is predicted before the deadline', () => {
  const paces = [
    [1, 2],
    [2, 2],
    [8, 2],
    // A GPU runs 16 views at once.
    [1, 32],
  ] as const;
  for (const [lanes, ahead] of paces) {
    for (let world = 0; world < 20; world++) {
      // Up to threefold between images, and rising to twice as much, as on a machine that gets hot.
      const cost = (n: number) => ({
        view: 10 * (1 + n / 2000) * (0.5 + noise(n + world * 7919)),
        rest: 5 * (0.5 + noise(n * 3 + world)),
      });
      let all = 0;
      for (let n = 0; n < 2000; n++) all += (cost(n).rest + VIEWS * cost(n).view) / lanes;
      const deadline = all * (0.45 + 0.03 * world);
      const { views, ends } = simulate({ images: 2000, lanes, ahead, trial: 8, cost, deadline });
      const last = Math.max(...ends);
      const what = `${lanes} lanes, ${ahead} ahead, world ${world}`;
      assert.ok(Math.min(...views) >= 1, `${what}: an image without a prediction`);
      assert.ok(last <= deadline, `${what}: ended at ${last} of ${deadline}`);
      // No time is left that would have been enough for more views.
      if (Math.min(...views) < VIEWS) assert.ok(last > 0.97 * deadline, `${what}: ended at ${last} of ${deadline}`);
    }
  }
});
