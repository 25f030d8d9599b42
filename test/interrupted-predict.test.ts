// An interrupted prediction loses nothing, and ends with the same files when it is resumed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { namesIn, readLines, start, succeed, temporaryFolder, until } from './support.js';

const GOLDEN = fileURLToPath(new URL('../../packages/predict/golden', import.meta.url));
const ROWS = 1000;

const { path: folder, remove } = temporaryFolder();
before(() => {
  const rows = Array.from({ length: ROWS }, (_, i) => `${i},${['landscape', 'portrait', 'grey'][i % 3]}.jpg\n`);
  writeFileSync(join(folder, 'test.csv'), `id,filename\n${rows.join('')}`);
});
after(remove);

test('predict, interrupted and resumed, writes the same files as without interruption', async () => {
  const command = ['predict', join(GOLDEN, 'tiny.onnx'), '--csv', 'test.csv', '--images', GOLDEN, '--threads', '1'];
  const files = ['--out', 'predictions.csv', '--probs', 'probabilities.csv'];
  const partial = join(folder, 'predictions.csv.partial');
  const running = start([...command, ...files], folder);
  await until(running, () => existsSync(partial) && readFileSync(partial, 'utf8').split('\n').length > 100);
  running.process.kill('SIGINT');
  const { code, stderr } = await running.ended;
  assert.equal(code, 130, stderr);
  const [, kept] =
    /^evenhand: interrupted after [\d,]+ of 1,000 images; ([\d,]+) predictions saved: run the same command with --resume/.exec(
      stderr,
    ) ?? [];
  const [, ...entries] = readLines(partial);
  assert.equal(entries.length, Number(kept?.replace(',', '')), stderr);
  assert.ok(entries.length < ROWS && !existsSync(join(folder, 'predictions.csv')));

  await succeed([...command, ...files, '--resume'], folder);
  await succeed([...command, '--out', 'once.csv', '--probs', 'once-probabilities.csv'], folder);
  const text = (name: string): string => readFileSync(join(folder, name), 'utf8');
  assert.equal(text('predictions.csv').split('\n').length, ROWS + 2);
  assert.equal(text('predictions.csv'), text('once.csv'));
  assert.equal(text('probabilities.csv'), text('once-probabilities.csv'));
  assert.deepEqual(
    namesIn(folder).filter((name) => !name.endsWith('.csv')),
    [],
  );
});
