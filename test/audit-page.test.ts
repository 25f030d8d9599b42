/// <reference lib="dom" />
// What the audit page shows, and how verdicts are given.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { csv, current, downloaded, empty, HOSTILE, onPage, press, quoted, shown } from './audit-page.js';
import { noBrowser, splitWords } from './browser.js';

describe('the audit page in a browser', { skip: noBrowser }, () => {
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
