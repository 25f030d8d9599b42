// `evenhand serve` as programs meet it: a process that answers as `evenhand predict` and ends by SIGTERM.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Running, refusal, start, succeed, temporaryFolder, until } from './support.js';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../packages/predict/golden/${name}`, import.meta.url));
const MODEL = golden('tiny.onnx');
const IMAGES = ['landscape.jpg', 'portrait.jpg', 'small.png'].map(golden);

const { path: folder, remove } = temporaryFolder();
after(remove);

/** Starts a server on a free port; resolves to its address once it answers. */
async function serve(...args: string[]): Promise<{ running: Running; url: string }> {
  const running = start(['serve', ...args, '--port', '0', '--threads', '1'], folder);
  let text = '';
  running.process.stderr!.on('data', (chunk: string) => {
    text += chunk;
  });
  await until(running, () => text.includes('Ctrl-C'));
  return { running, url: /http:\S+/.exec(text)![0] };
}

describe('serve', () => {
  test('answers as predict, logs a line per request without paths, and ends by SIGTERM', async () => {
    const { running, url } = await serve(MODEL, '--tta', 'flip', '--top-k', '2');
    const form = new FormData();
    for (const file of IMAGES) form.append('images', new Blob([readFileSync(file)]), basename(file));
    const response = await fetch(`${url}v1/predict`, { method: 'POST', body: form });
    const { predictions } = (await response.json()) as {
      predictions: { label: string; top: unknown; views: number }[];
    };
    const printed = await succeed(['predict', MODEL, ...IMAGES, '--json', '--tta', 'flip', '--top-k', '2'], folder);
    const expected = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      predictions.map(({ label, top, views }) => ({ label, top, views })),
      expected.map(({ label, top, views }) => ({ label, top, views })),
    );
    running.process.kill('SIGTERM');
    const { code, stdout, stderr } = await running.ended;
    assert.equal(code, 0, stderr);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const request = lines.find(({ msg }) => msg === 'request');
    assert.deepEqual([request.method, request.path, request.status], ['POST', '/v1/predict', 200]);
  });

  test('refuses flags that make no sense, by one sentence', async () => {
    const cases: [string[], RegExp][] = [
      [[], /MODEL is missing; usage: evenhand serve MODEL/],
      [[MODEL, '--port', '70000'], /--port must be at most 65535/],
      [[MODEL, '--unsure-below', '2'], /--unsure-below must be a probability from 0 to 1, got "2"/],
      [[MODEL, '--time-limit', 'soon'], /--time-limit must be a time such as 30s/],
      [[MODEL, '--log-level', 'loud'], /--log-level must be one of debug, info/],
      [[MODEL, '--host', '192.0.2.1', '--threads', '1'], /192\.0\.2\.1:8000: this machine has no such address/],
    ];
    for (const [args, sentence] of cases) assert.match(await refusal(['serve', ...args], folder), sentence);
  });
});
