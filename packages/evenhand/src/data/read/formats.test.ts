import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DataError } from '../errors.js';
import { imagePath } from './csv.js';
import { type Dataset, readDataset } from './formats.js';
import { sortLabels } from './labels.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'evenhand-data-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Writes files by their paths under `root`; images need no content, since reading a data set opens none. */
async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
}

/** The rows as `file label`, paths under `root`. */
const rowsOf = ({ classes }: Dataset, part: Dataset['train']): string[] =>
  part.map(({ file, label }) => `${path.relative(root, file)} ${classes[label]}`);

const refused = (promise: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof DataError, String(error));
    assert.match(error.message, message);
    return true;
  });

describe('readDataset', () => {
  it("reads the competition's layout, with byte order mark, CRLF, quotes and a label list in its own order", async () => {
    await write({
      'train.csv': '\uFEFFimage_id,filename,label\r\n1,"a, b.jpg",10\r\n2,c.jpg, 2 \r\n\r\n',
      'val.csv': 'filename,label\nd.jpg,"2"\n',
      'label_list.txt': '\uFEFF2\r\n10\r\n7\r\n',
      'train/images/c.jpg': '',
      'val/images/d.jpg': '',
    });
    const data = await readDataset(root);
    assert.deepEqual(data.classes, ['2', '10', '7']);
    assert.deepEqual(rowsOf(data, data.train), ['train/images/a, b.jpg 10', 'train/images/c.jpg 2']);
    assert.deepEqual(rowsOf(data, data.val), ['val/images/d.jpg 2']);
  });

  it('reads a folder of class folders, nested images included, other files not', async () => {
    await write({
      'rose/1.JPG': '',
      'rose/more/2.png': '',
      'rose/notes.txt': '',
      'aster/3.webp': '',
      'rose/.4.jpg': '',
    });
    await write({ 'readme.md': '', '.cache/x/5.jpg': '' });
    const data = await readDataset(root);
    assert.deepEqual(data.classes, ['aster', 'rose']);
    assert.deepEqual(rowsOf(data, data.train), ['aster/3.webp aster', 'rose/1.JPG rose', 'rose/more/2.png rose']);
    assert.deepEqual(data.val, []);
  });

  it('reads class folders in train and val, with classes that only one of them has', async () => {
    await write({ 'train/10/a.jpg': '', 'train/9/b.jpg': '', 'val/11/c.jpg': '', 'test/d.jpg': '' });
    const data = await readDataset(root);
    assert.deepEqual(data.classes, ['9', '10', '11']);
    assert.deepEqual(rowsOf(data, data.train), ['train/10/a.jpg 10', 'train/9/b.jpg 9']);
    assert.deepEqual(rowsOf(data, data.val), ['val/11/c.jpg 11']);
  });

  it('reads any CSV with columns named, semicolons, and its images anywhere', async () => {
    await write({
      'x.csv': 'path;species\npic/a.jpg;Bellis\n',
      'y.csv': 'path;species\nb.jpg;Rosa\n',
      'other/b.jpg': '',
    });
    const data = await readDataset(path.join(root, 'x.csv'), {
      filenameColumn: 'path',
      labelColumn: 'species',
      valCsv: path.join(root, 'y.csv'),
      valImages: path.join(root, 'other'),
    });
    assert.deepEqual(data.classes, ['Bellis', 'Rosa']);
    assert.deepEqual(rowsOf(data, data.train), ['pic/a.jpg Bellis']);
    assert.deepEqual(rowsOf(data, data.val), ['other/b.jpg Rosa']);
  });

  it('refuses what it cannot use, in one sentence that names it', async () => {
    await refused(readDataset(path.join(root, 'nowhere')), /nowhere: there is no such file or folder/);
    await refused(readDataset(root), /no train\.csv and no sub-folders with images/);
    await write({ 'a.csv': 'image,class\nx.jpg,1\n' });
    const a = path.join(root, 'a.csv');
    await refused(readDataset(a), /a\.csv has no column "filename" .* its columns are "image", "class"/);
    await refused(
      readDataset(a, { filenameColumn: 'image', images: path.join(root, 'no') }),
      /image folder .*no .*does not/,
    );
    const named = { filenameColumn: 'image', labelColumn: 'class' };
    const refuses = async (csv: string, message: RegExp): Promise<void> => {
      await write({ 'a.csv': csv });
      await refused(readDataset(a, named), message);
    };
    await refuses('', /a\.csv is empty/);
    await refuses('image,class\n', /a header but no rows/);
    await refuses('image,class\nx.jpg,1\ny.jpg\n', /not a well-formed CSV file: .*line 3/);
    await refuses('image,class\nx.jpg,1\ny.jpg,\n', /a\.csv, line 3: the label is empty/);
    await refuses('image,class\n,1\n', /line 2: the file name is empty/);
    await refuses('image,class\n../../secret.jpg,1\n', /"\.\.\/\.\.\/secret\.jpg" leaves the image folder/);
    await refuses('image,class\n/etc/passwd,1\n', /leaves the image folder/);
    await write({ 'label_list.txt': '1\n2\n' });
    await refuses('image,class\nx.jpg,3\n', /line 2: the label "3" is not among the 2 labels of .*label_list\.txt/);
    await write({ 'label_list.txt': '1\n1\n' });
    await refuses('image,class\nx.jpg,1\n', /names the label "1" twice/);
    await refused(readDataset(a, { ...named, labelList: path.join(root, 'l.txt') }), /l\.txt: there is no such file/);
  });

  const flowers = fileURLToPath(new URL('../../../../../../shared/data/flowers', import.meta.url));
  it('reads the flowers', { skip: existsSync(flowers) ? false : 'no flower photos here' }, async () => {
    const data = await readDataset(flowers);
    assert.deepEqual([data.classes.length, data.train.length, data.val.length], [102, 3113, 50]);
    assert.deepEqual(data.classes.slice(0, 3), ['1', '2', '3']);
    assert.ok(data.train.every(({ file }) => existsSync(file)));
  });
});

describe('imagePath', () => {
  it('keeps names inside the folder, however they are written', () => {
    assert.equal(imagePath('d/i', 'a/../b.jpg', 't'), path.join('d', 'i', 'b.jpg'));
    assert.equal(imagePath('d', '..b.jpg', 't'), path.join('d', '..b.jpg'));
    for (const name of ['..', '.', 'a/../..', '../d2/x.jpg']) assert.throws(() => imagePath('d', name, 't'), DataError);
  });
});

describe('sortLabels', () => {
  it('sorts integers as numbers and other labels by character code, whatever the locale', () => {
    assert.deepEqual(sortLabels(['10', '9', '-1', '9']), ['-1', '9', '10']);
    assert.deepEqual(sortLabels(['10', '9', 'x']), ['10', '9', 'x']);
    assert.deepEqual(sortLabels(['b', 'B', 'ä', 'a']), ['B', 'a', 'b', 'ä']);
    assert.deepEqual(sortLabels(['01', '1', '0']), ['0', '01', '1']);
  });
});
