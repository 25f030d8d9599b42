// Runs the documentation. A page's ```ts blocks are one program, checked by the compiler, and the ```text block after
// one of them is what it prints.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BLOCK = /^```(ts|text)\n([\s\S]*?)^```$/gm;

interface Page {
  readonly path: string;
  /** Of the program's file, without its ending. */
  readonly name: string;
  readonly program: string;
  readonly output: string;
}

function readPage(path: string): Page {
  const blocks = [...readFileSync(join(ROOT, path), 'utf8').matchAll(BLOCK)];
  const joined = (language: string) => blocks.flatMap(([, each, text]) => (each === language ? [text] : [])).join('');
  return { path, name: path.replace(/\W+/g, '-'), program: joined('ts'), output: joined('text') };
}

const paths = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
const pages = paths
  .filter((path) => path.endsWith('.md'))
  .map(readPage)
  .filter(({ program }) => program !== '');

function run(command: string, args: readonly string[], cwd: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  return { status, output: status === 0 ? stdout : stdout + stderr };
}

describe('the programs in the documentation', () => {
  // In the repository, where the packages are found by name.
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'build/docs-'));
  after(() => rmSync(folder, { recursive: true }));

  before(() => {
    for (const { name, program } of pages) writeFileSync(join(folder, `${name}.ts`), program);
    const options = { rootDir: '.', composite: false, declaration: false };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.base.json', compilerOptions: options, include: ['*.ts'] }),
    );
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const { status, output } = run(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'],
      folder,
    );
    assert.equal(status, 0, output);
  });

  for (const { path, name, output } of pages) {
    test(`${path} prints what it says`, () => {
      assert.deepEqual(run(process.execPath, [`${name}.js`], folder), { status: 0, output });
    });
  }
});
