// Lints, then runs the tests: `npm test`, or `npm test -- metrics nn/` for the test files whose path has one of the words.
// `--all` adds those that take many minutes: every architecture and every model of the catalogue.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const REPORT = join(ROOT, 'build/tests.tap');
const DURATIONS = join(ROOT, 'build/test-durations.json');
/** The slowest files first, for a first run: one that starts last would leave a core idle while it ends. */
const SLOWEST = [
  'resume',
  'predict',
  'demo',
  'audit',
  'train',
  'fuzz',
  'label-noise',
  'predict-browser',
  'report',
  'cli',
];

const args = process.argv.slice(2);
const all = args.includes('--all');
const words = args.filter((arg) => arg !== '--all');
const files = testFiles().filter((file) => words.length === 0 || words.some((word) => file.source.includes(word)));
if (files.length === 0) {
  console.error(`No test file has ${words.map((word) => `'${word}'`).join(' or ')} in its path.`);
  process.exit(1);
}
const clean = words.length > 0 || run(join(ROOT, 'node_modules/.bin/biome'), ['check', '--error-on-warnings']);
const passed = test(slowestFirst(files).map((file) => file.program));
process.exit(clean && passed ? 0 : 1);

/** Test files by their sources, so that what was compiled from a deleted one is not run. */
function testFiles() {
  const rooms = readdirSync(join(ROOT, 'packages')).map((name) => [`packages/${name}/src`, `packages/${name}/dist`]);
  const compiled = [...rooms, ['test', 'test/dist']].flatMap(([from, to]) =>
    filesIn(from, '.test.ts').map((name) => ({
      source: `${from}/${name}`,
      program: `${to}/${name.replace(/\.ts$/, '.js')}`,
    })),
  );
  const plain = filesIn('scripts', '.test.mjs').map((name) => ({
    source: `scripts/${name}`,
    program: `scripts/${name}`,
  }));
  return [...compiled, ...plain];
}

function filesIn(folder, ending) {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .filter((name) => name.endsWith(ending))
    .sort();
}

/** By the seconds that each file took when it last ran; a file of which that is not known comes first. */
function slowestFirst(files) {
  const known = existsSync(DURATIONS) ? JSON.parse(readFileSync(DURATIONS, 'utf8')) : {};
  const rank = ({ source }) => {
    const place = SLOWEST.indexOf(basename(source).split('.')[0]);
    return known[source] ?? (place >= 0 ? 1000 - place : existsSync(DURATIONS) ? 999 : 0);
  };
  return files.toSorted((a, b) => rank(b) - rank(a));
}

/** Adds what a run of some files has measured to what is known of the others. */
function recordDurations(measured) {
  if (!existsSync(measured)) return;
  const known = existsSync(DURATIONS) ? JSON.parse(readFileSync(DURATIONS, 'utf8')) : {};
  writeFileSync(DURATIONS, JSON.stringify({ ...known, ...JSON.parse(readFileSync(measured, 'utf8')) }, null, 1));
}

function test(programs) {
  mkdirSync(dirname(REPORT), { recursive: true });
  const measured = `${DURATIONS}.new`;
  for (const file of [REPORT, measured]) rmSync(file, { force: true });
  const runner = join(ROOT, 'scripts/run-tests.mjs');
  const ran = run(process.execPath, ['--enable-source-maps', runner, REPORT, measured, ...programs]);
  recordDurations(measured);
  const report = existsSync(REPORT) ? readFileSync(REPORT, 'utf8') : '';
  // The runner's own totals, the last lines of its report that begin so.
  const total = (name) => Number([...report.matchAll(new RegExp(`^# ${name} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0);
  const passed = total('pass');
  const failed = total('fail') + total('cancelled');
  const skipped = total('skipped') + total('todo');
  if (passed + failed === 0) console.error('No test ran.');
  if (!clean) console.error('The linter reports the errors above.');
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return ran && failed === 0 && passed > 0;
}

function run(command, args) {
  // Test files run side by side: OpenMP threads that spin in one would take the cores from the others. Tests leave nothing in
  // the user's cache.
  const cache = mkdtempSync(join(tmpdir(), 'evenhand-test-cache-'));
  const env = {
    OMP_WAIT_POLICY: 'PASSIVE',
    EVENHAND_CACHE: cache,
    ...(all ? { EVENHAND_TEST_ALL: '1' } : {}),
    ...process.env,
  };
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env });
  rmSync(cache, { recursive: true, force: true });
  return status === 0;
}
