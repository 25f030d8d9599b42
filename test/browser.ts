// A real browser for tests of what runs in one.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The path of a Chromium or Chrome: of `CHROMIUM` in the environment, else where systems put it. */
export function findBrowser(): string | undefined {
  return PLACES.find((place) => place !== undefined && existsSync(place));
}

/** Why a test that needs a browser is skipped, false where it need not be. */
export const noBrowser: string | false =
  findBrowser() === undefined
    ? 'there is no Chromium: install it (Debian: apt-get install chromium), or name it by CHROMIUM'
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
