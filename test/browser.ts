// A real browser for tests of pages: Chromium where it is installed.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Why tests in a browser are skipped where there is none. */
export const NO_BROWSER = 'there is no Chromium here: install it, or name it by CHROMIUM=/path';

/** The program of a Chromium or Chrome, or undefined where there is none. */
export const findBrowser = (): string | undefined =>
  PLACES.find((path): path is string => path !== undefined && existsSync(path));

/** Starts the browser, without a window and without asking its maker for anything. Throws where there is none. */
export async function launch(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error(NO_BROWSER);
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
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
