// Some seconds of the fuzzer on everything that reads files of unknown origin, and that the fuzzer notices faults.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });

test('damaged and invented input is read or refused with one clear line', (t) => {
  const seconds = process.env.EVENHAND_TEST_ALL === undefined ? '10' : '60';
  const { status, stdout, stderr } = run('tools/fuzz.mjs', '--seed', '20261127', '--seconds', seconds);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  for (const line of stdout.trim().split('\n').slice(1)) t.diagnostic(line);
});

test('each kind of fault is reported once, with its input and the command that repeats it', () => {
  const campaign = JSON.stringify(new URL('../../tools/fuzz/campaign.mjs', import.meta.url).href);
  const program = `
    import { runCampaign } from ${campaign};
    class DataError extends Error {}
    const faults = [
      (file) => {},
      (file) => { throw new DataError(file + ': it is damaged'); },
      (file) => { throw new TypeError('x is undefined'); },
      (file) => { throw new DataError(file + ': \u001b[2J'); },
      (file) => { throw new DataError(file + 'x'.repeat(5000)); },
      (file) => { throw new DataError('somewhere it is damaged'); },
      (file) => { throw 'text'; },
      () => { const end = process.cpuUsage().user + 1_200_000; while (process.cpuUsage().user < end); },
    ];
    let i = 0;
    const make = () => ({ bytes: Buffer.from('input'), extension: '.txt' });
    const target = { make, run: (file) => faults[i++ % faults.length](file) };
    console.log(await runCampaign({ targets: { faulty: () => target }, seed: 7, count: 2 * faults.length, seconds: 300 }));
    process.exit();`;
  const { stdout, stderr } = run('--input-type=module', '--eval', program);
  const expected = [
    /FAULT faulty: TypeError: "x is undefined" at /,
    /FAULT faulty: DataError with control characters in its message/,
    /FAULT faulty: DataError with a message that is too long/,
    /FAULT faulty: DataError that does not name the file/,
    /FAULT faulty: threw string, not an Error/,
    /FAULT faulty: took more than 1 s of processor time/,
    / {2}input: build\/fuzz\/faulty-7-2\.txt\n {2}again: node tools\/fuzz\.mjs --target faulty --seed 7 --case 2\n/,
    /faulty: 16 cases in \d+ s: 2 read, 2 refused, 12 faults \(6 different\)/,
    /\n6\n$/,
  ];
  for (const pattern of expected) assert.match(stdout, pattern, stderr);
  assert.equal(stdout.match(/FAULT/g)?.length, 6);
  for (const i of [2, 3, 4, 5, 6, 7]) rmSync(join(ROOT, `build/fuzz/faulty-7-${i}.txt`));
});
