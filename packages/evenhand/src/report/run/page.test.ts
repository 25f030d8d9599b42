import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type EpochMetrics, RunFolder, type ValidationPrediction } from '../../run/index.js';
import { html, percent, probability, score } from '../page/markup.js';
import { thumbnails } from '../page/thumbnails.js';
import { analyse, confidentMistakes, confusedPairs } from './analysis.js';
import { matrixMarkup, shadeOf } from './matrix.js';
import { htmlReport } from './page.js';
import { seriate } from './seriation.js';
import { SupportScale } from './support.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-report-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;

const epoch: EpochMetrics = {
  phase: 'full',
  epoch: 1,
  size: 32,
  trainLoss: 1,
  backboneRate: 1e-4,
  headRate: 1e-3,
  valLoss: 1,
  accuracy: 0.75,
  balancedAccuracy: 0.7,
  macroF1: 0.6,
  macroF1Low: 0.5,
  macroF1High: 0.7,
  macroF1Present: 0.6,
  numClasses: 3,
  numPresent: 3,
  seconds: 1,
  imagesPerSecond: 1,
  peakMemoryMB: 1,
  best: true,
};

interface Parts {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly classes?: readonly string[];
  readonly epochs?: readonly EpochMetrics[];
  readonly predictions?: readonly ValidationPrediction[];
  readonly classCounts?: readonly number[];
}

function runOf({
  config,
  classes = ['a', 'b', 'c'],
  epochs = [epoch],
  predictions = [],
  classCounts,
}: Parts): RunFolder {
  const run = RunFolder.create(join(root, `run-${++made}`));
  run.writeConfig({ model: 'mobilenet_v2', seed: 1, ...config });
  const dataset = { fingerprint: 'ff', path: root, classes, train: 9, val: predictions.length, skipped: [] };
  run.writeEnvironment({
    versions: { evenhand: '0.1.0' },
    os: 'Linux',
    cpu: 'a processor',
    cores: 2,
    threads: 2,
    device: 'cpu',
    memoryMB: 4096,
    git: null,
    // Runs of old did not record it.
    dataset: { ...dataset, ...(classCounts && { classCounts }) } as ReturnType<RunFolder['readEnvironment']>['dataset'],
    started: '2026-01-01T00:00:00.000Z',
  });
  run.writeEpochs(epochs);
  if (predictions.length > 0) run.writePredictions(predictions);
  return run;
}

/** An image of class `label` whose greatest logit is that of `said`, by `sure`. */
const said = (label: string, said: string, sure = 2, classes = ['a', 'b', 'c']): ValidationPrediction => ({
  file: `${label}/${said}-${sure}.jpg`,
  label,
  logits: classes.map((each) => (each === said ? sure : 0)),
});

const twelve = [
  ...Array.from({ length: 4 }, () => said('a', 'a')),
  ...Array.from({ length: 4 }, () => said('b', 'b')),
  said('c', 'c'),
  said('c', 'a', 1),
  said('c', 'a', 5),
  said('b', 'c', 3),
];

const pageOf = async (parts: Parts): Promise<string> =>
  (await htmlReport(runOf(parts), { settings: [], commands: [] })).html;

/** What a reader sees of a page: without style, script and thumbnails. */
const visible = (page: string): string => page.replaceAll(/<(style|script)[^>]*>.*?<\/\1>/gs, '');

test('a page says by what its checkpoint was chosen', async () => {
  const of = async (keep: string) => visible(await pageOf({ epochs: [epoch, epoch, epoch], config: { keep } }));
  assert.match(await of('best'), /kept is the one with the best Macro F1 on the validation images: epoch/);
  const last = await of('last');
  assert.match(last, /kept is that of the last epoch, as was asked for: epoch/);
  assert.doesNotMatch(last, /The last epoch is the best/);
  assert.match(await of('best'), /The last epoch is the best/);
});

describe('markup', () => {
  test('escapes all that is put in, but not itself', () => {
    assert.equal(
      html`<b title="${'"\''}">${'<i>&'}${[html`<u>${1}</u>`, false, null, 'x']}</b>`.text,
      '<b title="&quot;&#39;">&lt;i&gt;&amp;<u>1</u>x</b>',
    );
  });

  test('shows a dash where there is no number, and no probability as certain', () => {
    assert.deepEqual([score(Number.NaN), score(0.12345), percent(0.333)], ['–', '0.123', '33\u00a0%']);
    assert.deepEqual([0, 0.5, 1].map(probability), ['<\u00a01\u00a0%', '50\u00a0%', '>\u00a099\u00a0%']);
  });
});

describe('seriation', () => {
  const order = (rows: readonly (readonly number[])[]): number[] =>
    seriate(Float64Array.from(rows.flat()), rows.length);

  test('puts those that are alike side by side, and groups that are alike next to one another', () => {
    // A path 0 - 3 - 1 - 4 - 2 of falling likeness has one order, from either end.
    const near = [0, 3, 1, 4, 2];
    const rows = near.map((_, i) => near.map((__, j) => 1 / (1 + Math.abs(near.indexOf(i) - near.indexOf(j)))));
    const found = order(rows).join('');
    assert.ok(found === '03142' || found === '24130', found);
  });

  test('keeps every class once where none is alike, and where there are one or two', () => {
    assert.deepEqual(order(Array.from({ length: 6 }, () => [0, 0, 0, 0, 0, 0])).sort(), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(
      [
        order([[1]]),
        order([
          [1, 0],
          [0, 1],
        ]),
      ],
      [[0], [0, 1]],
    );
  });

  test('refuses what is no matrix', () => {
    assert.throws(() => seriate(new Float64Array(5), 2), /5 similarities are not of 2 classes/);
  });
});

describe('the analysis of a run', () => {
  test('counts, and puts the surest mistakes and the most confused pairs first', () => {
    const { scores } = analyse(runOf({ predictions: twelve }));
    assert.deepEqual([...scores!.matrix.counts], [4, 0, 0, 0, 4, 1, 2, 0, 1]);
    assert.deepEqual(
      confidentMistakes(scores!.images).map(({ id }) => id),
      [10, 11, 9],
    );
    assert.deepEqual(
      confusedPairs(scores!.matrix, 9).map(({ a, b, count }) => [a, b, count]),
      [
        [0, 2, 2],
        [1, 2, 1],
      ],
    );
  });

  test('has bins that hold every image once, and whose gaps make the calibration error', () => {
    const { scores } = analyse(runOf({ predictions: twelve }));
    const { bins, error } = scores!.calibration.raw;
    assert.equal(bins.length, 15);
    const filled = bins.filter(({ count }) => count > 0);
    assert.equal(
      filled.reduce((sum, { count }) => sum + count, 0),
      12,
    );
    const gap = filled.reduce((sum, bin) => sum + (bin.count * Math.abs(bin.accuracy - bin.confidence)) / 12, 0);
    assert.ok(Math.abs(gap - error) < 1e-12);
  });

  test('leaves out logits that are not numbers and labels that it does not know, and counts them', () => {
    const bad = [
      { ...said('a', 'a'), logits: [Number.NaN, 0, 0] },
      { ...said('a', 'a'), logits: [1, 2] },
      said('z', 'a'),
    ];
    const { scores, unusable } = analyse(runOf({ predictions: [...bad, ...twelve] }));
    assert.deepEqual([scores!.images.length, unusable], [12, 3]);
    assert.equal(scores!.images[0]!.id, 3);
    const none = analyse(runOf({ predictions: bad }));
    assert.deepEqual([none.scores, none.unusable], [null, 3]);
  });
});

describe('the scale of supports', () => {
  test('has steps of about equally many classes, spread as far as they can be', () => {
    const scale = new SupportScale([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(
      scale.legend().map(({ text }) => text),
      ['1 to 2', '3 to 4', '5 to 6', '7 to 8', '9 to 10'],
    );
    assert.deepEqual(
      [1, 2, 3, 10].map((n) => scale.stepOf(n)),
      [0, 0, 1, 4],
    );
    assert.deepEqual(new SupportScale([6, 6, 6]).legend(), [{ step: 3, text: '6' }]);
    assert.deepEqual(
      new SupportScale([1, 9]).legend().map(({ step }) => step),
      [0, 4],
    );
  });
});

describe('the confusion matrix', () => {
  const view = {
    classes: ['a', '<b>'],
    cells: [
      [0, 0, 3],
      [0, 1, 1],
      [1, 0, 2],
    ],
    support: [4, 2],
    room: 80,
  } as const;

  test('draws each cell where its order puts it, by its share of the row', () => {
    const { text } = matrixMarkup({ ...view, order: [1, 0], cell: 30, mistakesOnly: false });
    assert.match(text, /<path class="right-3" d="M1 1h1v1h-1z"\/>/);
    assert.match(text, /<path class="wrong-1" d="M0 1h1v1h-1z"\/>/);
    assert.match(text, /<path class="wrong-4" d="M1 0h1v1h-1z"\/>/);
    assert.match(text, /<span>&lt;b&gt;<\/span>/);
    assert.doesNotMatch(
      matrixMarkup({ ...view, order: [1, 0], cell: 5, mistakesOnly: true }).text,
      /right-|labels|<text/,
    );
  });

  test('has five shades', () => {
    assert.deepEqual([0, 0.01, 0.2, 0.21, 0.99, 1].map(shadeOf), [0, 0, 0, 1, 4, 4]);
  });
});

describe('thumbnails', () => {
  test('of images that are not there are none, and each is named', async () => {
    const made = await thumbnails([{ id: 1, file: 'x.jpg' }], root, 1e6);
    assert.deepEqual(made, { css: '', shown: 0, leftOut: 0, unread: ['x.jpg'] });
  });
});

describe('the page', () => {
  const odd: [name: string, parts: Parts, says: RegExp][] = [
    ['without an epoch', { epochs: [] }, /No epoch of this run has ended yet/],
    ['without predictions', {}, /Macro F1 over all 3 classes/],
    ['without training counts', { predictions: twelve }, /did not record how many training images/],
    ['with training counts', { predictions: twelve, classCounts: [40, 9, 1] }, /fewest images has a mean F1/],
    ['without a mistake', { predictions: twelve.slice(0, 9) }, /Every validation image was answered rightly/],
    [
      'with losses that are not numbers',
      { epochs: [{ ...epoch, trainLoss: Number.NaN, valLoss: Number.NaN }] },
      /the training diverged/,
    ],
    [
      'with scores that are not numbers',
      { epochs: [{ ...epoch, macroF1: Number.NaN, macroF1Low: Number.NaN }] },
      /class="big">–/,
    ],
    ['with two classes', { classes: ['a', 'b'], predictions: [said('a', 'b', 1, ['a', 'b'])] }, /1 mix-up/],
  ];
  for (const [name, parts, says] of odd) {
    test(`${name} says so, and shows no number that is none`, async () => {
      const page = await pageOf(parts);
      assert.match(page, says);
      assert.doesNotMatch(visible(page), /\b(NaN|undefined|Infinity|null)\b/);
    });
  }

  test('of 500 classes stays small', async () => {
    const classes = Array.from({ length: 500 }, (_, k) => `species ${k}`);
    const predictions = classes.map((label, k) => said(label, classes[(k * 7) % 500]!, 4, classes));
    assert.ok((await pageOf({ classes, predictions, classCounts: classes.map((_, k) => k + 1) })).length < 2_000_000);
  });

  test('lets no name become markup or end a script', async () => {
    const name = '</script><script>alert(1)</script><img src=x onerror=alert(1)>';
    const classes = ['a', 'b', name];
    const page = await pageOf({
      classes,
      predictions: twelve.map((row) => (row.label === 'c' ? { ...row, label: name, file: name } : row)),
      classCounts: [1, 1, 1],
    });
    assert.ok(!page.includes(name));
    assert.ok(!page.includes('<img'));
    assert.equal(page.split('<script').length, 3);
  });
});
