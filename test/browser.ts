/// <reference lib="dom" />
// A real browser for tests of pages.
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The path of Chromium or Chrome: `CHROMIUM` in the environment, or where systems install it. */
export function findBrowser(): string | undefined {
  return PLACES.find((place) => place !== undefined && existsSync(place));
}

/** Why tests that need a browser are skipped; false if there is one. */
export const noBrowser: string | false =
  findBrowser() === undefined
    ? 'Chromium not found: install it (Debian: apt-get install chromium) or set CHROMIUM to its path'
    : false;

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: findBrowser()!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Words of headings, table headers, terms and buttons that are broken over two lines, but on the small cards. */
export const splitWords = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const split: string[] = [];
    for (const element of document.querySelectorAll('h1,h2,h3,h4,th,dt,button,nav a,.tiles dd,.key span')) {
      if (element.closest('.likely-error') !== null) continue;
      const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
        for (const { index, 0: word } of node.textContent!.matchAll(/[\p{L}\p{N}]+/gu)) {
          const range = document.createRange();
          range.setStart(node, index);
          range.setEnd(node, index + word.length);
          const tops = new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top)));
          if (tops.size > 1) split.push(word);
        }
      }
    }
    return split;
  });
