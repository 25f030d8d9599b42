import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DataError } from '../errors.js';
import { type UnlabelledSource, unlabelledCsv, unlabelledFiles } from './unlabelled.js';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'evenhand-unlabelled-'));
});
afterEach(() => rm(root, { recursive: true }));

const at = (name: string): string => path.join(root, name);

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(at(name)), { recursive: true });
    await writeFile(at(name), text);
  }
}

/** As `id file`, paths under `root`. */
async function rowsOf(source: UnlabelledSource): Promise<string[]> {
  const rows: string[] = [];
  for await (const { id, file } of source.rows()) rows.push(`${id} ${path.relative(root, file)}`);
  return rows;
}

const refused = (promise: Promise<unknown>, message: string): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof DataError, String(error));
    assert.equal(error.message, message);
    return true;
  });

describe('a CSV of images', () => {
  it("has the ids of the competition's layout, and its images in the folder beside it", async () => {
    await write({ 'test.csv': 'image_id,filename\r\n7,a.jpg\r\n3,more/b.jpg\r\n7,a.jpg\r\n', 'test/images/a.jpg': '' });
    const source = await unlabelledCsv(at('test.csv'));
    assert.equal(source.idName, 'image_id');
    const rows = ['7 test/images/a.jpg', '3 test/images/more/b.jpg', '7 test/images/a.jpg'];
    assert.deepEqual(await rowsOf(source), rows);
    assert.deepEqual(await rowsOf(source), rows, 'it is read as often as asked');
  });

  it('has its images beside it if there is no such folder, or in the given folder', async () => {
    await write({ 'x.csv': 'id;filename\n1;a.jpg\n', 'other/a.jpg': '' });
    assert.deepEqual(await rowsOf(await unlabelledCsv(at('x.csv'))), ['1 a.jpg']);
    assert.deepEqual(await rowsOf(await unlabelledCsv(at('x.csv'), { images: at('other') })), ['1 other/a.jpg']);
    await refused(
      unlabelledCsv(at('x.csv'), { images: at('none') }),
      `The image folder ${at('none')} of ${at('x.csv')} does not exist.`,
    );
  });

  it('has the ids of image_id before those of id, else the file names, else those of the column named', async () => {
    const idOf = async (header: string, row: string, idColumn?: string) => {
      await write({ 'x.csv': `${header}\n${row}\n` });
      const source = await unlabelledCsv(at('x.csv'), { idColumn });
      return [source.idName, ...(await rowsOf(source))];
    };
    assert.deepEqual(await idOf('id,filename,image_id', '1,a.jpg,2'), ['image_id', '2 a.jpg']);
    assert.deepEqual(await idOf('filename,id', 'a.jpg,1'), ['id', '1 a.jpg']);
    assert.deepEqual(await idOf('filename,size', 'a.jpg,1'), ['filename', 'a.jpg a.jpg']);
    assert.deepEqual(await idOf('id,filename,key', '1,a.jpg,k', 'key'), ['key', 'k a.jpg']);
  });

  it('has the file names of the column named', async () => {
    await write({ 'x.csv': 'id,path\n1,a.jpg\n' });
    assert.deepEqual(await rowsOf(await unlabelledCsv(at('x.csv'), { filenameColumn: 'path' })), ['1 a.jpg']);
    const columns = 'its columns are "id", "path". Name the right one with';
    await refused(
      unlabelledCsv(at('x.csv')),
      `${at('x.csv')} has no column "filename" for the file names; ${columns} --filename-column.`,
    );
    await refused(
      unlabelledCsv(at('x.csv'), { filenameColumn: 'path', idColumn: 'key' }),
      `${at('x.csv')} has no column "key" for the ids; ${columns} --id-column.`,
    );
  });

  it('must not name files outside its folder; the message names the line', async () => {
    await write({ 'test/images/a.jpg': '' });
    for (const name of ['../../secret.jpg', '/etc/passwd', '..']) {
      await write({ 'test.csv': `filename\na.jpg\n${name}\n` });
      await refused(
        unlabelledCsv(at('test.csv')).then(rowsOf),
        `${at('test.csv')}, line 3: the file name "${name}" leaves the image folder ${at('test/images')}, which is not allowed.`,
      );
    }
  });

  it('keeps a row without a file name, with an empty path', async () => {
    await write({ 'test.csv': 'id,filename\n1,\n2,a.jpg\n3,  \n' });
    const files: string[] = [];
    for await (const { file } of (await unlabelledCsv(at('test.csv'))).rows()) files.push(path.basename(file));
    assert.deepEqual(files, ['', 'a.jpg', '']);
  });

  it('that is missing is refused at once', async () => {
    await refused(unlabelledCsv(at('no.csv')), `${at('no.csv')} cannot be read: there is no such file.`);
  });
});

describe('paths of images', () => {
  it('are files, and folders with all images in and below them, sorted', async () => {
    await write({
      'one.txt': '',
      'f/b.JPG': '',
      'f/a/c.png': '',
      'f/a/notes.txt': '',
      'f/.x/d.jpg': '',
      'f/.e.jpg': '',
    });
    const source = await unlabelledFiles([at('one.txt'), at('f'), at('f/b.JPG')]);
    assert.equal(source.idName, 'filename');
    const rows = await rowsOf(source);
    assert.deepEqual(
      rows.map((row) => row.replaceAll(`${root}/`, '')),
      ['one.txt one.txt', 'f/a/c.png f/a/c.png', 'f/b.JPG f/b.JPG', 'f/b.JPG f/b.JPG'],
    );
    assert.deepEqual(await rowsOf(source), rows);
  });

  it('that are not there, or folders without an image, are refused', async () => {
    await write({ 'empty/notes.txt': '' });
    await refused(unlabelledFiles([at('no.jpg')]), `${at('no.jpg')}: there is no such file or folder.`);
    execFileSync('mkfifo', [at('pipe.jpg')]);
    await refused(unlabelledFiles([at('pipe.jpg')]), `${at('pipe.jpg')} is neither a file nor a folder.`);
    await refused(
      unlabelledFiles([at('empty')]),
      `${at('empty')} has no images in it: expected JPEG, PNG, WebP, GIF, TIFF or AVIF.`,
    );
  });
});
