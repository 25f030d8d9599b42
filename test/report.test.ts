/// <reference lib="dom" />
// The page that `evenhand report` writes, in a browser without a network.
import assert from 'node:assert/strict';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { launch, noBrowser, splitWords } from './browser.js';
import { drawDiscs, refusal, SMALL, succeed, temporaryFolder } from './support.js';

const HOSTILE = '<img src=x onerror=alert(1)>';

const { path: folder, remove } = temporaryFolder();
after(remove);
const run = join(folder, 'run');
const page = join(run, 'report.html');
let printed = '';

before(async () => {
  await drawDiscs(join(folder, 'discs'));
  for (const part of ['train', 'val']) {
    renameSync(join(folder, 'discs', part, 'red'), join(folder, 'discs', part, HOSTILE));
  }
  await succeed(['train', 'discs', ...SMALL, '--epochs', '2', '--run', 'run'], folder);
  fixPredictions();
  printed = await succeed(['report', 'run'], folder);
});

/** Replaces the predictions: two blue images are predicted as green, all others correctly. */
function fixPredictions(): void {
  const file = join(run, 'predictions.jsonl');
  const classes: string[] = JSON.parse(readFileSync(join(run, 'environment.json'), 'utf8')).dataset.classes;
  let blue = 0;
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const row: { label: string; logits: number[] } = JSON.parse(line);
      const predicted = row.label === 'blue' && blue++ < 2 ? 'green' : row.label;
      row.logits = classes.map((label) => (label === predicted ? 2 : 0));
      return `${JSON.stringify(row)}\n`;
    });
  writeFileSync(file, lines.join(''));
}

describe('report', () => {
  test('writes one small page into the run folder and prints its path', () => {
    assert.match(printed, /^run\/report\.html: \d\.\d MB/);
    assert.ok(statSync(page).size < 5_000_000);
    assert.doesNotMatch(printed, /missing|left out|placeholders/);
  });

  test('has no missing number, no external link, and only escaped names', () => {
    const text = readFileSync(page, 'utf8');
    const [markup] = text.split('<script type="application/json"');
    assert.doesNotMatch(markup!.replaceAll(/base64,[^)]*/g, ''), /\b(NaN|undefined|Infinity|null)\b/);
    assert.doesNotMatch(text, /(src|href)="(https?:)?\/\//);
    assert.ok(!text.includes(HOSTILE));
    assert.ok(text.includes('&lt;img src=x onerror=alert(1)&gt;'));
  });

  test('shows the changed settings and the command that repeats the run', () => {
    const text = readFileSync(page, 'utf8');
    assert.match(text, /evenhand train \S+\/discs --config run\/config\.json --run run-again/);
    assert.match(text, /<code>imageSize<\/code><\/th><td><code>32<\/code> <small>default 0<\/small>/);
  });

  test('is the same page each time', async () => {
    await succeed(['report', 'run', '--out', 'elsewhere/again.html'], folder);
    assert.equal(readFileSync(join(folder, 'elsewhere/again.html'), 'utf8'), readFileSync(page, 'utf8'));
  });

  test('has placeholders for missing images, and finds them in --data', async () => {
    renameSync(join(folder, 'discs'), join(folder, 'moved'));
    const without = await succeed(['report', 'run', '--out', 'without.html'], folder);
    assert.match(without, /validation images are not in \S+\/discs, so the page has placeholders instead.*--data DIR/);
    const found = await succeed(['report', 'run', '--out', 'found.html', '--data', 'moved'], folder);
    assert.doesNotMatch(found, /placeholders/);
    await sharp({ create: { width: 9, height: 9, channels: 3, background: '#000' } }).toFile(
      join(folder, 'moved/val/green/0.png'),
    );
    writeFileSync(join(folder, 'moved/val/green/0.jpg'), 'no image');
    const some = await succeed(['report', 'run', '--out', 'some.html', '--data', 'moved'], folder);
    assert.match(some, /1 image is missing or unreadable, such as val\/green\/0\.jpg/);
  });

  test('is refused in one sentence if there is no run', async () => {
    assert.match(await refusal(['report', 'moved'], folder), /moved holds no run/);
    writeFileSync(join(folder, 'file'), '');
    assert.match(
      await refusal(['report', 'run', '--out', 'file/page.html'], folder),
      /file\/page\.html: cannot be written/,
    );
  });
});

const skip = noBrowser;

describe('the page in a browser', { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  /** Opens the page without a network, and fails if it logs anything or requests anything else. */
  async function onPage(
    check: (page: Page) => Promise<void>,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<void> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, offline: true, ...options });
    const opened = await context.newPage();
    const trouble: string[] = [];
    const requests: string[] = [];
    opened.on('console', (message) => trouble.push(message.text()));
    opened.on('pageerror', (error) => trouble.push(String(error)));
    opened.on('dialog', (dialog) => {
      trouble.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    opened.on('request', (request) => requests.push(request.url()));
    await opened.goto(pathToFileURL(page).href);
    await check(opened);
    assert.deepEqual(trouble, []);
    assert.deepEqual(
      requests.filter((url) => !url.startsWith('data:')),
      [pathToFileURL(page).href],
    );
    await context.close();
  }

  const names = (opened: Page): Promise<string[]> =>
    opened.locator('#class-table tbody tr:visible th').allTextContents();

  test('shows every section, and a name that is HTML as text', () =>
    onPage(async (opened) => {
      const heads = await opened.locator('main h2').allTextContents();
      assert.equal(heads.length, 9);
      assert.match((await opened.locator('.headline').textContent())!, /Macro F1 over all 3 classes\s+0\.\d{3}/);
      assert.deepEqual((await names(opened)).sort(), [HOSTILE, 'blue', 'green']);
      assert.equal(await opened.locator('img').count(), 0);
      assert.equal(await opened.locator('.chart:visible svg:visible').count(), 6);
    }));

  test('filters the classes by words', () =>
    onPage(async (opened) => {
      await opened.fill('#class-search', 'GRE');
      assert.deepEqual(await names(opened), ['green']);
      assert.equal(await opened.textContent('#class-count'), '1 of 3 classes');
      await opened.fill('#class-search', '');
      assert.equal((await names(opened)).length, 3);
    }));

  test('sorts the classes by any column, both ways', () =>
    onPage(async (opened) => {
      const f1 = opened.locator('#class-table th', { hasText: 'F1' });
      assert.equal(await f1.getAttribute('aria-sort'), 'ascending');
      assert.deepEqual(await names(opened), ['blue', 'green', HOSTILE]);
      await f1.locator('button').click();
      assert.equal(await f1.getAttribute('aria-sort'), 'descending');
      assert.deepEqual(await names(opened), [HOSTILE, 'green', 'blue']);
      await opened.click('#class-table th button:has-text("Class")');
      assert.deepEqual(await names(opened), [HOSTILE, 'blue', 'green']);
      assert.equal(await f1.getAttribute('aria-sort'), null);
    }));

  /** Clicks the cell of a row and a column of the matrix as it is ordered now. */
  async function clickCell(opened: Page, row: string, column: string): Promise<void> {
    const labels = await opened.locator('.labels.left span').allTextContents();
    const cells = opened.locator('#matrix .cells');
    await cells.scrollIntoViewIfNeeded();
    const { width } = (await cells.boundingBox())!;
    const positionOf = (label: string): number => ((labels.indexOf(label) + 0.5) * width) / labels.length;
    await cells.click({ position: { x: positionOf(column), y: positionOf(row) } });
  }

  test('opens the images of a cell of the confusion matrix, in every order', () =>
    onPage(async (opened) => {
      for (const order of ['similarity', 'name', 'f1', 'support']) {
        await opened.selectOption('#matrix-order', order);
        await clickCell(opened, 'blue', 'green');
        const dialog = opened.locator('#images');
        assert.equal(await dialog.locator('h2').textContent(), 'blue, predicted as green: 2 images');
        assert.equal(await dialog.locator('.card').count(), 2);
        const image = dialog.locator('.thumb').first();
        assert.match(
          await image.evaluate((element) => getComputedStyle(element).backgroundImage),
          /^url\("data:image\/webp/,
        );
        await opened.keyboard.press('Escape');
        assert.equal(await dialog.isVisible(), false);
      }
      await clickCell(opened, HOSTILE, HOSTILE);
      assert.equal(await opened.locator('#images h2').textContent(), `${HOSTILE}, predicted correctly: 6 images`);
    }));

  test('has a matrix that works with the keyboard and can show errors only', () =>
    onPage(async (opened) => {
      await opened.check('#matrix-mistakes');
      assert.equal(await opened.locator('#matrix .cells text').count(), 1);
      await opened.selectOption('#matrix-order', 'name');
      await opened.focus('#matrix');
      // By name the hostile class comes first, then blue and green.
      for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowRight']) await opened.keyboard.press(key);
      assert.equal(await opened.textContent('#matrix-cell'), 'blue, predicted as green: 2 of 6 (33\u00a0%)');
      await opened.keyboard.press('Enter');
      assert.equal(await opened.locator('#images .card').count(), 2);
    }));

  test('opens a class from its name and from its bar, and describes the points of charts', () =>
    onPage(async (opened) => {
      await opened.click('#class-table button:has-text("blue")');
      const dialog = opened.locator('#images');
      assert.equal(await dialog.locator('h2').textContent(), 'blue');
      assert.match((await dialog.locator('h3').allTextContents()).join(), /^2 images predicted as another class/);
      await opened.click('#images-close');
      const bar = opened.locator('[data-chart=f1] .wide [ecmeta_data_index="2"]');
      await bar.hover();
      assert.match((await opened.textContent('#tip'))!, /^blue: F1 0\.800, 6 validation images$/);
      await bar.click();
      assert.equal(await dialog.locator('h2').textContent(), 'blue');
    }));

  test('follows the theme of the system, and the button overrides it', () => {
    const background = (opened: Page): Promise<string> =>
      opened.evaluate(() => getComputedStyle(document.body).backgroundColor);
    return onPage(
      async (opened) => {
        const dark = await background(opened);
        const line = opened.locator('[data-chart=scores] path[stroke="var(--accent)"]').first();
        const colour = (): Promise<string> => line.evaluate((element) => getComputedStyle(element).stroke);
        const inDark = await colour();
        await opened.click('#theme');
        assert.notEqual(await background(opened), dark);
        assert.notEqual(await colour(), inDark);
        await opened.click('#theme');
        assert.equal(await background(opened), dark);
        await opened.emulateMedia({ media: 'print' });
        assert.notEqual(await background(opened), dark);
      },
      { colorScheme: 'dark' },
    );
  });

  test('fits a phone without horizontal scrolling or split words', () =>
    onPage(
      async (opened) => {
        assert.ok((await opened.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
        assert.deepEqual(await splitWords(opened), []);
      },
      { viewport: { width: 390, height: 844 } },
    ));

  test('can be read without a script', () =>
    onPage(
      async (opened) => {
        assert.equal(await opened.locator('.chart svg:visible').count(), 6);
        assert.ok((await opened.locator('.gallery .thumb:visible').count()) >= 2);
        assert.equal(await opened.locator('#theme').isVisible(), false);
      },
      { javaScriptEnabled: false },
    ));
});
