// npm run bench -- NAME: runs one benchmark of this folder.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [name, ...args] = process.argv.slice(2);
const file = (bench) => fileURLToPath(new URL(`dist/${bench}.js`, import.meta.url));
if (!name || !existsSync(file(name)) || !existsSync(new URL(`${name}.ts`, import.meta.url))) {
  const names = readdirSync(new URL('.', import.meta.url))
    .filter((f) => f.endsWith('.ts'))
    .map((f) => f.slice(0, -3));
  const benches = names.filter((n) => n !== 'contenders' && !n.endsWith('-ours'));
  console.error(`Usage: npm run bench -- NAME, with NAME one of ${benches.join(', ')}`);
  process.exit(2);
}
process.exit(
  spawnSync(process.execPath, ['--enable-source-maps', file(name), ...args], { stdio: 'inherit' }).status ?? 1,
);
