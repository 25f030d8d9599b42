/// <reference lib="dom" />
// `evenhand board` in a browser: a training that goes on, a comparison, and an audit in two tabs.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auditPage, type EpochMetrics, RunFolder } from 'evenhand';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launch, noBrowser, splitWords } from './browser.js';
import { drawDiscs, type Running, refusal, start, temporaryFolder, until } from './support.js';

const { path: folder, remove } = temporaryFolder();
after(remove);

const classes = ['blue', 'green', 'red'];
const data = join(folder, 'discs');
const COUNT = 4;

const epoch: EpochMetrics = {
  phase: 'full',
  epoch: 1,
  size: 32,
  trainLoss: 1,
  backboneRate: 1e-4,
  headRate: 1e-3,
  valLoss: 1,
  accuracy: 0.7,
  balancedAccuracy: 0.7,
  macroF1: 0.6,
  macroF1Low: 0.5,
  macroF1High: 0.7,
  macroF1Present: 0.6,
  numClasses: 3,
  numPresent: 3,
  seconds: 60,
  imagesPerSecond: 50,
  peakMemoryMB: 900,
  best: true,
};

/** A run that predicts `wrong` images of the first class as the second. */
function writeRun(name: string, wrong: number, config: Record<string, unknown> = {}): RunFolder {
  const run = RunFolder.create(join(folder, 'runs', name));
  run.writeConfig({ model: 'mobilenet_v2', data, seed: 1, ...config });
  run.writeEnvironment({
    versions: { evenhand: '0.1.0' },
    os: 'Linux',
    cpu: 'a processor',
    cores: 2,
    threads: 2,
    device: 'cpu',
    memoryMB: 4096,
    git: null,
    dataset: { fingerprint: 'f', path: data, classes, classCounts: [9, 9, 9], train: 27, val: 12, skipped: [] },
    started: '2026-01-01T00:00:00.000Z',
  });
  run.writeEpochs([epoch, { ...epoch, epoch: 2, macroF1: 0.65 }]);
  run.writePredictions(
    classes.flatMap((label, k) =>
      Array.from({ length: COUNT }, (_, i) => {
        const predicted = k === 0 && i < wrong ? 1 : k;
        return { file: `val/${label}/${i}.jpg`, label, logits: classes.map((_, c) => (c === predicted ? 4 : 0)) };
      }),
    ),
  );
  return run;
}

let board: Running;
let url = '';
let training: RunFolder;

before(async () => {
  await drawDiscs(data, { train: 1, val: COUNT });
  writeRun('first', 3);
  writeRun('second', 0, { seed: 2 });
  training = writeRun('training', 1);
  training.log('one');
  const audit = join(folder, 'audits/discs');
  mkdirSync(audit, { recursive: true });
  const rate = { value: 0.3, low: 0.1, high: 0.5 };
  const images = Array.from({ length: COUNT }, (_, i) => ({
    file: `val/blue/${i}.jpg`,
    part: 'train' as const,
    given: 0,
    wrong: 0.9 - i / 100,
    candidates: [{ label: 2, probability: 0.8 }],
  }));
  const facts = {
    data,
    name: 'discs',
    classes,
    images,
    rate,
    rateByLabel: [rate, rate, rate],
    kind: 'uniform',
  } as const;
  const { html } = await auditPage({
    ...facts,
    model: 'mobilenet_v2',
    fingerprint: 'f',
    trainCommand: 'evenhand train',
  });
  writeFileSync(join(audit, 'audit.html'), html);
  writeFileSync(join(audit, 'audit.json'), JSON.stringify({ data, suspects: COUNT }));
  board = start(['board', '--port', '0'], folder);
  let text = '';
  board.process.stdout!.on('data', (chunk: string) => {
    text += chunk;
  });
  await until(board, () => text.includes('Ctrl-C'));
  url = /http:\S+/.exec(text)![0];
});

after(async () => {
  board.process.kill('SIGTERM');
  const { code, stderr } = await board.ended;
  assert.equal(code, 0, stderr);
});

test('board refuses folders that are not there and ports that are none', async () => {
  assert.match(await refusal(['board', 'none'], folder), /There is no folder none; give folders in or below which/);
  assert.match(await refusal(['board', '--port', '70000'], folder), /--port must be at most 65535, got 70000/);
});

describe('the board in a browser', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  /** Opens the list of runs, and fails if a page logs anything, which a violation of its policy would. */
  async function onBoard(
    check: (page: Page, context: BrowserContext) => Promise<void>,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<void> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
    const trouble: string[] = [];
    context.on('console', (message) => trouble.push(message.text()));
    context.on('weberror', (error) => trouble.push(String(error.error())));
    const page = await context.newPage();
    await page.goto(url);
    await check(page, context);
    assert.deepEqual(trouble, []);
    await context.close();
  }

  test('follows a training: list, status, curves and log', () =>
    onBoard(async (page, context) => {
      const row = page.locator('tr', { hasText: 'training' });
      assert.match((await row.textContent())!, /Incomplete/);
      const run = await context.newPage();
      await run.goto(url + (await row.locator('a').getAttribute('href'))!.slice(1));
      const unlock = training.lock();
      try {
        const updated = new Date().toISOString();
        const progress = { updated, stage: 'full', epoch: 3, epochs: 9, done: 5, total: 10, secondsLeft: 300 };
        training.writeProgress({ ...progress, state: 'training' });
        training.writeEpochs([epoch, { ...epoch, epoch: 2 }, { ...epoch, epoch: 3, macroF1: 0.87 }]);
        training.log('two <b>');
        await run.locator('[data-part=status]', { hasText: 'Whole network, epoch 3 of 9' }).waitFor();
        await run.locator('.big', { hasText: '0.870' }).waitFor();
        await run.locator('#log', { hasText: /one\ntwo <b>/ }).waitFor();
        await run.locator('[data-points*="Epoch 3: Macro F1 0.870"]').first().waitFor();
        await run.close();
        await page.bringToFront();
        await page.locator('#training article', { hasText: '5 min' }).waitFor();
        assert.match((await row.textContent())!, /Training.*0\.870/s);
        unlock();
        training.writeProgress({ ...progress, state: 'finished' });
        await page.locator('#training').waitFor({ state: 'detached' });
        await page.locator('tr', { hasText: 'training' }).filter({ hasText: 'Finished' }).waitFor();
      } finally {
        unlock();
      }
    }));

  test('compares runs by keyboard alone, with the images of the classes that changed', () =>
    onBoard(async (page) => {
      await page.fill('#class-search', 'second');
      assert.equal(await page.locator('#class-table tbody tr:visible').count(), 1);
      await page.fill('#class-search', '');
      assert.ok(await page.isDisabled('#compare'));
      for (const name of ['first', 'second']) {
        await page.getByRole('checkbox', { name: `Compare runs/${name}` }).focus();
        await page.keyboard.press('Space');
      }
      await page.locator('#compare').focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(/compare/);
      assert.equal(await page.locator('.compared tbody tr').count(), 2);
      const better = await page.locator('.compared tbody').textContent();
      assert.match(better!, /\+0\.\d{3} better|no clear difference/);
      assert.match((await page.locator('.different').textContent())!, /seed12/);
      const [first] = await page.locator('.change h4').allTextContents();
      assert.match(first!, /^blueF1 0\.400 → 1\.000 on 4 images$/);
      const image = page.locator('.change').first().locator('img').first();
      await image.scrollIntoViewIfNeeded();
      await page.waitForFunction(() => (document.querySelector('.change img') as HTMLImageElement).naturalWidth > 0);
      await page.goBack();
      await page.locator('tr', { hasText: 'first' }).locator('a').click();
      await page.getByRole('link', { name: 'Open the report' }).click();
      await page.fill('#class-search', 'blu');
      assert.equal(await page.locator('#class-table tbody tr:visible').count(), 1);
    }));

  test('saves verdicts of two tabs to the folder of the data, shows them in both, and undoes only its own', () =>
    onBoard(async (page, context) => {
      const address = url + (await page.locator('#audits tbody a').getAttribute('href'))!.slice(1);
      const tabs = [page, await context.newPage()];
      for (const tab of tabs) await tab.goto(address);
      const [a, b] = tabs as [Page, Page];
      const reviewed = (tab: Page, count: number) =>
        tab.locator('#progress', { hasText: `${count} of 4 reviewed` }).waitFor();
      const saved = () => readFileSync(join(data, 'corrections.csv'), 'utf8').trim().split('\n').slice(1);
      await a.locator('#review .lead', { hasText: join(data, 'corrections.csv') }).waitFor();
      await a.keyboard.press('a');
      await reviewed(b, 1);
      // What the other tab decides on does not change under a person's hands: the second tab still shows the same image.
      await b.keyboard.press('ArrowRight');
      await b.keyboard.press('s');
      await reviewed(a, 2);
      assert.deepEqual(saved().sort(), ['val/blue/0.jpg,blue,accept,red', 'val/blue/1.jpg,blue,keep,blue']);
      // Another program writes a verdict, and replaces that of the first tab.
      writeFileSync(
        join(data, 'corrections.csv'),
        'file,given,verdict,label\nval/blue/0.jpg,blue,drop,\nval/blue/1.jpg,blue,keep,blue\nval/blue/2.jpg,blue,keep,blue\n',
      );
      await reviewed(a, 3);
      await a.keyboard.press('u');
      await b.keyboard.press('u');
      await reviewed(a, 2);
      assert.deepEqual(saved(), ['val/blue/0.jpg,blue,drop,', 'val/blue/2.jpg,blue,keep,blue']);
      await a.reload();
      await reviewed(a, 2);
    }));

  test('is accessible, fits a phone, and breaks no word', async () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(url);
    const links = page.locator('#class-table tbody a');
    const [first, second] = await links.evaluateAll((found) =>
      found.map((link) => link.getAttribute('href')!.replace('/run/', '')),
    );
    for (const [path, colorScheme] of [
      ['', 'dark'],
      [`run/${first}`, 'light'],
      [`compare?run=${first}&run=${second}`, 'dark'],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.goto(url + path);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() =>
        (window as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } }).axe.run(),
      );
      assert.deepEqual(
        violations.map(({ id }) => id),
        [],
        path,
      );
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, path);
      assert.deepEqual(await splitWords(page), []);
    }
    await context.close();
  });
});
