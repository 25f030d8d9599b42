/// <reference lib="dom" />
// Where verdicts on the audit page are kept: the browser's storage and corrections.csv.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { csv, current, downloaded, file, HOSTILE, onPage, press, quoted } from './audit-page.js';
import { noBrowser } from './browser.js';

describe('verdicts on the audit page', { skip: noBrowser }, () => {
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
      // The storage of a file may take a moment to be read.
      const restored = () => document.getElementById('progress')!.textContent === '1 of 5 reviewed';
      await opened.waitForFunction(restored, undefined, { polling: 100 });
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

  test('keeps verdicts over a reload that finds the storage of a moment ago', () =>
    onPage(async (opened) => {
      await press(opened, 'a');
      const old = await opened.evaluate(() => Object.entries(localStorage));
      await press(opened, 's', 'd');
      await opened.evaluate((entries) => {
        for (const [key, value] of entries) localStorage.setItem(key, value);
      }, old);
      await opened.reload();
      assert.equal(await opened.textContent('#progress'), '3 of 5 reviewed');
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
      await opened.bringToFront();
      // A page behind another draws no frames, at which conditions are tested by default.
      const followed = () => document.getElementById('progress')!.textContent === '1 of 5 reviewed';
      await opened.waitForFunction(followed, undefined, { polling: 100 });
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
});
