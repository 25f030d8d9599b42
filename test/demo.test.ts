// The demo from beginning to end, made small: few species and an epoch.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { evenhand, temporaryFolder } from './support.js';

const { path: folder, remove } = temporaryFolder();
after(remove);

test('the demo draws, checks, trains twice, predicts, reports and compares', async () => {
  const args = ['demo', 'demo', '--species', '6', '--images', '16', '--epochs', '1'];
  const { code, stdout, stderr } = await evenhand(args, folder);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.match(
    stdout,
    /\d+ training images \(\d+ with a wrong label, 6 broken files\), 18 for validation, 30 for testing/,
  );
  assert.match(stdout, /Missing or unreadable files: 6\n/);
  assert.match(stdout, /^plain fine-tuning +\d\.\d{3} +\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\] +\d\.\d{3} +\d\.\d{3}$/m);
  assert.match(stdout, /^the balanced recipe +\d\.\d{3}/m);
  assert.match(stdout, /Gain in Macro F1 by the balanced recipe: [+-]\d\.\d{3} \[[+-]\d\.\d{3}, [+-]\d\.\d{3}\]/);
  const rows = readFileSync(join(folder, 'demo/predictions.csv'), 'utf8').trim().split('\n');
  assert.deepEqual([rows.length, rows[0]], [31, 'image_id,label']);
  for (const name of ['balanced/report.html', 'balanced/model.onnx']) assert.ok(existsSync(join(folder, 'demo', name)));
});
