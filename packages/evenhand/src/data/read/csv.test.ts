import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
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

async function read(text: string | Uint8Array) {
  await writeFile(file, text);
  const { columns, rows } = await readCsv(file);
  return { columns, rows: rows.map(({ line, values }) => [line, ...values]) };
}

/** How many files this process has open; they are seen on Linux only. */
const FILES = '/proc/self/fd';
const openFiles = (): number => readdirSync(FILES).length;

describe('a table', () => {
  it('is read with each separator: the first one that the header has', async () => {
    for (const mark of [',', ';', '\t']) {
      const { columns, rows } = await read(`id${mark}name\n1${mark}a b\n2${mark}c\n`);
      assert.deepEqual([columns, rows], [['id', 'name'], [[2, '1', 'a b'], [3, '2', 'c']]]); // biome-ignore format: as a table
    }
    assert.deepEqual((await read('a,b;c\n1,2;3\n')).columns, ['a', 'b;c']);
    assert.deepEqual(await read('name\nx;y\n'), { columns: ['name'], rows: [[2, 'x;y']] });
  });

  it('may have a byte order mark, CRLF, quotes, spaces and blank lines; lines are counted', async () => {
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

  it('may have a header longer than a chunk', async () => {
    const columns = Array.from({ length: 20_000 }, (_, i) => `column ${i}`);
    const found = await read(`${columns.join(';')}\n${columns.map((_, i) => i).join(';')}\n`);
    assert.deepEqual(found.columns, columns);
    assert.deepEqual(found.rows[0]!.slice(0, 3), [2, '0', '1']);
    assert.equal(found.rows[0]!.length, 20_001);
  });

  it('may have characters of several bytes anywhere, also across chunks', async () => {
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
  it('yields rows in order and names the line of an invalid one', async () => {
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
    // Closing takes a moment.
    for (let i = 0; i < 100 && openFiles() > before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(openFiles(), before);
  });
});

describe('refused, naming the file:', () => {
  it('a file that is missing, empty or a folder', async () => {
    await refused(openCsv(file), `${file} cannot be read: there is no such file.`);
    await refused(openCsv(root), `${root} cannot be read: it is a folder.`);
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
    assert.equal(columnOf(table, 'Name', 'the labels'), 1);
    assert.throws(() => columnOf({ file, columns: ['NAME', 'Name'] }, 'name', 'the labels'), /has no column "name"/);
    assert.throws(() => columnOf(table, 'label', 'the labels'), {
      message: `${file} has no column "label" for the labels; its columns are "id", "name". Rename the right one.`,
    });
    const flag = '--label-column';
    assert.throws(() => columnOf(table, 'names', 'the labels', flag), {
      message: `${file} has no column "names" for the labels; its columns are "id", "name". Did you mean "name"? Name the right one with --label-column.`,
    });
    await table.rows.return();
  });

  it('a header of hundreds of columns, of which it names twenty, without control characters', async () => {
    const columns = Array.from({ length: 300 }, (_, i) => `c${i}\x1b[31m`);
    const table = { file, columns };
    assert.throws(
      () => columnOf(table, 'label', 'the labels'),
      (error: Error) => /"c19\\x1b\[31m", and 280 more\./.test(error.message) && !error.message.includes('\x1b'),
    );
  });

  it('a table without a header line, by the file names in it', async () => {
    await writeFile(file, 'a.jpg,rose\nb.jpg,aster\n');
    const table = await openCsv(file);
    await table.rows.return();
    assert.throws(() => columnOf(table, 'filename', 'the file names', '--filename-column'), {
      message: `${file} has no column "filename" for the file names; its first line looks like a row of data (a.jpg,rose). Add a header line that names the columns, such as filename,label.`,
    });
  });

  it('text that is not UTF-8, by its line, wherever chunks end', async () => {
    const latin1 = (rows: number) =>
      Buffer.from(`filename,label\n${'a.jpg,Gras\n'.repeat(rows)}b.jpg,Gänseblümchen\n`, 'latin1');
    for (const rows of [0, 6000, 40_000]) {
      await refused(
        read(latin1(rows)),
        `${file}, line ${rows + 2} is not UTF-8 text, perhaps Windows-1252 (Excel's "CSV") or another old encoding. Save the file as UTF-8, in Excel as "CSV UTF-8".`,
      );
    }
    // A character of several bytes that the end of the file cuts off.
    await refused(read(Buffer.from('id,name\n1,\xc3', 'latin1')), /line 2 is not UTF-8 text/);
  });

  it('other kinds of file, by what they are, and never printed', async () => {
    for (const [start, kind] of [
      ['PK\x03\x04\x14\0\x06\0xl/workbook.xml', 'an Excel workbook (.xlsx) or another Office document'],
      ['PK\x03\x04\x14\0\0\0train/a.jpg', 'a ZIP archive'],
      ['\xff\xd8\xff\xe0\0\x10JFIF', 'a JPEG image'],
      ['%PDF-1.7\n%\xe2\xe3', 'a PDF document'],
      ['<!DOCTYPE html><html>', 'a web page (HTML)'],
      ['f\0i\0l\0e\0,\0', 'a binary file, or UTF-16 text without a byte order mark'],
    ] as const) {
      await writeFile(file, Buffer.from(start, 'latin1'));
      await assert.rejects(openCsv(file), (error: Error) => {
        assert.ok(error instanceof DataError);
        assert.ok(error.message.startsWith(`${file} is ${kind}, not a CSV file: `), error.message);
        return true;
      });
    }
  });

  // Opening a FIFO waits for a writer, and /dev/zero never ends.
  it('what is not a regular file, before it is opened', { skip: process.platform === 'win32' }, async () => {
    execFileSync('mkfifo', [file]);
    await refused(openCsv(file), `${file} cannot be read: it is a named pipe (FIFO), not a file.`);
    const link = path.join(root, 'zero.csv');
    await symlink('/dev/zero', link);
    await refused(openCsv(link), `${link} cannot be read: it is a device, not a file.`);
  });

  // The header was once searched anew for each chunk: a line of 20 MB took 42 seconds, one of 200 MB minutes.
  it('a first line or a row of more than 256 KiB', { timeout: 20_000 }, async () => {
    await writeFile(file, Buffer.alloc(100e6, 'a'));
    await refused(
      openCsv(file),
      `The first line of ${file} is longer than 256 KiB, so it is not a header line: is this a CSV file?`,
    );
    await refused(
      read(`id,name\n1,"${'x'.repeat(3e6)}\n`),
      /line 2 is longer than 256 KiB; perhaps a quote is not closed\.$/,
    );
  });
});

describe('what Excel writes', () => {
  it('is read: a line sep= before the header; it counts as a line', async () => {
    assert.deepEqual(await read('\uFEFFsep=|\r\nid|name\r\n1|a,b\r\n'), { columns: ['id', 'name'], rows: [[3, '1', 'a,b']] }); // biome-ignore format: one line
  });

  it('is read: UTF-16 of both byte orders, with a byte order mark', async () => {
    const text = '\uFEFFid\tname\r\n1\tGänseblümchen 🌼\r\n2\tb\r\n';
    const littleEndian = Buffer.from(text, 'utf16le');
    const expected = { columns: ['id', 'name'], rows: [[2, '1', 'Gänseblümchen 🌼'], [3, '2', 'b']] }; // biome-ignore format: one line
    assert.deepEqual(await read(littleEndian), expected);
    assert.deepEqual(await read(Buffer.from(littleEndian).swap16()), expected);
  });
});
