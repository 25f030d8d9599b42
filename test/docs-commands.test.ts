// The commands in README and docs: each is one that exists, with flags that it has and values that they take.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { drawDiscs, evenhand, evenhandHere, temporaryFolder } from './support.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { path: folder, remove } = temporaryFolder();
after(remove);
before(async () => {
  // Models of the hub are named in the documentation, and not downloaded here.
  process.env.HF_HUB_OFFLINE = '1';
  process.env.HF_HUB_CACHE = join(folder, 'hub');
  process.env.MLFLOW_TRACKING_URI = 'http://127.0.0.1:1';
  await drawDiscs(join(folder, 'photos'), { train: 3, val: 1 });
  mkdirSync(join(folder, 'runs'));
});

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);

/** Lines of the ```sh blocks, those that end in a backslash joined with the next, without comments. */
function commandsOf(page: string): string[] {
  const blocks = readFileSync(join(ROOT, page), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm);
  return [...blocks]
    .flatMap(([, text]) => text!.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').trim());
}

/** Words as a shell splits them, quotes taken away. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!);

for (const page of pages) {
  const commands = commandsOf(page);
  const ours = commands.filter((line) => /^(npx )?evenhand /.test(line));
  if (ours.length > 0) {
    test(`${page}: its ${ours.length} evenhand commands are understood`, async () => {
      for (const line of ours) {
        const args = wordsOf(line).slice(wordsOf(line).indexOf('evenhand') + 1);
        // Nothing is trained here; a configuration is made of the flags all the same.
        if (args[0] === 'train' && !args.includes('--resume')) args.push('--print-config');
        // Set-up and the demo would take minutes: an argument too many stops them when the flags are understood.
        const isLong = args[0] === 'setup' || args[0] === 'demo';
        if (isLong) args.push('one', 'two');
        // A folder that is not there keeps the board from starting.
        if (args[0] === 'board') args.push('none');
        if (args[0] === 'fetch') args.push('--from', 'http://127.0.0.1:9/');
        // A time limit ends the process some seconds after the command.
        const run = args.includes('--time-limit') ? evenhand : evenhandHere;
        const { code, stderr } = await run(args, folder);
        const missing =
          /there is no such file|does not exist|holds no (run|model)|cannot be reached|is not (there|in)|has no images|no folder/;
        assert.ok(code === 0 || (isLong ? /Unexpected argument/ : missing).test(stderr), `${line}\n${stderr}`);
      }
    });
  }
  const scripts = commands.filter((line) => /^npm (run|test)\b/.test(line));
  if (scripts.length > 0) {
    test(`${page}: its npm scripts exist`, () => {
      const { scripts: known } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      for (const line of scripts) {
        const name = /^npm run ([\w:]+)/.exec(line)?.[1] ?? 'test';
        assert.ok(name in known, line);
      }
    });
  }
}
