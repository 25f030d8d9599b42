// Unreadable images and wrong usage of predict: one sentence, and nothing is lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { evenhand, refusal, SMALL, succeed, temporaryFolder } from './support.js';
import { copyTrainedRun } from './trained-run.js';

const { path: folder, remove } = temporaryFolder();
const RUN = 'runs/discs';
const at = (...parts: string[]): string => join(folder, ...parts);
const rowsOf = (file: string): string[] => readFileSync(at(file), 'utf8').trim().split('\n');

before(async () => {
  await copyTrainedRun(folder, RUN);
  writeFileSync(at('test.csv'), 'image_id,filename\n1,discs/val/red/0.jpg\n');
});
after(remove);

describe('predict, with unreadable images', () => {
  const bad: [name: string, reason: RegExp][] = [
    ['empty.jpg', /the file is empty \(0 bytes\)/],
    ['cut.jpg', /damaged or cut short/],
    ['page.jpg', /web page \(HTML\)/],
    ['huge.png', /30000 x 30000 pixels are too many/],
    ['missing.jpg', /there is no such file/],
    ['text.jpg', /not a JPEG, PNG/],
    ['pipe.jpg', /it is a FIFO \(named pipe\), not an image/],
    ['row 8 of bad.csv', /the file name is empty/],
  ];
  before(async () => {
    mkdirSync(at('bad'), { recursive: true });
    writeFileSync(at('bad/empty.jpg'), '');
    copyFileSync(at('discs/val/red/0.jpg'), at('bad/cut.jpg'));
    truncateSync(at('bad/cut.jpg'), readFileSync(at('bad/cut.jpg')).length >> 1);
    writeFileSync(at('bad/page.jpg'), '<!DOCTYPE html><html><body>404 Not Found</body></html>');
    writeFileSync(at('bad/text.jpg'), 'no image at all');
    const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    png.writeUInt32BE(30_000, 16);
    png.writeUInt32BE(30_000, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    writeFileSync(at('bad/huge.png'), png);
    execFileSync('mkfifo', [at('bad/pipe.jpg')]);
    const jpeg = readFileSync(at('discs/val/red/1.jpg'));
    writeFileSync(at('bad/good.jpg'), jpeg.subarray(0, jpeg.length - 2));
    const names = [...bad.map(([name]) => (name.startsWith('row') ? '' : name)), 'good.jpg'];
    const rows = names.map((name, i) => `${i === 8 ? '=8' : i},${name}`);
    writeFileSync(at('bad.csv'), `image_id,filename\n${rows.join('\n')}\n`);
  });

  test('assigns them the most frequent class, reports and counts them, and exits with 3', async () => {
    // Green is the most frequent class here.
    for (let i = 0; i < 3; i++) copyFileSync(at('discs/train/green/0.jpg'), at(`discs/train/green/more-${i}.jpg`));
    await succeed(['train', 'discs', '--run', 'runs/green', ...SMALL, '--epochs', '1'], folder);
    for (let i = 0; i < 3; i++) rmSync(at(`discs/train/green/more-${i}.jpg`));
    const args = [
      'predict',
      'runs/green',
      '--csv',
      'bad.csv',
      '--images',
      'bad',
      '--out',
      'bad-predictions.csv',
      '--probs',
      'bad-p.csv',
      '--csv-safe',
    ];
    const { code, stderr } = await evenhand(args, folder);
    assert.equal(code, 3, stderr);
    for (const [name, reason] of bad) {
      const line = stderr.split('\n').find((candidate) => candidate.includes(name));
      assert.match(line ?? '', reason, name);
      assert.match(line!, /^evenhand: (bad\/\S+|row 8 of bad\.csv): .*; assigned the most frequent class, green$/);
    }
    assert.match(stderr, /8 images could not be predicted and were assigned the most frequent class, green\./);
    const rows = rowsOf('bad-predictions.csv');
    assert.match(stderr, /^evenhand: bad\/good\.jpg: the JPEG lacks its end marker/m);
    assert.deepEqual(rows.slice(0, 9), ['image_id,label', ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `${i},green`)]);
    assert.match(rows[9]!, /^'=8,(red|green|blue)$/);
    assert.equal(rows.length, 10);
    assert.equal(rowsOf('bad-p.csv')[1], '0,,,');
    assert.match(rowsOf('bad-p.csv')[9]!, /^'=8(,[\d.e-]+){3}$/);
  });

  test('prints that a single one was not predicted, and exits with 3', async () => {
    const { code, stdout } = await evenhand(['predict', RUN, 'bad/empty.jpg'], folder);
    assert.deepEqual([code, stdout], [3, 'bad/empty.jpg  (not predicted)\n']);
    const { stdout: json } = await evenhand(['predict', RUN, 'bad/empty.jpg', '--json'], folder);
    assert.match(JSON.parse(json).error, /empty/);
  });
});

describe('predict, used wrongly', () => {
  const mistakes: [name: string, args: string[], message: RegExp][] = [
    ['without a model', ['predict'], /MODEL is missing/],
    ['without images', ['predict', RUN], /There is nothing to predict/],
    ['with a missing model', ['predict', 'no.onnx', 'discs/val/red'], /no\.onnx: there is no such file/],
    ['with a folder without a model', ['predict', 'discs', 'discs/val/red'], /discs has no model\.onnx/],
    ['with a file that is not a model', ['predict', 'test.csv', 'discs/val/red'], /test\.csv: it is not an ONNX file/],
    ['with an empty model', ['predict', 'bad/empty.jpg', 'discs/val/red'], /empty\.jpg: the file is empty/],
    ['with half a model', ['predict', 'cut.onnx', 'discs/val/red'], /cut\.onnx: the ONNX file is damaged or cut short/],
    [
      'with too few labels',
      ['predict', RUN, 'discs/val/red', '--labels', 'two.txt'],
      /it has 3 classes, but 2 labels were given/,
    ],
    [
      'with a CSV without its columns',
      ['predict', RUN, '--csv', 'other.csv'],
      /no column "filename".*"photo", "species"/,
    ],
    ['with an empty CSV', ['predict', RUN, '--csv', 'nothing.csv'], /nothing\.csv is empty/],
    [
      'with a missing image folder',
      ['predict', RUN, '--csv', 'test.csv', '--images', 'no'],
      /image folder no .*does not exist/,
    ],
    ['with a folder without images', ['predict', RUN, 'runs'], /runs has no images/],
    ['with a missing image', ['predict', RUN, 'discs/no.jpg'], /discs\/no\.jpg: there is no such file/],
    [
      'with a name that leaves the folder',
      ['predict', RUN, '--csv', 'leaves.csv'],
      /line 2: .*"\.\.\/\.\.\/secret\.jpg" leaves the image folder/,
    ],
    [
      'with an invalid time',
      ['predict', RUN, '--csv', 'test.csv', '--time-limit', 'soon'],
      /--time-limit must be a time such as 10m/,
    ],
    [
      'with an invalid kind of views',
      ['predict', RUN, 'discs/val', '--tta', 'flop'],
      /--tta must be one of none, flip, flip\+scales/,
    ],
    [
      'with an invalid device',
      ['predict', RUN, 'discs/val', '--device', 'tpu'],
      /--device must be one of auto, cpu, cuda, webgpu/,
    ],
    [
      'with a device that is not available',
      ['predict', RUN, 'discs/val/red', '--device', 'cuda'],
      /the device cuda is not available/,
    ],
    [
      'with an output folder that does not exist',
      ['predict', RUN, '--csv', 'test.csv', '--out', 'no/where.csv'],
      /no\/where\.csv.*cannot be written/,
    ],
    ['with two sources', ['predict', RUN, 'discs/val', '--csv', 'test.csv'], /the images are already listed by --csv/],
  ];
  before(() => {
    copyFileSync(at(RUN, 'model.onnx'), at('cut.onnx'));
    truncateSync(at('cut.onnx'), 100_000);
    writeFileSync(at('two.txt'), 'blue\nred\n');
    writeFileSync(at('other.csv'), 'photo,species\na.jpg,red\n');
    writeFileSync(at('nothing.csv'), '');
    writeFileSync(at('leaves.csv'), 'image_id,filename\n1,../../secret.jpg\n');
  });
  for (const [name, args, message] of mistakes) {
    test(`${name} is one sentence and exit code 2`, async () => {
      assert.match(await refusal(args, folder), message);
    });
  }
});

/** The checksum of a PNG's chunk. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
