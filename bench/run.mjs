// npm run bench -- NAME: runs one benchmark of this folder.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The first line of a benchmark says what it measures. */
const HEADING = /^\/\/ npm run bench -- ([\w-]+)[^:]*: (.*)$/;

const [name, ...args] = process.argv.slice(2);
const headings = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => HEADING.exec(readFileSync(new URL(file, import.meta.url), 'utf8').split('\n', 1)[0]))
  .filter((heading) => heading !== null);
if (!headings.some(([, bench]) => bench === name)) {
  const lines = headings.map(([, bench, what]) => `  ${bench.padEnd(9)}  ${what}`);
  const usage = `Usage: npm run bench -- NAME [options]; NAME --help shows the options of a benchmark that has some.\n${lines.join('\n')}`;
  const asked = name === '--help';
  (asked ? console.log : console.error)(usage);
  process.exit(asked ? 0 : 2);
}
const file = fileURLToPath(new URL(`dist/${name}.js`, import.meta.url));
process.exit(spawnSync(process.execPath, ['--enable-source-maps', file, ...args], { stdio: 'inherit' }).status ?? 1);
