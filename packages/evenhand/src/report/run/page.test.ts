import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { html } from '../page/markup.js';
import { showPercent, showProbability, showScore } from '../page/numbers.js';
import { makeThumbnails } from '../page/thumbnails.js';
import { fitMatrix, matrixMarkup, shadeOf } from './matrix.js';
import { htmlReport } from './page.js';
import { epoch, prediction, type RunParts, root, runOf, twelve } from './test-runs.test.helper.js';

const paths = {
  run: 'run',
  data: 'data',
  file: (name: string) => `run/${name}`,
  sibling: (suffix: string) => `run-${suffix}`,
};

const pageOf = async (parts: RunParts): Promise<string> =>
  (await htmlReport(runOf(parts), { settings: [], paths })).html;

/** A page without style, script and thumbnails. */
const visible = (page: string): string => page.replaceAll(/<(style|script)[^>]*>.*?<\/\1>/gs, '');

test('a page says how its checkpoint was chosen', async () => {
  const pageKeeping = async (keep: string) =>
    visible(await pageOf({ epochs: [epoch, epoch, epoch], config: { keep } }));
  const best = await pageKeeping('best');
  assert.match(best, /The checkpoint with the best Macro F1 on the validation images was kept: epoch <b>1<\/b>/);
  assert.match(best, /The last epoch has the best score/);
  const last = await pageKeeping('last');
  assert.match(last, /The checkpoint of the last epoch was kept: epoch/);
  assert.doesNotMatch(last, /The last epoch has the best score/);
});

test('a cross-validated run shows its folds side by side, also one that has not ended or is damaged', async () => {
  const fold = (macroF1: number) => [{ ...epoch, macroF1 }];
  const config = { folds: 4, fold: 'all', combine: 'refit' };
  const predictions = [prediction('a', 'a'), prediction('b', 'c')];
  const run = runOf({ epochs: [], config, predictions, folds: [fold(0.6), fold(0.7), []] });
  const page = visible((await htmlReport(run, { settings: [], paths })).html);
  assert.match(page, /divided into 4 parts/);
  assert.match(page, /a mean of 0\.650 and a standard deviation of 0\.071/);
  assert.match(page, /The model file is one network, trained on all images like the folds/);
  assert.match(page, /1 fold has not begun yet/);
  assert.match(page, /no epoch has ended yet/);
  assert.match(page, /All scores are out of fold: each of the 2 images is/);
  assert.doesNotMatch(page, /no scores yet/);
  writeFileSync(join(run.foldPath(1), 'metrics.jsonl'), 'x');
  assert.match(visible((await htmlReport(run, { settings: [], paths })).html), /<td colspan="6">[^<]*metrics\.jsonl/);
});

describe('markup', () => {
  test('escapes values but not markup', () => {
    assert.equal(
      html`<b title="${'"\''}">${'<i>&'}${[html`<u>${1}</u>`, false, null, 'x']}</b>`.text,
      '<b title="&quot;&#39;">&lt;i&gt;&amp;<u>1</u>x</b>',
    );
  });

  test('shows a dash for a missing number, and no probability as 0 % or 100 %', () => {
    assert.deepEqual([showScore(Number.NaN), showScore(0.12345), showPercent(0.333)], ['–', '0.123', '33\u00a0%']);
    assert.deepEqual([0, 0.5, 1].map(showProbability), ['<\u00a01\u00a0%', '50\u00a0%', '>\u00a099\u00a0%']);
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
    labelSize: 80,
  } as const;

  test('draws each cell at its place in the order, shaded by its share of the row', () => {
    const { text } = matrixMarkup({ ...view, order: [1, 0], cellSize: 30, mistakesOnly: false });
    assert.match(text, /<path class="right-3" d="M1 1h1v1h-1z"\/>/);
    assert.match(text, /<path class="wrong-1" d="M0 1h1v1h-1z"\/>/);
    assert.match(text, /<path class="wrong-4" d="M1 0h1v1h-1z"\/>/);
    assert.match(text, /<span>&lt;b&gt;<\/span>/);
    assert.doesNotMatch(
      matrixMarkup({ ...view, order: [1, 0], cellSize: 5, mistakesOnly: true }).text,
      /right-|class="labels|<text/,
    );
  });

  // On phones 36 classes had labels for which there was no room, and the last columns were cut off.
  test('fits into its width, labels included', () => {
    for (const [width, numClasses] of [
      [330, 2],
      [330, 26],
      [330, 36],
      [330, 60],
      [330, 200],
      [960, 36],
      [960, 102],
      [960, 500],
    ] as const) {
      const { cellSize, labelSize } = fitMatrix(width, numClasses);
      const labels = cellSize >= 8 ? labelSize : 0;
      assert.ok(numClasses * cellSize + labels <= Math.max(width, numClasses * 1.2) + 1e-9, `${width} ${numClasses}`);
    }
  });

  test('has five shades', () => {
    assert.deepEqual([0, 0.01, 0.2, 0.21, 0.99, 1].map(shadeOf), [0, 0, 0, 1, 4, 4]);
  });
});

describe('thumbnails', () => {
  test('of missing images are left out, and the files are named', async () => {
    const made = await makeThumbnails([{ id: 1, file: 'x.jpg' }], root, 1e6);
    assert.deepEqual(made, { css: '', shown: 0, leftOut: 0, unread: ['x.jpg'] });
  });
});

describe('the page', () => {
  const odd: [name: string, parts: RunParts, says: RegExp][] = [
    ['without an epoch', { epochs: [] }, /no scores yet, because no epoch has ended/],
    ['without predictions', {}, /Macro F1 over all 3 classes/],
    ['without training counts', { predictions: twelve }, /did not record the number of training images/],
    ['with training counts', { predictions: twelve, classCounts: [40, 9, 1] }, /fewest training images has a mean F1/],
    ['without a mistake', { predictions: twelve.slice(0, 9) }, /All validation images were predicted correctly/],
    [
      'with losses that are not finite',
      { epochs: [{ ...epoch, trainLoss: Number.NaN, valLoss: Number.NaN }] },
      /training diverged/,
    ],
    [
      'with scores that are not finite',
      { epochs: [{ ...epoch, macroF1: Number.NaN, macroF1Low: Number.NaN }] },
      /class="big">–/,
    ],
    ['with two classes', { classes: ['a', 'b'], predictions: [prediction('a', 'b', 1, ['a', 'b'])] }, /1 confusion/],
  ];
  for (const [name, parts, says] of odd) {
    test(`${name} says so, and shows no missing number`, async () => {
      const page = await pageOf(parts);
      assert.match(page, says);
      assert.doesNotMatch(visible(page), /\b(NaN|undefined|Infinity|null)\b/);
    });
  }

  // ECharts counts its elements and classes per process.
  test('is the same each time it is written', async () => {
    const run = runOf({ predictions: twelve, classCounts: [9, 3, 1] });
    const write = async (): Promise<string> => (await htmlReport(run, { settings: [], paths })).html;
    assert.equal(await write(), await write());
  });

  test('of 500 classes stays small', async () => {
    const classes = Array.from({ length: 500 }, (_, k) => `species ${k}`);
    const predictions = classes.map((label, k) => prediction(label, classes[(k * 7) % 500]!, 4, classes));
    assert.ok((await pageOf({ classes, predictions, classCounts: classes.map((_, k) => k + 1) })).length < 2_000_000);
  });

  test('never turns a name into markup or the end of a script', async () => {
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

  test('works with classes whose names JavaScript objects know', async () => {
    const classes = ['__proto__', 'constructor', '<script>'];
    const page = await pageOf({
      classes,
      predictions: classes.flatMap((label, k) => [
        prediction(label, label, 2, classes),
        prediction(label, classes[(k + 1) % 3]!, 2, classes),
      ]),
      classCounts: [9, 3, 1],
    });
    const json = page.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)![1]!;
    assert.deepEqual(JSON.parse(json).classes, classes);
    // ECharts once wrote into the prototype of all objects.
    const inherited: string[] = [];
    for (const key in {}) inherited.push(key);
    assert.deepEqual(inherited, []);
    assert.match(visible(page), /data-class="0">__proto__<\/button>/);
    assert.match(visible(page), /<b>1<\/b> predicted as constructor/);
    assert.match(visible(page), /data-class="2">&lt;script&gt;<\/button>/);
  });

  // The score that the documentation calls unfit to publish was the headline.
  test('has the score on the labels as given as its headline, also if another chose the checkpoint', async () => {
    const posterior = {
      macroF1: 0.612,
      macroF1Posterior: 0.913,
      macroF1PosteriorLow: 0.85,
      macroF1PosteriorHigh: 0.95,
    };
    const page = visible(await pageOf({ predictions: twelve, epochs: [{ ...epoch, ...posterior }] }));
    assert.match(page, /on the labels as given<\/p>\s*<p class="big">0\.612<\/p>/);
    assert.match(page, /<dt>Posterior Macro F1<\/dt><dd>0\.913<small>chose the checkpoint; not to publish/);
  });

  test('has the next steps of the run, and the command that repeats it', async () => {
    const page = visible(await pageOf({ predictions: twelve }));
    assert.match(page, /<h3>Next steps<\/h3><dl class="commands">.*<code>evenhand predict run IMAGES<\/code>/s);
    assert.match(page, /<code>evenhand train data --config run\/config\.json --run run-again<\/code>/);
  });

  test('marks mistakes whose label is a likely error', async () => {
    const labels = [
      {
        file: 'c/a-5.jpg',
        part: 'val' as const,
        given: 'c',
        wrong: 0.83,
        suggested: 'a',
        suggestedProbability: 0.8,
        posterior: {},
      },
    ];
    const page = visible(await pageOf({ predictions: twelve, labels }));
    assert.equal(page.split('likely label error 83\u00a0%').length - 1, 1);
  });
});
