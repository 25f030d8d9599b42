/// <reference lib="dom" />
// The audit page in a browser without a network.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type AuditFacts, type AuditImage, auditPage } from 'evenhand';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { launch, noBrowser, splitWords } from './browser.js';
import { temporaryFolder } from './support.js';

const HOSTILE = '<img src=x onerror=alert(1)>, "q"';
const classes = ['elm', HOSTILE, 'oak'];
const HEADER = 'file,given,verdict,label\n';

const { path: folder, remove } = temporaryFolder();
after(remove);
const file = join(folder, 'audit.html');
const empty = join(folder, 'empty.html');

/** An image of which the third class has what the label and the suggested class leave. */
const auditImage = (name: string, given: number, suggested: number, wrong: number, share = 0.95): AuditImage => ({
  file: `train/${name}.png`,
  part: 'train',
  given,
  wrong,
  candidates: [
    { label: suggested, probability: wrong * share },
    { label: 3 - given - suggested, probability: wrong * (1 - share) },
  ],
});

/** Five likely label errors, for the last of which no class is likely, then four clearly correct images per class. */
const images: readonly AuditImage[] = [
  auditImage('a', 0, 1, 0.98),
  auditImage('b', 1, 2, 0.9),
  auditImage('c', 2, 0, 0.8),
  auditImage('d', 0, 2, 0.7),
  auditImage('e', 1, 0, 0.6, 0.6),
  ...[0, 1, 2].flatMap((label) => [1, 2, 3, 4].map((n) => auditImage(`${label}-${n}`, label, (label + 1) % 3, 0.01))),
];

before(async () => {
  mkdirSync(join(folder, 'train'));
  for (const [i, image] of images.entries()) {
    const background = { r: 12 * i, g: 80 * image.given, b: 90 };
    await sharp({ create: { width: 48, height: 36, channels: 3, background } }).toFile(join(folder, image.file));
  }
  const rate = { value: 0.3, low: 0.1, high: 0.5 };
  const facts: AuditFacts = {
    data: folder,
    name: 'trees & <b>others</b>',
    classes,
    images,
    rate,
    rateByLabel: [{ ...rate, value: 0.1 }, rate, { ...rate, value: 0.2 }],
    kind: 'uniform',
    model: 'mobilenet_v2',
    fingerprint: 'abcdef',
    trainCommand: 'evenhand train trees --corrections corrections.csv',
  };
  writeFileSync(file, (await auditPage(facts)).html);
  const sure = images.filter(({ wrong }) => wrong < 0.5);
  writeFileSync(empty, (await auditPage({ ...facts, images: sure })).html);
});

describe('the audit page in a browser', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  type Options = Parameters<Browser['newContext']>[0];

  /** Opens the page without a network, and fails if it logs anything or requests anything else. */
  async function onPage(
    check: (page: Page, context: BrowserContext) => Promise<void>,
    {
      path = file,
      before: prepare = async (_: BrowserContext) => {},
      ...options
    }: Options & {
      path?: string;
      before?: (context: BrowserContext) => Promise<void>;
    } = {},
  ): Promise<void> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, offline: true, ...options });
    const trouble: string[] = [];
    const requests: string[] = [];
    await prepare(context);
    context.on('console', (message) => trouble.push(message.text()));
    context.on('weberror', (error) => trouble.push(String(error.error())));
    context.on('request', (request) => requests.push(request.url()));
    const opened = await context.newPage();
    await opened.goto(pathToFileURL(path).href);
    await check(opened, context);
    assert.deepEqual(trouble, []);
    const own = pathToFileURL(path).href;
    assert.deepEqual(
      requests.filter((url) => url !== own && !/^(data|blob):/.test(url)),
      [],
    );
    await context.close();
  }

  async function press(opened: Page, ...keys: readonly string[]): Promise<void> {
    for (const key of keys) await opened.keyboard.press(key);
  }

  /** The letter of the image under review. */
  const current = async (opened: Page): Promise<string> =>
    (await opened.textContent('#file'))!.replace(/train\/|\.png/g, '');
  const shown = (opened: Page): Promise<string> =>
    opened
      .locator('.likely-error:visible .file')
      .allTextContents()
      .then((names) => names.map((name) => name.replace('.png', '')).join(''));

  async function downloaded(opened: Page): Promise<string> {
    const [download] = await Promise.all([opened.waitForEvent('download'), opened.click('nav .download')]);
    assert.equal(download.suggestedFilename(), 'corrections.csv');
    return readFileSync(await download.path(), 'utf8');
  }

  const csv = (...rows: readonly string[]): string => HEADER + rows.map((row) => `${row}\n`).join('');
  const quoted = '"<img src=x onerror=alert(1)>, ""q"""';

  test('shows the error rate, classes and likely errors, with names that are HTML as text', () =>
    onPage(async (opened) => {
      assert.equal(await opened.textContent('h1'), 'trees & <b>others</b>');
      assert.match((await opened.textContent('.headline'))!, /30\.0\u00a0%\s+95 % interval 10\.0 to 50\.0/);
      const names = await opened.locator('#class-table tbody th').allTextContents();
      assert.deepEqual(names, [HOSTILE, 'elm', 'oak']);
      assert.equal(await opened.locator('img').count(), 0);
      assert.equal(await shown(opened), 'abcde');
      assert.equal(await current(opened), 'a');
      assert.equal(await opened.textContent('#given-name'), 'elm');
      assert.equal(await opened.textContent('#suggested-name'), HOSTILE);
      assert.equal(await opened.locator('#given-typical .thumb').count(), 4);
      for (const thumb of ['#subject', '#given-typical .thumb >> nth=3', '.likely-error[data-error="4"] .thumb']) {
        const image = await opened.locator(thumb).evaluate((element) => getComputedStyle(element).backgroundImage);
        assert.match(image, /^url\("data:image\/webp/);
      }
    }));

  test('takes verdicts by keys, moves to the next image, and saves them in the file', () =>
    onPage(async (opened) => {
      await press(opened, 'a');
      assert.equal(await current(opened), 'b');
      assert.equal(await opened.textContent('#last-verdict'), `a.png: changed to ${HOSTILE}.`);
      await press(opened, 's', 'd');
      assert.equal(await current(opened), 'd');
      assert.equal(await opened.textContent('#progress'), '3 of 5 reviewed');
      assert.deepEqual(await opened.locator('.badge:visible').allTextContents(), [`→ ${HOSTILE}`, 'kept', 'dropped']);
      assert.equal(
        await downloaded(opened),
        csv(`train/a.png,elm,accept,${quoted}`, `train/b.png,${quoted},keep,${quoted}`, 'train/c.png,oak,drop,'),
      );
      await press(opened, 'a', 'a');
      assert.equal(await opened.textContent('#progress'), '5 of 5 reviewed');
      assert.equal(await opened.isVisible('#finished'), true);
      assert.match((await opened.textContent('#finished'))!, /evenhand train trees --corrections corrections\.csv/);
      await press(opened, 'u');
      assert.equal(await opened.isVisible('#finished'), false);
    }));

  test('offers the likeliest labels by keys and buttons', () =>
    onPage(async (opened) => {
      const names = (): Promise<string[]> => opened.locator('.candidate span:visible').allTextContents();
      assert.deepEqual(await names(), [HOSTILE, 'oak']);
      await press(opened, '3');
      assert.equal(await current(opened), 'a', 'there is no third candidate');
      await press(opened, '2');
      assert.equal(await opened.textContent('#last-verdict'), 'a.png: changed to oak.');
      await opened.click('[data-candidate="0"]');
      assert.equal(await opened.textContent('#last-verdict'), 'b.png: changed to oak.');
      await opened.hover('[data-candidate="1"]');
      assert.equal(await opened.textContent('#suggested-name'), HOSTILE, 'pointing at a candidate shows its images');
      await press(opened, '1');
      assert.equal(
        await downloaded(opened),
        csv('train/a.png,elm,accept,oak', `train/b.png,${quoted},accept,oak`, 'train/c.png,oak,accept,elm'),
      );
    }));

  test('offers none of these if no label is likely', () =>
    onPage(async (opened) => {
      const none = opened.locator('.candidate', { hasText: 'None of these' });
      assert.equal(await none.count(), 0);
      await opened.click('.likely-error[data-error="4"]');
      await none.click();
      assert.equal(await opened.textContent('#last-verdict'), 'e.png: dropped.');
    }));

  test('moves by arrows and letters, and skips reviewed images', () =>
    onPage(async (opened) => {
      await press(opened, 'ArrowRight', 'j', 'k', 'ArrowLeft', 'ArrowLeft');
      assert.equal(await current(opened), 'a');
      await press(opened, 'ArrowRight', 'ArrowRight', 's');
      assert.equal(await current(opened), 'd');
      await press(opened, 'ArrowLeft', 'ArrowLeft', 's');
      assert.equal(await current(opened), 'd');
      await press(opened, 's', 's');
      assert.equal(await current(opened), 'a');
      assert.equal(await opened.locator('.likely-error[aria-current]').count(), 1);
    }));

  test('takes verdicts by buttons, and accepts a class other than the suggested one', () =>
    onPage(async (opened) => {
      await opened.click('[data-verdict=keep]');
      await opened.click('[data-verdict=drop]');
      await opened.click('[data-verdict=accept]');
      assert.equal(await current(opened), 'd');
      assert.equal(await opened.locator('#label option:disabled').textContent(), 'elm');
      await press(opened, 'c');
      assert.equal(await opened.evaluate(() => document.activeElement?.id), 'label');
      await opened.selectOption('#label', { label: HOSTILE });
      assert.equal(await opened.textContent('#suggested-name'), HOSTILE);
      assert.equal(await opened.textContent('#suggested-probability'), '4\u00a0%');
      await press(opened, 'Enter', 'a');
      assert.equal(await current(opened), 'e');
      await opened.click('.likely-error[data-error="3"]');
      assert.equal(await opened.textContent('#place'), `4 of 5 · changed to ${HOSTILE}`);
      await opened.click('#undo');
      assert.equal(await opened.textContent('#suggested-name'), 'oak');
      assert.equal(
        await downloaded(opened),
        csv('train/a.png,elm,keep,elm', `train/b.png,${quoted},drop,`, 'train/c.png,oak,accept,elm'),
      );
    }));

  test('keeps verdicts over a reload, and undoes them after it', () =>
    onPage(async (opened) => {
      await press(opened, 'a', 's', 'd');
      await opened.reload();
      assert.equal(await opened.textContent('#progress'), '3 of 5 reviewed');
      assert.equal(await current(opened), 'd');
      await press(opened, 'u');
      assert.equal(await current(opened), 'c');
      assert.equal(await opened.textContent('#last-verdict'), 'c.png: undone.');
      await press(opened, 'Control+z');
      assert.equal(await opened.textContent('#progress'), '1 of 5 reviewed');
      await opened.reload();
      assert.equal(await downloaded(opened), csv(`train/a.png,elm,accept,${quoted}`));
      await press(opened, 'u', 'u');
      assert.equal(await opened.textContent('#progress'), '0 of 5 reviewed');
      assert.equal(await opened.isDisabled('#undo'), true);
    }));

  test('keeps verdicts over a reload that finds the storage empty, as Chromium at times has it for a file', () =>
    onPage(async (opened) => {
      await press(opened, 'a', 's');
      await opened.evaluate(() => localStorage.clear());
      await opened.reload();
      assert.equal(await opened.textContent('#progress'), '2 of 5 reviewed');
      assert.notEqual(await opened.evaluate(() => localStorage.getItem('evenhand-audit-abcdef')), null);
    }));

  test('replaces a verdict on the same image, and undo restores the first', () =>
    onPage(async (opened) => {
      await press(opened, 'a', 'ArrowLeft', 'd', 'ArrowLeft');
      assert.equal(await opened.textContent('#place'), '1 of 5 · dropped');
      await press(opened, 'u');
      assert.equal(await opened.textContent('#place'), `1 of 5 · changed to ${HOSTILE}`);
    }));

  test('follows verdicts in another window with the same data', () =>
    onPage(async (opened, context) => {
      const other = await context.newPage();
      await other.goto(pathToFileURL(file).href);
      await press(other, 'a');
      await opened.waitForFunction(() => document.getElementById('progress')!.textContent === '1 of 5 reviewed');
    }));

  const load = (opened: Page, text: string): Promise<void> =>
    opened.setInputFiles('#load-file', { name: 'mine.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  const expectLoaded = async (opened: Page, expected: RegExp): Promise<void> => {
    await opened.waitForFunction(() => document.getElementById('loaded')!.textContent !== '');
    assert.match((await opened.textContent('#loaded'))!, expected);
  };

  test('loads a corrections file, and keeps its verdicts on other images', () =>
    onPage(async (opened) => {
      await press(opened, 'd');
      await load(
        opened,
        csv('train/before.png,oak,accept,elm', `train/c.png,oak,accept,${quoted}`, 'train/a.png,elm,keep,elm'),
      );
      await expectLoaded(opened, /^Loaded 3 verdicts from mine\.csv\.$/);
      assert.equal(await opened.textContent('#progress'), '2 of 5 reviewed');
      assert.equal(
        await downloaded(opened),
        csv('train/a.png,elm,keep,elm', `train/c.png,oak,accept,${quoted}`, 'train/before.png,oak,accept,elm'),
      );
      await press(opened, 'u');
      assert.equal(await opened.textContent('#last-verdict'), '3 verdicts undone.');
      assert.equal(await downloaded(opened), csv('train/a.png,elm,drop,'));
    }));

  for (const [text, expected] of [
    ['a,b\n1,2\n', /^mine\.csv is not a corrections\.csv: it has no column "file"/],
    [csv('train/a.png,elm,perhaps,'), /^mine\.csv, line 2: the verdict is "perhaps"; expected accept, keep or drop\.$/],
    [csv('train/a.png,oak,drop,'), /^mine\.csv was made for other data: train\/a\.png has the label "oak"/],
  ] as const) {
    test(`refuses a file in one sentence: ${expected.source.slice(0, 60)}`, () =>
      onPage(async (opened) => {
        await load(opened, text);
        await expectLoaded(opened, expected);
        assert.equal(await opened.textContent('#progress'), '0 of 5 reviewed');
      }));
  }

  test('filters by label, probability and whether reviewed, and sorts', () =>
    onPage(async (opened) => {
      await opened.click('#class-table button:has-text("elm")');
      assert.equal(await shown(opened), 'ad');
      assert.equal(await opened.textContent('#shown-count'), '2 of 5 images');
      await press(opened, 's', 's');
      await opened.check('#filter-unreviewed');
      assert.equal(await shown(opened), '');
      assert.equal(await opened.isVisible('#pane'), false);
      assert.match((await opened.textContent('#none'))!, /All images that match the filters are reviewed/);
      await opened.selectOption('#filter-class', '');
      assert.equal(await shown(opened), 'bce');
      await opened.focus('#filter-class');
      await press(opened, 'u');
      assert.equal(await current(opened), 'b', 'the select uses keys itself while it has the focus');
      await opened.fill('#filter-minimum', '75');
      assert.equal(await shown(opened), 'bc');
      assert.equal(await opened.textContent('#minimum'), '75\u00a0%');
      await opened.fill('#filter-minimum', '50');
      await opened.uncheck('#filter-unreviewed');
      await opened.selectOption('#filter-order', 'class');
      assert.equal(await shown(opened), 'beadc');
      await opened.selectOption('#filter-order', 'wrong');
      assert.equal(await shown(opened), 'abcde');
    }));

  test('searches and sorts the classes', () =>
    onPage(async (opened) => {
      const names = (): Promise<string[]> => opened.locator('#class-table tbody tr:visible th').allTextContents();
      await opened.click('#class-table th button:has-text("Error rate")');
      assert.deepEqual(await names(), [HOSTILE, 'oak', 'elm']);
      await opened.click('#class-table th button:has-text("Error rate")');
      assert.deepEqual(await names(), ['elm', 'oak', HOSTILE]);
      await opened.fill('#class-search', 'OA');
      assert.deepEqual(await names(), ['oak']);
      assert.equal(await current(opened), 'a', 'typing in the search field decides nothing');
      assert.equal(await opened.textContent('#progress'), '0 of 5 reviewed');
    }));

  test('says so if nothing can be stored, and warns before verdicts are lost', () =>
    onPage(
      async (opened) => {
        assert.match(
          (await opened.textContent('#storage'))!,
          /saves nothing for the page: download corrections\.csv before you leave/,
        );
        const warnsOnClose = async (): Promise<boolean> => {
          const dialogShown = opened.waitForEvent('dialog', { timeout: 700 }).then(
            async (dialog) => {
              assert.equal(dialog.type(), 'beforeunload');
              await dialog.dismiss();
              return true;
            },
            () => false,
          );
          await opened.close({ runBeforeUnload: true });
          return dialogShown;
        };
        await opened.click('[data-verdict=accept]');
        assert.equal(await opened.textContent('#progress'), '1 of 5 reviewed');
        assert.equal(await warnsOnClose(), true);
        assert.equal(await downloaded(opened), csv(`train/a.png,elm,accept,${quoted}`));
        assert.equal(await warnsOnClose(), false);
      },
      {
        before: async (context) => {
          await context.addInitScript(() => {
            Object.defineProperty(window, 'localStorage', {
              get() {
                throw new DOMException('no storage', 'SecurityError');
              },
            });
          });
        },
      },
    ));

  test('follows the theme of the system, and the button overrides it', () =>
    onPage(
      async (opened) => {
        const background = (): Promise<string> =>
          opened.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const dark = await background();
        await opened.click('#theme');
        assert.notEqual(await background(), dark);
        await opened.click('#theme');
        assert.equal(await background(), dark);
      },
      { colorScheme: 'dark' },
    ));

  test('fits a phone, and shows the estimate and the cards without a script', async () => {
    await onPage(
      async (opened) => {
        const wider = await opened.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wider <= 0);
        assert.deepEqual(await splitWords(opened), []);
      },
      { viewport: { width: 390, height: 844 } },
    );
    await onPage(
      async (opened) => {
        assert.equal(await shown(opened), 'abcde');
        assert.equal(await opened.isVisible('.headline'), true);
        for (const hidden of ['#pane', '.download', '#filter-class', '#theme']) {
          assert.equal(await opened.isVisible(hidden), false, hidden);
        }
      },
      { javaScriptEnabled: false },
    );
  });

  test('says that there are no likely label errors', () =>
    onPage(
      async (opened) => {
        assert.match((await opened.textContent('main'))!, /No likely label errors\./);
        assert.equal(await opened.locator('.likely-error').count(), 0);
        await press(opened, 'a', 'u');
      },
      { path: empty },
    ));
});
