// Who may import whom is a table in docs/architecture.md. This reads that table and every import of the source, so that
// neither can change without the other.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Folders by name, and what each may import beyond its own files: other folders, packages, types of packages. */
type Rules = ReadonlyMap<string, ReadonlySet<string>>;

const PACKAGES: Readonly<Record<string, string>> = {
  '@evenhand/torch': 'packages/torch/src',
  '@evenhand/torch/image': 'packages/torch/src',
  '@evenhand/torch/setup': 'packages/torch/src',
  '@evenhand/predict': 'packages/predict/src',
  '@evenhand/predict/browser': 'packages/predict/src',
  '@evenhand/herbarium': 'packages/herbarium/src',
  evenhand: 'packages/evenhand/src',
  'evenhand/random': 'packages/evenhand/src',
};

/** The rows of the table under "Who may import whom". */
function readRules(page: string): Rules {
  const section = page.split('## Who may import whom')[1]!.split('\n## ')[0]!;
  const rows = section.matchAll(/^\| `([^`]+)` *\|[^|]*\| ([^|]*?) *\|$/gm);
  return new Map([...rows].map(([, folder, names]) => [folder!, new Set(names!.match(/(?<=`)[^`,]+(?=`)/g) ?? [])]));
}

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Static and dynamic imports, re-exports, types written `import('...')`, and files given by URL, such as workers. */
function importsOf(text: string): Import[] {
  const statements = /\b(?:import|export)\s+(type\s+)?(?:[\w*{][^'"`;]*?\sfrom\s+)?'([^']+)'/g;
  const calls = /\bimport\(\s*'([^']+)'\s*\)|\bnew URL\(\s*'(\.[^']+\.js)'\s*,\s*import\.meta\.url\s*\)/g;
  return [
    ...[...text.matchAll(statements)].map(([, type, target]) => ({ target: target!, typeOnly: type !== undefined })),
    ...[...text.matchAll(calls)].map(([, call, url]) => ({ target: (call ?? url)!, typeOnly: false })),
  ];
}

const isTest = (file: string): boolean => /\.test\.(helper\.)?ts$/.test(file);

/** The folders of the table that hold `file`, the outermost first: `train`, `train/engine`. */
function foldersOf(file: string, rules: Rules): string[] {
  const inside = file.replace(/^packages\/evenhand\/src\//, '').replace(/^packages\/(\w+)\/src\//, '@evenhand/$1/');
  const parts = dirname(inside).split('/');
  const name = (n: number): string => parts.slice(0, n).join('/');
  return parts.map((_, i) => name(i + 1)).filter((folder) => rules.has(folder));
}

/** What is wrong with an import, in a few words; undefined where it is allowed. */
function objection(file: string, { target, typeOnly }: Import, rules: Rules): string | undefined {
  const own = foldersOf(file, rules);
  const allowed = new Set(own.flatMap((folder) => [...rules.get(folder)!]));
  if (!target.startsWith('.')) {
    const home = Object.keys(PACKAGES).find((name) => target === name);
    if (home === undefined) return /^(@evenhand|evenhand)(\/|$)/.test(target) ? 'not an entry point' : undefined;
    if (allowed.has(home) || (typeOnly && allowed.has(`types of ${home}`))) return undefined;
    return 'not in the table';
  }
  const path = join(dirname(file), target).replace(/\.js$/, '.ts');
  const root = Object.values(PACKAGES).find((folder) => file.startsWith(`${folder}/`))!;
  if (!path.startsWith(`${root}/`)) return 'a file of another package';
  const theirs = foldersOf(path, rules);
  // Files beside the folders serve all of them and import none; those of a folder serve the folders inside it.
  if (theirs.every((folder) => own.includes(folder))) return undefined;
  const entersTopLevel = theirs[0] !== own[0];
  const isIndex = path === `${root}/${theirs[0]}/index.ts`;
  if (entersTopLevel && file === `${root}/index.ts`)
    return isIndex && theirs[0] !== 'cli' ? undefined : 'not by index.js';
  if (own.length === 0) return 'a file beside the folders imports none of them';
  if (entersTopLevel) {
    if (!allowed.has(theirs[0]!)) return 'not in the table';
    return isIndex ? undefined : 'not by index.js';
  }
  const inner = theirs.find((folder) => !own.includes(folder))!;
  return own.length < theirs.length || allowed.has(inner) ? undefined : 'not in the table';
}

function violations(files: ReadonlyMap<string, string>, rules: Rules): string[] {
  return [...files].flatMap(([file, text]) =>
    importsOf(text).flatMap((each) => {
      const why = objection(file, each, rules);
      return why === undefined ? [] : [`${file}: ${each.target}: ${why}`];
    }),
  );
}

const rules = readRules(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'));

test('every import of the source is one that docs/architecture.md allows', () => {
  const files = new Map<string, string>();
  for (const folder of new Set(Object.values(PACKAGES))) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      // What is not shipped may look anywhere.
      if (name.endsWith('.ts') && !isTest(name))
        files.set(`${folder}/${name}`, readFileSync(join(ROOT, folder, name), 'utf8'));
    }
  }
  assert.ok(files.size > 200, `${files.size} files`);
  assert.deepEqual(violations(files, rules), []);
});

test('every folder of the source stands in the table, and every row is a folder', () => {
  const base = join(ROOT, 'packages/evenhand/src');
  const folders = (path: string): string[] =>
    readdirSync(join(base, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(path, name));
  const top = folders('');
  const nested = ['cli', 'data', 'models', 'report', 'train'].flatMap(folders);
  const rows = [...rules.keys()].filter((name) => !name.startsWith('@'));
  assert.deepEqual(rows.sort(), [...top, ...nested].sort());
});

describe('the check', () => {
  const made: Rules = new Map([
    ['@evenhand/torch', new Set()],
    ['data', new Set(['@evenhand/predict'])],
    ['data/read', new Set()],
    ['data/load', new Set(['data/read'])],
    ['models', new Set(['@evenhand/torch', 'types of @evenhand/predict'])],
    ['train', new Set(['data'])],
    ['cli', new Set(['data', 'train'])],
  ]);
  const at = (name: string): string => `packages/evenhand/src/${name}`;
  const cases: readonly (readonly [file: string, text: string, allowed: boolean])[] = [
    [at('train/a.ts'), "import { a } from '../data/index.js';", true],
    [at('train/inner/a.ts'), "import type { A } from '../../data/index.js';", true],
    [at('train/a.ts'), "export * from '../data/index.js';", true],
    [at('train/a.ts'), "import { a } from '../data/read/b.js';", false],
    [at('train/a.ts'), "await import('../cli/index.js');", false],
    [at('train/a.ts'), "let a: import('../models/index.js').A;", false],
    [at('train/a.ts'), "new URL('../models/worker.js', import.meta.url)", false],
    [at('train/a.ts'), "import {\n  a,\n  type B,\n} from '../models/index.js';", false],
    [at('train/a.ts'), "import { a } from './own.js';\nimport { b } from '../random.js';", true],
    [at('train/a.ts'), "import { a } from 'csv-parse';\nimport { b } from 'node:fs';", true],
    [at('train/a.ts'), "import { a } from 'evenhand';", false],
    [at('train/a.ts'), "import { a } from '@evenhand/torch';", false],
    [at('models/a.ts'), "import { a } from '@evenhand/torch';", true],
    [at('models/a.ts'), "import { a } from '@evenhand/torch/dist/a.js';", false],
    [at('models/a.ts'), "import type { A } from '@evenhand/predict';", true],
    [at('models/a.ts'), "import { a } from '@evenhand/predict';", false],
    [at('data/load/a.ts'), "import { a } from '../read/b.js';\nimport { b } from '../errors.js';", true],
    [at('data/read/a.ts'), "import { a } from '../load/b.js';", false],
    [at('data/index.ts'), "export { a } from './read/b.js';", true],
    [at('unheard-of/a.ts'), "import { a } from '../data/index.js';", false],
    [at('random.ts'), "import { a } from './data/index.js';", false],
    [at('random.ts'), "import { a } from './suggest.js';", true],
    [at('index.ts'), "export * from './data/index.js';", true],
    [at('index.ts'), "export * from './data/errors.js';", false],
    [at('index.ts'), "export * from './cli/index.js';", false],
    ['packages/torch/src/nn/a.ts', "import { a } from '../b.js';", true],
    ['packages/torch/src/nn/a.ts', "import { a } from '@evenhand/predict';", false],
    ['packages/torch/src/a.ts', "import { a } from '../../evenhand/src/random.js';", false],
  ];
  for (const [file, text, allowed] of cases) {
    test(`${allowed ? 'allows' : 'reports'} ${text.replaceAll('\n', ' ')} in ${file}`, () => {
      assert.equal(violations(new Map([[file, text]]), made).length === 0, allowed);
    });
  }
});
