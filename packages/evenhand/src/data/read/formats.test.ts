import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DataError } from '../errors.js';
import { imagePath } from './csv.js';
import { type Dataset, readDataset } from './formats.js';
import { readLabelList, sortLabels } from './labels.js';

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
      readDataset(a, { filenameColumn: 'image', labelColumn: 'class', images: path.join(root, 'no') }),
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
    await refuses(
      'image,class\nx.jpg,1\ny.jpg,\n',
      /1 of 2 rows of .*a\.csv have no label \(line 3\): add the labels, or skip these rows with --on-unlabelled skip\./,
    );
    await refuses('image,class\n,1\n', /line 2: the file name is empty/);
    await refuses('image,class\n../../secret.jpg,1\n', /"\.\.\/\.\.\/secret\.jpg" leaves the image folder/);
    await refuses('image,class\n/etc/passwd,1\n', /leaves the image folder/);
    await write({ 'label_list.txt': '1\n2\n' });
    await refuses('image,class\nx.jpg,3\n', /line 2: the label "3" is not one of the 2 labels of .*label_list\.txt/);
    await write({ 'label_list.txt': '1\n1\n' });
    await refuses('image,class\nx.jpg,1\n', /names the label "1" twice/);
    await refused(readDataset(a, { ...named, labelList: path.join(root, 'l.txt') }), /l\.txt: there is no such file/);
  });

  it('lists rows without a label, at most ten of them, or skips them', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => `p${i}.jpg,${i % 3 === 0 ? 'rose' : i === 29 ? 'nan' : ''}`);
    await write({ 'train.csv': `filename,label\n${rows.join('\n')}\nx.jpg,aster\n` });
    await refused(
      readDataset(root),
      /^20 of 31 rows of .*train\.csv have no label \(lines 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, \.\.\.\): .*--on-unlabelled skip\.$/,
    );
    const data = await readDataset(root, { onUnlabelled: 'skip' });
    assert.deepEqual([data.classes, data.train.length], [['aster', 'rose'], 11]);
    assert.match(data.notes!.join('\n'), /^20 of 31 rows of .*train\.csv have no label and are skipped\.$/);
    await write({ 'label_list.txt': 'rose\naster\nnan\n' });
    assert.equal((await readDataset(root, { onUnlabelled: 'skip' })).train.length, 12, 'nan is a label of the list');
    await write({ 'train.csv': 'filename,label\na.jpg,\n' });
    await refused(
      readDataset(root, { onUnlabelled: 'skip' }),
      /1 of 1 row of .* have no label, so there is nothing to learn from\.$/,
    );
  });

  it('names a class __proto__ or constructor like any other', async () => {
    await write({ 'train/__proto__/a.jpg': '', 'train/constructor/b.jpg': '', 'val/__proto__/c.jpg': '' });
    const data = await readDataset(root);
    assert.deepEqual(data.classes, ['__proto__', 'constructor']);
    assert.deepEqual(rowsOf(data, data.val), ['val/__proto__/c.jpg __proto__']);
  });

  const flowers = fileURLToPath(new URL('../../../../../../shared/data/flowers', import.meta.url));
  it('reads the flowers', { skip: existsSync(flowers) ? false : 'no flower photos here' }, async () => {
    const data = await readDataset(flowers);
    assert.deepEqual([data.classes.length, data.train.length, data.val.length], [102, 3113, 50]);
    assert.deepEqual(data.classes.slice(0, 3), ['1', '2', '3']);
    assert.ok(data.train.every(({ file }) => existsSync(file)));
  });
});

describe('labels', () => {
  it('are joined if they certainly mean the same class, and that is said', async () => {
    await write({
      'train.csv': 'filename,label\na.jpg,1\nb.jpg,2\n',
      'val.csv': 'filename,label\nc.jpg,1.0\nd.jpg,2.0\n',
    });
    const numbers = await readDataset(root);
    assert.deepEqual([numbers.classes, numbers.val.map(({ label }) => label)], [['1', '2'], [0, 1]]); // biome-ignore format: one line
    assert.deepEqual(numbers.notes, ['Labels with several spellings were joined: "1.0" as "1", "2.0" as "2".']);
    // The same letter as one character, as on Linux, and as a letter with an accent, as on a Mac.
    const [linux, mac] = ['\u00e9glantine', 'e\u0301glantine'];
    await write({ 'train.csv': `filename,label\na.jpg,${linux}\nb.jpg,oak  red\n`, 'val.csv': `filename,label\nc.jpg,${mac}\nd.jpg,oak red\n` }); // biome-ignore format: one line
    const forms = await readDataset(root);
    assert.deepEqual(forms.classes, ['oak red', linux]);
    assert.match(forms.notes!.join(), /"e\\u0301glantine" as "églantine", "oak {2}red" as "oak red"/);
    await write({ 'label_list.txt': `${linux}\noak red\n` });
    assert.deepEqual((await readDataset(root)).classes, [linux, 'oak red'], 'a label list decides on the spelling');
  });

  it('stay apart and are named if they only look alike, and are left as they are if they have one spelling', async () => {
    await write({ 'train/Rose/a.jpg': '', 'train/rose/b.jpg': '', 'train/v1.0/c.jpg': '', 'train/1.0/d.jpg': '' });
    const data = await readDataset(root);
    assert.deepEqual(data.classes, ['1.0', 'Rose', 'rose', 'v1.0']);
    assert.deepEqual(data.notes, [
      'Some labels look alike but are different classes: "Rose" and "rose". If they are one class, rename them.',
    ]);
  });

  // Each line was once looked up in all lines before it: minutes.
  it('may be a list of 200,000', { timeout: 20_000 }, async () => {
    const file = path.join(root, 'list.txt');
    await writeFile(file, Array.from({ length: 200_000 }, (_, i) => `l${i}`).join('\n'));
    assert.equal((await readLabelList(file))!.length, 200_000);
    await writeFile(file, Buffer.from('Rose\nG\xe4nsebl\xfcmchen\n', 'latin1'));
    await refused(readLabelList(file), /list\.txt, line 2 is not UTF-8 text/);
    await rm(file);
    execFileSync('mkfifo', [file]);
    await refused(readLabelList(file), /list\.txt cannot be read: it is a named pipe/);
  });
});

describe('images of a table', () => {
  const dataset = (csv: string) => readDataset(path.join(root, csv));

  it('may lack their extension, have backslashes, or another case, if one file fits', async () => {
    await write({ 'train/images/a.jpg': '', 'train/images/sub/B.JPG': '', 'train/images/c.jpg': '', 'train/images/c.png': '' }); // biome-ignore format: one line
    await write({ 'train.csv': 'filename,label\na,x\nsub\\B.jpg,x\nsub/b,y\nc,y\nd,y\n' });
    const data = await dataset('train.csv');
    assert.deepEqual(
      rowsOf(data, data.train),
      ['a.jpg x', 'sub/B.JPG x', 'sub/B.JPG y', 'c y', 'd y'].map((row) => `train/images/${row}`),
    );
    await write({ 'train.csv': 'filename,label\n..\\..\\..\\secret.jpg,x\n' });
    await refused(dataset('train.csv'), /leaves the image folder/);
  });

  it('may be in the only neighbouring folder that has any, and that is said', async () => {
    await write({ 'train.csv': 'filename,label\na.jpg,x\nb.jpg,y\n', 'train_images/a.jpg': '' });
    const data = await dataset('train.csv');
    assert.deepEqual(rowsOf(data, data.train), ['train_images/a.jpg x', 'train_images/b.jpg y']);
    assert.match(data.notes!.join(), /^The images of .*train\.csv are in .*train_images; .* has none of them\.$/);
    await write({ 'images/b.jpg': '' });
    await refused(
      dataset('train.csv'),
      /has none of the images of .*, but .*train_images and .*images have: .*--images/,
    );
    await write({ 'a.jpg': '' });
    assert.deepEqual(rowsOf(await dataset('train.csv'), (await dataset('train.csv')).train), ['a.jpg x', 'b.jpg y']);
  });
});

describe('class folders', () => {
  it('are split by the many names of splits', async () => {
    for (const [train, val] of [
      ['train', 'valid'],
      ['Training', 'validation'],
      ['seg_train', 'seg_val'],
      ['TRAIN', 'Val'],
    ] as const) {
      // biome-ignore format: one line
      const folder = path.join(root, train);
      await write({ [`${train}/${train}/rose/a.jpg`]: '', [`${train}/${val}/rose/b.jpg`]: '', [`${train}/test/rose/c.jpg`]: '' }); // biome-ignore format: one line
      const data = await readDataset(folder);
      assert.deepEqual([data.classes, data.train.length, data.val.length, data.notes], [['rose'], 1, 1, undefined]);
    }
    await write({ 'intel/seg_train/seg_train/sea/a.jpg': '', 'intel/seg_test/seg_test/sea/b.jpg': '' });
    const intel = await readDataset(path.join(root, 'intel'));
    assert.deepEqual(rowsOf(intel, intel.train), ['intel/seg_train/seg_train/sea/a.jpg sea']);
    assert.match(
      intel.notes!.join(),
      /^The folder seg_test is used neither to train nor to validate; .*evenhand eval\.$/,
    );
  });

  it('that are named like splits are refused with a question', async () => {
    await write({ 'a/rose/1.jpg': '', 'a/aster/1.jpg': '', 'a/Test/1.jpg': '' });
    await refused(
      readDataset(path.join(root, 'a')),
      /^Does Test in .*a stand for a split or for a class\? .*\(aster, rose\) into .*rename it/,
    );
    await write({ 'b/bus/1.jpg': '', 'b/train/1.jpg': '' });
    await refused(readDataset(path.join(root, 'b')), /^Is the folder train in .*b a split or a class\? .* rename it/);
    await write({ 'c/valid/rose/1.jpg': '', 'c/test/rose/1.jpg': '' });
    await refused(
      readDataset(path.join(root, 'c')),
      /has the folders test, valid but none to train on: add a folder train/,
    );
    await write({ 'd/flowers/train/rose/1.jpg': '', 'd/flowers/val/rose/1.jpg': '' });
    await refused(readDataset(path.join(root, 'd')), /one level below, give .*flowers instead of/);
    await write({ 'e/train/rose/1.jpg': '', 'e/val/rose/1.jpg': '', 'e/valid/rose/1.jpg': '' });
    await refused(readDataset(path.join(root, 'e')), /has 2 folders that stand for the same split: val, valid\./);
    await write({ 'f/train/1.jpg': '' });
    await refused(readDataset(path.join(root, 'f')), /train has 1 image but no sub-folder for each class/);
  });

  it('skip litter, and count what is not an image by its kind', async () => {
    await write({
      'rose/a.jpg': '',
      'rose/@eaDir/a.jpg': '',
      '__MACOSX/rose/a.jpg': '',
      '.ipynb_checkpoints/b.jpg': '',
    });
    await write({ 'rose/b.ppm': '', 'rose/c.ppm': '', 'aster/d.jpg': '', 'aster/e.svg': '', 'aster/f': '', 'aster/Thumbs.db': '' }); // biome-ignore format: one line
    const data = await readDataset(root);
    assert.deepEqual(rowsOf(data, data.train), ['aster/d.jpg aster', 'rose/a.jpg rose']);
    assert.deepEqual(data.notes, [
      'Skipped 4 files that evenhand does not read as images: 2 .ppm, 1 .svg, 1 without an extension.',
    ]);
    await write({ 'loose.jpg': '' });
    assert.equal((await readDataset(root)).notes!.at(-1), 'Skipped 1 image outside the class folders.');
    await write({ 'signs/x/1.ppm': '' });
    await refused(readDataset(path.join(root, 'signs')), /no sub-folders with images; .* 1 \.ppm\. Convert images/);
  });

  // `ln -s photos mine` typed twice puts a link to the folder into the folder; with two loops reading did not end.
  it('are read once, whatever links say', { timeout: 20_000 }, async () => {
    await write({ 'photos/aster/a.jpg': '', 'photos/clover/b.jpg': '', 'elsewhere/c.jpg': '' });
    const at = (name: string) => path.join(root, 'photos', name);
    await symlink(at(''), at('photos'));
    await symlink('..', at('aster/up'));
    await symlink('../..', at('clover/further'));
    await symlink(at('aster'), at('aaa'));
    await symlink(path.join(root, 'elsewhere'), at('linked'));
    const data = await readDataset(at(''));
    assert.deepEqual(rowsOf(data, data.train), ['aster/a.jpg aster', 'clover/b.jpg clover', 'linked/c.jpg linked'].map((row) => `photos/${row}`)); // biome-ignore format: one line
    assert.deepEqual(data.notes, ['Skipped 4 links to folders that were read already or contain the data.']);
  });
});

describe('groups', () => {
  it('are what a column says, or the folders below the class folders', async () => {
    await write({ 'train.csv': 'filename,label,plant\nx/a.jpg,1,p\nx/b.jpg,2,p\nc.jpg,2,\n' });
    const groups = async (options: Parameters<typeof readDataset>[1], data = root) =>
      (await readDataset(data, options)).train.map(({ group }) => group);
    assert.deepEqual(await groups({}), [undefined, undefined, undefined]);
    const [a, b, c] = await groups({ groupColumn: 'plant' });
    assert.ok(a !== undefined && a === b && c === undefined);
    await refused(readDataset(root, { groupColumn: 'site' }), /no column "site" for the groups; .*--group-column/);
    await write({ 'f/rose/site1/a.jpg': '', 'f/rose/site1/b.jpg': '', 'f/rose/site2/c.jpg': '', 'f/rose/d.jpg': '', 'f/aster/e.jpg': '' }); // biome-ignore format: one line
    const [e, d, first, second, third] = await groups({ groupFolder: true }, path.join(root, 'f'));
    assert.ok(e === undefined && d === undefined && first !== undefined && first === second && third !== first);
    await refused(readDataset(path.join(root, 'f'), { groupColumn: 'site' }), /no CSV file .* use --group-folder/);
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
