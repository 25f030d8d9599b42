import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DataError } from '../errors.js';
import { columnOf, openCsv, readCsv } from './csv.js';

let root = '';
let file = '';
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'evenhand-csv-'));
  file = path.join(root, 'table.csv');
});
afterEach(() => rm(root, { recursive: true }));

const refused = (promise: Promise<unknown>, message: string | RegExp): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof DataError, String(error));
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });

async function read(text: string) {
  await writeFile(file, text);
  const { columns, rows } = await readCsv(file);
  return { columns, rows: rows.map(({ line, values }) => [line, ...values]) };
}

/** How many files this process has open; they are seen on Linux only. */
const FILES = '/proc/self/fd';
const openFiles = (): number => readdirSync(FILES).length;

describe('a table', () => {
  it('is read with each kind of separator, the first that the header has', async () => {
    for (const mark of [',', ';', '\t']) {
      const { columns, rows } = await read(`id${mark}name\n1${mark}a b\n2${mark}c\n`);
      assert.deepEqual([columns, rows], [['id', 'name'], [[2, '1', 'a b'], [3, '2', 'c']]]); // biome-ignore format: as a table
    }
    assert.deepEqual((await read('a,b;c\n1,2;3\n')).columns, ['a', 'b;c']);
    assert.deepEqual(await read('name\nx;y\n'), { columns: ['name'], rows: [[2, 'x;y']] });
  });

  it('is read with byte order mark, CRLF, quotes, spaces and blank lines, and its lines are counted', async () => {
    const text = '\uFEFFid,name\r\n1, "a, ""b""" \r\n\r\n 2 ,\r\n"3","x\ny"\r\n4,z';
    assert.deepEqual(await read(text), {
      columns: ['id', 'name'],
      rows: [
        [2, '1', 'a, "b"'],
        [4, '2', ''],
        [6, '3', 'x\ny'],
        [7, '4', 'z'],
      ],
    });
  });

  it('may have blank lines before its header', async () => {
    assert.deepEqual(await read('\uFEFF\r\n\r\nid;name\r\n1;a\r\n'), {
      columns: ['id', 'name'],
      rows: [[4, '1', 'a']],
    });
    assert.deepEqual(await read('\n  \nid;name\n1;a\n'), { columns: ['id', 'name'], rows: [[4, '1', 'a']] });
  });

  it('may have a header larger than what is read at once', async () => {
    const columns = Array.from({ length: 20_000 }, (_, i) => `column ${i}`);
    const found = await read(`${columns.join(';')}\n${columns.map((_, i) => i).join(';')}\n`);
    assert.deepEqual(found.columns, columns);
    assert.deepEqual(found.rows[0]!.slice(0, 3), [2, '0', '1']);
    assert.equal(found.rows[0]!.length, 20_001);
  });

  it('may have letters of several bytes anywhere, at the borders of what is read at once too', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => `${i},${'é猫'.repeat(1 + (i % 3))}`);
    const found = await read(`id,näme\n${rows.join('\n')}\n`);
    assert.deepEqual(
      found.rows.map(([, id, name]) => `${id},${name}`),
      rows,
    );
  });

  it('without rows has none', async () => {
    assert.deepEqual(await read('id,name\n'), { columns: ['id', 'name'], rows: [] });
    assert.deepEqual(await read('id,name'), { columns: ['id', 'name'], rows: [] });
  });
});

describe('an open table', () => {
  it('gives rows in their order, and names the line of a wrong one', async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => `${i},a`);
    rows[40_000] = '40000,a,b';
    await writeFile(file, `id,name\n${rows.join('\n')}\n`);
    const table = await openCsv(file);
    let count = 0;
    const all = async () => {
      for await (const { line, values } of table.rows) {
        assert.deepEqual([line, values[0]], [count + 2, String(count)]);
        count++;
      }
    };
    const message = `${file} is not a well-formed CSV file: Invalid Record Length: expect 2, got 3 on line 40002.`;
    await refused(all(), message);
    assert.ok(count > 0 && count <= 40_000, `${count}`);
  });

  it('is closed when its reader stops, early or at its end', { skip: !existsSync(FILES) && 'no /proc' }, async () => {
    await writeFile(file, `id,name\n${'1,a\n'.repeat(100_000)}`);
    const before = openFiles();
    for (let i = 0; i < 5; i++) {
      const { rows } = await openCsv(file);
      for await (const _ of rows) break;
      await (await openCsv(file)).rows.return();
    }
    // A file is closed a moment after it is let go.
    for (let i = 0; i < 100 && openFiles() > before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(openFiles(), before);
  });
});

describe('refused, naming the file:', () => {
  it('a file that is missing, empty or a folder', async () => {
    await refused(openCsv(file), `${file} cannot be read: there is no such file.`);
    await refused(openCsv(root), new RegExp(`^${root} cannot be read: EISDIR.*\\.$`));
    for (const text of ['', '\uFEFF', '\n\r\n']) {
      await writeFile(file, text);
      await refused(openCsv(file), `${file} is empty; expected a header line that names the columns.`);
    }
  });

  it('a quote that does not end', async () => {
    await refused(read('id,name\n1,"a\n2,b\n'), /table\.csv is not a well-formed CSV file: Quote Not Closed: .*\.$/);
  });

  it('a column that is not there', async () => {
    await writeFile(file, 'id;name\n');
    const table = await openCsv(file);
    assert.equal(columnOf(table, 'name', 'the labels'), 1);
    assert.throws(() => columnOf(table, 'label', 'the labels'), {
      message: `${file} has no column "label" for the labels; its columns are "id", "name". Name the right one.`,
    });
    await table.rows.return();
  });
});
