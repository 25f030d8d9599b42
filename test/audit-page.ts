// The audit page of a few images, opened in a browser without a network.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type AuditFacts, type AuditImage, auditPage } from 'evenhand';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { launch, noBrowser } from './browser.js';
import { temporaryFolder } from './support.js';

export const HOSTILE = '<img src=x onerror=alert(1)>, "q"';
const classes = ['elm', HOSTILE, 'oak'];
const HEADER = 'file,given,verdict,label\n';

const { path: folder, remove } = temporaryFolder();
after(remove);
export const file = join(folder, 'audit.html');
export const empty = join(folder, 'empty.html');

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

let browser: Browser;
before(async () => {
  if (noBrowser === false) browser = await launch();
});
after(() => browser?.close());

type Options = Parameters<Browser['newContext']>[0];

/** Opens the page without a network, and fails if it logs anything or requests anything else. */
export async function onPage(
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

export async function press(opened: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await opened.keyboard.press(key);
}

/** The letter of the image under review. */
export const current = async (opened: Page): Promise<string> =>
  (await opened.textContent('#file'))!.replace(/train\/|\.png/g, '');
export const shown = (opened: Page): Promise<string> =>
  opened
    .locator('.likely-error:visible .file')
    .allTextContents()
    .then((names) => names.map((name) => name.replace('.png', '')).join(''));

export async function downloaded(opened: Page): Promise<string> {
  const [download] = await Promise.all([opened.waitForEvent('download'), opened.click('nav .download')]);
  assert.equal(download.suggestedFilename(), 'corrections.csv');
  return readFileSync(await download.path(), 'utf8');
}

export const csv = (...rows: readonly string[]): string => HEADER + rows.map((row) => `${row}\n`).join('');
export const quoted = '"<img src=x onerror=alert(1)>, ""q"""';
