/// <reference lib="dom" />
// The page to try a model, as people use it: served by `evenhand serve`, and as a folder whose page computes in Chromium.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { basename, extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import sharp from 'sharp';
import { launch, noBrowser, splitWords } from './browser.js';
import { type Running, start, succeed, temporaryFolder, until } from './support.js';
import { copyTrainedRun } from './trained-run.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const { path: folder, remove } = temporaryFolder();
const disc = (label: string): string => join(folder, `discs/val/${label}/0.jpg`);

let browser: Browser;
let served: { running: Running; url: string };
let files: Server;
let filesUrl = '';

before(async () => {
  if (noBrowser) return;
  await copyTrainedRun(folder, 'run');
  await succeed(['export', 'run', '--web', 'web', '--unsure-below', '1'], folder);
  const args = ['serve', 'run', '--data', 'discs', '--port', '0', '--threads', '1'];
  const running = start(args, folder);
  let text = '';
  running.process.stderr!.on('data', (chunk: string) => {
    text += chunk;
  });
  await until(running, () => text.includes('Ctrl-C'));
  served = { running, url: /http:\S+/.exec(text)![0] };
  files = createServer((request, response) => {
    const name = basename(request.url === '/' ? 'index.html' : new URL(request.url!, 'http://a').pathname);
    const types: Record<string, string> = {
      '.html': 'text/html',
      '.css': 'text/css',
      '.svg': 'image/svg+xml',
      '.js': 'text/javascript',
      '.mjs': 'text/javascript',
      '.wasm': 'application/wasm',
    };
    const path = join(folder, 'web', name);
    response.statusCode = existsSync(path) ? 200 : 404;
    response.setHeader('content-type', types[extname(name)] ?? 'application/octet-stream');
    response.end(existsSync(path) ? readFileSync(path) : '');
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  filesUrl = `http://127.0.0.1:${(files.address() as AddressInfo).port}/`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  served?.running.process.kill('SIGTERM');
  await served?.running.ended;
  files?.close();
  remove();
});

/** Opens a page, uses it, and fails if a script failed or the content security policy stopped something. */
async function using(url: string, options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', ({ message }) => faults.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) faults.push(message.text());
    });
    await page.goto(url);
    await use(page);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

const choose = async (page: Page, file: string): Promise<void> => {
  await page.locator('#file-input').setInputFiles(file);
  await page.locator('#answer.done, #answer.failed').waitFor();
};

const topOf = (page: Page): Promise<string[]> => page.locator('#top li .name').allTextContents();

const explained = (page: Page): Promise<void> => page.locator('#explain[aria-pressed=true]').waitFor();

/** What axe-core finds wrong, by rule. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(AXE, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}

describe('the page to try a model', { skip: noBrowser }, () => {
  const more = process.env.EVENHAND_TEST_ALL ? ([[768, 'dark'], [390, 'light']] as const) : []; // biome-ignore format: one line
  for (const [width, scheme] of [[1400, 'light'], [390, 'dark'], ...more] as const) {
    test(`is accessible and fits, ${width} px, ${scheme}`, async () => {
      await using(served.url, { viewport: { width, height: 800 }, colorScheme: scheme }, async (page) => {
        assert.deepEqual(await violations(page), []);
        await choose(page, disc('red'));
        await page.getByText(/^Nearest of the training images/).waitFor();
        await page.locator('#explain').click();
        await explained(page);
        assert.deepEqual(await violations(page), []);
        assert.deepEqual(await splitWords(page), []);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
      });
    });
  }

  test('answers as predict does, with similar training images and what mattered', async () => {
    const printed = await succeed(['predict', 'run', disc('blue'), '--json'], folder);
    const { label, probability, top } = JSON.parse(printed);
    await using(served.url, {}, async (page) => {
      await choose(page, disc('blue'));
      const verdict = await page.locator('#verdict').innerText();
      const percent = `${Math.round(probability * 100)}\u00a0%`;
      assert.ok(verdict.includes(label) && (verdict.includes(percent) || verdict.includes('>')), verdict);
      assert.deepEqual(
        await topOf(page),
        top.map((each: { label: string }) => each.label),
      );
      await page.getByText(/^Nearest of the training images/).waitFor();
      const figures = page.locator('#similar figure');
      assert.equal(await figures.count(), 6);
      for (const caption of await figures.locator('figcaption').allTextContents()) {
        assert.match(caption, /^(red|green|blue) \d\.\d\d$/);
      }
      const broken = await figures
        .locator('img')
        .evaluateAll((all) => all.filter((each) => (each as HTMLImageElement).naturalWidth === 0).length);
      assert.equal(broken, 0);
      await page.locator('#explain').click();
      await explained(page);
      const sentence = await page.locator('#explanation').innerText();
      assert.match(sentence, /^(Bright parts|No single part) mattered: /);
      assert.equal(await page.locator('#map').isVisible(), sentence.startsWith('Bright'));
      await page.locator('#explain').click();
      assert.equal(await page.locator('#map').isVisible(), false);
    });
  });

  test('works by the keyboard alone', async () => {
    await using(served.url, {}, async (page) => {
      const focused = () => page.evaluate(() => document.activeElement?.id);
      // Early, because it takes effect a moment later.
      const chooser = page.waitForEvent('filechooser');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.equal(await focused(), 'choose');
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'file');
      await page.keyboard.press('Enter');
      await (await chooser).setFiles(disc('green'));
      await page.locator('#answer.done').waitFor();
      // The answer is read out; what can be done with it is before it.
      assert.equal(await focused(), 'verdict');
      await page.keyboard.press('Shift+Tab');
      assert.equal(await focused(), 'explain');
      await page.keyboard.press('Enter');
      await explained(page);
      await page.keyboard.press('Shift+Tab');
      assert.equal(await focused(), 'another');
    });
  });

  test('takes an image that is dropped or pasted, and says what is wrong with another file', async () => {
    await using(served.url, {}, async (page) => {
      const give = (type: 'drop' | 'paste', name: string, mime: string, bytes: Buffer) =>
        page.evaluate(
          ({ type, name, mime, base64 }) => {
            const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type: mime }));
            const options = { bubbles: true, cancelable: true };
            const event =
              type === 'drop'
                ? new DragEvent('drop', { ...options, dataTransfer: data })
                : new ClipboardEvent('paste', { ...options, clipboardData: data });
            document.body.dispatchEvent(event);
          },
          { type, name, mime, base64: bytes.toString('base64') },
        );
      await give('drop', 'a.jpg', 'image/jpeg', readFileSync(disc('red')));
      await page.locator('#answer.done').waitFor();
      await give('drop', 'a.txt', 'text/plain', Buffer.from('x'));
      assert.equal(await page.locator('#failure').innerText(), 'a.txt is not an image.');
      await give('paste', 'b.jpg', 'image/jpeg', readFileSync(disc('blue')));
      await page.locator('#answer.done').waitFor();
      await give('paste', 'c.jpg', 'image/jpeg', Buffer.from('<html>'));
      await page.locator('#answer.failed').waitFor();
      assert.match(await page.locator('#failure').innerText(), /^The image cannot be read: it is a web page/);
    });
  });
});

describe('the folder of export --web', { skip: noBrowser }, () => {
  test('computes in the page, says "not sure", and works offline after it was open once', async () => {
    await using(filesUrl, { viewport: { width: 390, height: 800 } }, async (page) => {
      // Of no class, so that its probability is not 1.
      const grey = join(folder, 'grey.png');
      await sharp({ create: { width: 60, height: 40, channels: 3, background: '#888' } })
        .png()
        .toFile(grey);
      await choose(page, grey);
      const printed = await succeed(['predict', 'run', grey, '--json'], folder);
      const { top } = JSON.parse(printed);
      assert.deepEqual(
        await topOf(page),
        top.map((each: { label: string }) => each.label),
      );
      assert.match(await page.locator('#verdict').innerText(), /^Not sure\. Perhaps/);
      assert.match(await page.locator('#unsure').innerText(), /^The probability is below 100\s%/);
      assert.deepEqual(await violations(page), []);
      await page.locator('html[data-offline=ready]').waitFor();
      await new Promise((resolve) => files.close(resolve).closeAllConnections());
      await page.reload();
      await choose(page, disc('red'));
      assert.equal((await topOf(page)).length, 3);
      await page.locator('#explain').click();
      await explained(page);
    });
  });
});
