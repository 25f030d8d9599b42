// The rule on imports lives in biome.json as patterns over paths, where a wrong one forbids nothing and nobody sees it.
// So this hands the linter every edge between the rooms, those of rooms that do not exist yet too, and compares.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** docs/architecture.md, "Who may import whom": the rooms of `evenhand`, and what each may import of ours. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  data: ['@evenhand/predict'],
  metrics: [],
  run: [],
  herbarium: [],
  models: ['@evenhand/torch'],
  noise: ['@evenhand/torch'],
  train: ['@evenhand/torch', '@evenhand/predict', 'data', 'export', 'metrics', 'models', 'noise', 'run'],
  export: ['@evenhand/torch', 'models'],
  report: ['metrics', 'run'],
  cli: [
    '@evenhand/torch',
    '@evenhand/predict',
    'data',
    'metrics',
    'models',
    'noise',
    'run',
    'train',
    'export',
    'report',
    'herbarium',
  ],
  unheardOf: [],
};
const ROOMS = Object.keys(MAY_IMPORT);
const PACKAGES = ['@evenhand/torch', '@evenhand/predict'];

interface Case {
  readonly file: string;
  readonly line: string;
  readonly allowed: boolean;
}

function* edgesOfRooms(): Generator<Case> {
  for (const room of ROOMS) {
    for (const [folder, up] of [
      [room, '../'],
      [`${room}/inner`, '../../'],
    ]) {
      const edge = (line: string, allowed: boolean): Case => ({
        file: `packages/evenhand/src/${folder}/a.ts`,
        line,
        allowed,
      });
      for (const other of ROOMS.filter((name) => name !== room)) {
        const allowed = MAY_IMPORT[room]!.includes(other);
        yield edge(`import { a } from '${up}${other}/index.js';`, allowed);
        yield edge(`import type { A } from '${up}${other}/index.js';`, allowed);
        yield edge(`export * from '${up}${other}/index.js';`, allowed);
        yield edge(`await import('${up}${other}/index.js');`, allowed);
        yield edge(`import { b } from '${up}${other}/b.js';`, false);
        yield edge(`import { c } from './${up}${other}/index.js';`, false);
      }
      for (const name of PACKAGES) {
        yield edge(`import { d } from '${name}';`, MAY_IMPORT[room]!.includes(name));
        yield edge(`import { e } from '${name}/dist/index.js';`, false);
      }
      yield edge("import { f } from 'evenhand';", false);
      yield edge(`import { g } from '${up}random.js';`, true);
      yield edge("import { h } from './own.js';", true);
      yield edge("import { i } from './deeper/index.js';", true);
      yield edge("import { j } from 'node:fs';", true);
      yield edge("import { k } from 'csv-parse';", true);
    }
  }
}

function* otherEdges(): Generator<Case> {
  const models = 'packages/evenhand/src/models/b.ts';
  yield { file: models, line: "import type { Preset } from '@evenhand/predict';", allowed: true };
  yield { file: models, line: "import { decode } from '@evenhand/predict';", allowed: false };
  yield { file: models, line: "export * from '@evenhand/predict';", allowed: false };
  yield { file: 'packages/evenhand/src/data/inner/b.ts', line: "import { a } from '../own.js';", allowed: true };

  const door = 'packages/evenhand/src/index.ts';
  yield { file: door, line: "export * from './metrics/index.js';", allowed: true };
  yield { file: door, line: "export * from './metrics/inner.js';", allowed: false };
  yield { file: door, line: "export * from './cli/index.js';", allowed: false };
  for (const line of ["import { a } from './data/index.js';", "import { a } from '@evenhand/torch';"]) {
    yield { file: 'packages/evenhand/src/random.ts', line, allowed: false };
  }
  for (const name of ['torch', 'predict']) {
    const file = `packages/${name}/src/inner/a.ts`;
    yield { file, line: "import { a } from '../own.js';", allowed: true };
    yield { file, line: "import { b } from 'evenhand';", allowed: false };
    for (const other of PACKAGES) yield { file, line: `import { c } from '${other}';`, allowed: false };
    yield { file, line: "import { d } from '../../../evenhand/src/random.js';", allowed: false };
  }
}

/** The forbidden imports that the linter finds, as `FILE: LINE`. */
function lint(folder: string, files: ReadonlyMap<string, readonly string[]>): string[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/@biomejs/biome/bin/biome'),
      'lint',
      '--only=style/noRestrictedImports',
      '--vcs-enabled=false',
      '--max-diagnostics=none',
      '--reporter=github',
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 },
  );
  const found = [...stdout.matchAll(/^::error .*file=(.+?),line=(\d+),/gm)];
  assert.ok(found.length > 0, `the linter reports nothing: ${stderr}`);
  return found.map(([, path, line]) => {
    const file = relative(folder, resolve(folder, path!));
    return `${file}: ${files.get(file)?.[Number(line) - 1]}`;
  });
}

test('the linter reports each forbidden import between the rooms and no other', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'evenhand-imports-')));
  try {
    const cases = [...edgesOfRooms(), ...otherEdges()];
    const files = new Map<string, string[]>(cases.map(({ file }) => [file, []]));
    for (const { file, line } of cases) files.get(file)!.push(line);
    for (const [file, lines] of files) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `${lines.join('\n')}\n`);
    }
    copyFileSync(join(ROOT, 'biome.json'), join(folder, 'biome.json'));
    const forbidden = cases.filter(({ allowed }) => !allowed).map(({ file, line }) => `${file}: ${line}`);
    assert.deepEqual(lint(folder, files).sort(), forbidden.sort());
  } finally {
    rmSync(folder, { recursive: true });
  }
});
