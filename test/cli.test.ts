// The command line as a user sees it: help, mistakes, check.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { drawDiscs, evenhand, refusal, SMALL, start, succeed, temporaryFolder } from './support.js';

const FLOWERS = fileURLToPath(new URL('../../../shared/data/flowers', import.meta.url));

const { path: folder, remove } = temporaryFolder();
before(() => drawDiscs(join(folder, 'discs'), { train: 9, val: 2 }));
after(remove);

/** No line may be wider than a terminal. */
function assertFits(text: string): void {
  for (const line of text.split('\n')) assert.ok(line.length <= 80, `${line.length} columns: ${line}`);
}

describe('help', () => {
  const commands = 'check train eval export report predict submit fetch models recipes doctor completion'.split(' ');

  test('lists the commands within 80 columns', async () => {
    const text = await succeed(['--help'], folder);
    for (const command of commands) assert.match(text, new RegExp(`^  ${command}  `, 'm'));
    assert.equal(await succeed([], folder), text);
    assertFits(text);
  });

  for (const command of commands) {
    test(`of ${command} shows its usage within 80 columns`, async () => {
      const text = await succeed([command, '--help'], folder);
      assert.match(text, new RegExp(`^Usage: evenhand ${command}`));
      assertFits(text);
    });
  }

  test('of train shows fields with their defaults', async () => {
    const text = (await succeed(['help', 'train'], folder)).replaceAll(/\s+/g, ' ');
    assert.match(text, /--label-smoothing [A-Z]+ \S.*? \[0\.1\]/);
    assert.match(text, /--backbone-rate [A-Z]+ \S.*? \[0\.00001\]/);
    assert.match(text, /--model [A-Z]+ .*evenhand models lists/);
  });

  test('--version prints the version', async () => {
    const manifest = fileURLToPath(new URL('../../packages/evenhand/package.json', import.meta.url));
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
    assert.equal(await succeed(['--version'], folder), `evenhand ${version}\n`);
  });

  test('of recipes lists each with its purpose and its changes as flags', async () => {
    const text = await succeed(['recipes'], folder);
    for (const name of ['competition', 'competition-literal', 'fast', 'frozen', 'strong']) {
      assert.match(text, new RegExp(`^${name}\\n  [A-Z]`, 'm'));
    }
    assert.match(text, /--balance sampler,weighted-loss --allow-double-balance/);
    assertFits(text);
  });
});

describe('completion', () => {
  /** What bash completes the last word with. */
  const complete = (...words: string[]): string => {
    const script = `source completion.bash; COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _evenhand; echo "\${COMPREPLY[@]}"`;
    return spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' }).stdout.trim();
  };
  before(async () => {
    writeFileSync(join(folder, 'completion.bash'), await succeed(['completion', 'bash'], folder));
  });

  test('gives commands, flags and files in bash', () => {
    assert.equal(complete('evenhand', 'pre'), 'predict');
    assert.equal(complete('evenhand', 'predict', '--t'), '--top-k --tta --time-limit --threads');
    assert.equal(complete('evenhand', 'train', 'dis'), 'discs');
  });

  test('gives the names of the models after --model, and folders, which may hold one', async () => {
    const nano = 'convnext_nano.in12k convnext_nano.in12k_ft_in1k';
    assert.equal(complete('evenhand', 'train', 'discs', '--model', 'convnext_nano'), nano);
    // Bash takes --model=NAME for three words.
    assert.equal(complete('evenhand', 'audit', 'discs', '--model', '=', 'convnext_nano'), nano);
    assert.match(complete('evenhand', 'train', '--model', '='), /^efficientnet_b0 .*convnext_tiny\.in12k .*discs$/);
    assert.equal(complete('evenhand', 'train', '--model', 'dis'), 'discs');
    const fish = await succeed(['completion', 'fish'], folder);
    assert.match(
      fish,
      /'__fish_seen_subcommand_from train' -l model -r -a '.* convnext_nano\.in12k .*' -d 'backbone'$/m,
    );
    assert.doesNotMatch(fish, /-l weights -r -a/);
  });

  test('for fish describes every flag, and an unknown shell is refused', async () => {
    const fish = await succeed(['completion', 'fish'], folder);
    assert.match(fish, /^complete -c evenhand -n '__fish_seen_subcommand_from train' -l label-smoothing -r -d '/m);
    assert.match(await succeed(['completion', 'zsh'], folder), /^autoload -U \+X bashcompinit/);
    assert.match(await refusal(['completion', 'tcsh'], folder), /SHELL must be one of bash, zsh, fish, got "tcsh"/);
  });
});

describe('doctor', () => {
  test('checks every part of the installation', async () => {
    const text = await succeed(['doctor'], folder);
    assertFits(text);
    for (const name of [
      'evenhand',
      'machine',
      'libtorch',
      'GPU',
      'distributed',
      'ONNX Runtime',
      'sharp',
      'model',
      'cache',
      'hub cache',
    ]) {
      assert.match(text, new RegExp(`^  ${name} +\\S`, 'm'));
    }
    assert.match(text, /\nNo problems found\.\n$/);
    const findings = JSON.parse(await succeed(['doctor', '--json'], folder));
    assert.match(findings[2].found, /^\d+\.\d+.*devices cpu/);
  });

  test('says how to fix a problem, and exits with 1', async () => {
    const env = {
      ...process.env,
      EVENHAND_CACHE: '/dev/null/evenhand',
      HF_HUB_CACHE: '/dev/null/hub',
      HF_HUB_OFFLINE: '1',
    };
    const program = fileURLToPath(new URL('../../packages/evenhand/dist/cli/main.js', import.meta.url));
    const { status, stdout } = spawnSync(process.execPath, [program, 'doctor'], { env, encoding: 'utf8' });
    assert.equal(status, 1, stdout);
    assert.match(stdout, /^! cache +\/dev\/null\/evenhand\n +\/dev\/null is not writable: set EVENHAND_CACHE/m);
    assert.match(
      stdout.replaceAll(/\n +/g, ' '),
      /hub cache +\/dev\/null\/hub It is not writable.* HF_HUB_OFFLINE is set/,
    );
    assert.match(stdout, /\n1 problem found, marked with !\.\n$/);
  });
});

describe('a mistake', () => {
  const mistakes: [name: string, args: string[], message: RegExp][] = [
    ['in a command', ['trian', 'discs'], /Unknown command trian; did you mean train\?/],
    ['in a flag', ['train', 'discs', '--epoch', '3'], /Unknown flag --epoch; did you mean --epochs\?/],
    ['in a recipe', ['train', 'discs', '--recipe', 'fsat'], /Unknown recipe fsat: did you mean fast\?/],
    ['in a value', ['train', 'discs', '--epochs', 'ten'], /--epochs must be a whole number of at least 0, got "ten"/],
    ['in a key', ['train', 'discs', '--config', 'typo.toml'], /typo\.toml: epoch: did you mean epochs\?/],
    ['without data', ['train'], /DATA is missing/],
    ['with missing data', ['check', 'dics'], /dics: there is no such file or folder/],
    ['with a folder without images', ['check', 'empty'], /empty has no train\.csv and no sub-folders with images/],
    ['with a folder without images to train on', ['train', 'empty'], /empty has no train\.csv and no sub-folders/],
    ['with a folder that is not a run', ['eval', 'empty', 'discs'], /empty holds no run/],
    ['in a data set to fetch', ['fetch', 'flowers103'], /Unknown data set flowers103; available: flowers102/],
    ['in an address to fetch from', ['fetch', 'flowers102', '--from', 'there'], /--from must be a URL, got "there"/],
    ['in resuming a run that does not exist', ['train', '--resume', 'nothing'], /nothing does not exist/],
    [
      'in resuming with other settings',
      ['train', '--resume', 'x', '--recipe', 'strong'],
      /so --recipe cannot be given with it/,
    ],
    ['in a run folder inside a file', ['train', 'discs', '--run', 'typo.toml/x'], /typo\.toml\/x: cannot be written/],
    ['in asking for two balances', ['train', 'discs', '--balance', 'sampler,weighted-loss'], /correct about twice/],
  ];
  before(() => {
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'typo.toml'), 'epoch = 3\n');
  });
  for (const [name, args, message] of mistakes) {
    test(`${name} is one sentence and exit code 2`, async () => {
      assert.match(await refusal(args, folder), message);
    });
  }

  test('shows a stack trace with --debug', async () => {
    const { stderr, code } = await evenhand(['check', 'dics', '--debug'], folder);
    assert.equal(code, 2);
    assert.match(stderr, /^evenhand: dics.*\n.*\n +at /s);
  });

  test('leaves no run folder behind', () => {
    assert.ok(!existsSync(join(folder, 'runs/empty-fast-1')));
  });
});

describe('train', () => {
  // As `| head -1` does: the run once ended with 0 and without an epoch.
  test('continues if nobody reads its output, and logs all of it', async () => {
    const running = start(['train', 'discs', ...SMALL, '--epochs', '1', '--run', 'unread'], folder);
    running.process.stdout!.once('data', () => running.process.stdout!.destroy());
    const { code, stderr } = await running.ended;
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(readFileSync(join(folder, 'unread/train.log'), 'utf8'), /Finished after 1 epoch\./);
    assert.ok(existsSync(join(folder, 'unread/model.onnx')));
  });

  test('ends at once on Ctrl-C while there is nothing to save', async () => {
    const running = start(['train', 'discs', ...SMALL, '--run', 'early'], folder);
    await new Promise((resolve) => running.process.stdout!.once('data', resolve));
    running.signalAll('SIGINT');
    const { code, stderr } = await running.ended;
    assert.deepEqual([code, stderr], [130, 'evenhand: interrupted; nothing was saved\n']);
    assert.ok(!existsSync(join(folder, 'early')));
  });

  test('names flags as they are typed if the loss diverges, and resumes with lower learning rates', async () => {
    const diverging = '--epochs 2 --head-rate 1e30 --backbone-rate 1e30 --run diverged'.split(' ');
    const message = await refusal(['train', 'discs', ...SMALL, ...diverging], folder, 1);
    assert.match(message, /lower .*--backbone-rate and --head-rate/);
    assert.doesNotMatch(message, /[a-z]Rate/);
    const command =
      /^Resume with: evenhand (train --resume diverged --backbone-rate \S+ --head-rate \S+ --clip-norm 1)$/m;
    assert.match(message, command);
    const rates = ['--backbone-rate', '1e-4', '--head-rate', '1e-3'];
    const text = await succeed(['train', '--resume', 'diverged', ...rates], folder);
    assert.match(
      text,
      /Changed on resume: --head-rate from 1e\+30 to 0\.001|Changed on resume: headRate from 1e\+30 to 0\.001/,
    );
  });
});

describe('names from the data', () => {
  const hostile = { ['__proto__']: 6, constructor: 6, 'a\nevenhand: fake\u001b[2J': 6 };
  test('are shown with control characters made visible, and may be any', async (t) => {
    if (process.platform === 'win32') return t.skip('file names are restricted');
    for (const [name, count] of Object.entries(hostile)) {
      mkdirSync(join(folder, 'hostile/train', name), { recursive: true });
      for (let i = 0; i < count; i++) {
        copyFileSync(join(folder, `discs/train/red/${i}.jpg`), join(folder, 'hostile/train', name, `${i}.jpg`));
      }
    }
    const text = await succeed(['check', 'hostile', '--all'], folder);
    assertFits(text);
    for (const name of ['__proto__', 'constructor']) assert.match(text, new RegExp(`^  ${name} +6 +█`, 'm'));
    assert.ok(text.includes('a\\nevenhand: fake\\x1b[2J'));
    assert.ok(!text.includes('\u001b') && !/^evenhand/m.test(text));
  });
});

describe('train --print-config', () => {
  test('prints the recipe with the file and the flags applied, and reads it back', async () => {
    writeFileSync(join(folder, 'mine.yaml'), 'recipe: fast\nepochs: 9\nheadRate: 0.5\n');
    const args = ['train', 'discs', '--config', 'mine.yaml', '--epochs', '2', '--print-config'];
    const printed = await succeed(args, folder);
    assert.match(printed, /^recipe = "fast"$/m);
    assert.match(printed, /^epochs = 2$/m);
    assert.match(printed, /^headRate = 0\.5$/m);
    assert.match(printed, /^model = "mobilenet_v2"$/m);
    writeFileSync(join(folder, 'printed.toml'), printed);
    assert.equal(await succeed(['train', '--config', 'printed.toml', '--print-config'], folder), printed);
  });
});

describe('check', () => {
  before(async () => {
    const bad = join(folder, 'bad');
    await drawDiscs(bad, { train: 9, val: 2 });
    copyFileSync(join(bad, 'train/red/0.jpg'), join(bad, 'train/red/cut.jpg'));
    truncateSync(join(bad, 'train/red/cut.jpg'), 300);
    writeFileSync(join(bad, 'train/blue/page.jpg'), '<!DOCTYPE html><html><body>404 Not Found</body></html>');
    copyFileSync(join(bad, 'train/red/1.jpg'), join(bad, 'train/green/same.jpg'));
    copyFileSync(join(bad, 'train/blue/2.jpg'), join(bad, 'val/blue/leak.jpg'));
  });

  test('reports problems, and exits with 0', async () => {
    const text = await succeed(['check', 'bad', '--json', 'bad.json', '--all'], folder);
    assertFits(text);
    assert.match(text, /Missing or unreadable files: 2\n/);
    assert.match(text, /- train\/red\/cut\.jpg: \S/);
    assert.match(text, /- train\/blue\/page\.jpg: .*HTML/);
    assert.match(text, /Same image with different labels: \d/);
    assert.match(text, /train\/(red\/1|green\/same)\.jpg = train\/(red\/1|green\/same)\.jpg: (red, green|green, red)/);
    assert.match(text, /Training images that are also in validation \(leaks\): \d/);
    assert.match(text, /train\/blue\/2\.jpg is identical to val\/blue\/leak\.jpg/);
    assert.match(text, /^ +red +10 +█+ +2 val$/m);
    const report = JSON.parse(readFileSync(join(folder, 'bad.json'), 'utf8'));
    assert.deepEqual([report.train, report.val, report.bad.length], [30, 7, 2]);
    assert.ok(report.leaks.some((leak: { b: string }) => leak.b.endsWith('leak.jpg')));
    assert.equal(report.validation.canChooseCheckpoint, false);
  });

  test('prints nothing but JSON with --json -, and ignores a damaged audit', async () => {
    const report = JSON.parse(await succeed(['check', 'discs', '--json', '-'], folder));
    assert.deepEqual([report.train, report.val, report.bad], [27, 6, []]);
    // An audit.json of these data that is incomplete counts as none.
    mkdirSync(join(folder, 'audits/discs'), { recursive: true });
    const { fingerprint } = report;
    writeFileSync(join(folder, 'audits/discs/audit.json'), JSON.stringify({ fingerprint, noisy: true, rate: {} }));
    assert.match(await succeed(['check', 'discs'], folder), /Not checked here\./);
  });

  test('reads a CSV with other column names', async () => {
    writeFileSync(
      join(folder, 'list.csv'),
      'photo,species\r\ndiscs/train/red/0.jpg,rot\r\ndiscs/train/blue/0.jpg,blau\r\n',
    );
    const args = ['check', 'list.csv', '--filename-column', 'photo', '--label-column', 'species'];
    const text = await succeed(args, folder);
    assert.match(text, /Training +2 images\n/);
    assert.match(text, /There are no validation images/);
  });

  test('names a file that cannot be written', async () => {
    assert.match(
      await refusal(['check', 'discs', '--json', 'nowhere/a.json'], folder),
      /nowhere\/a\.json: cannot be written/,
    );
  });

  // The case that the check was made for: one validation image for every other class.
  const skip = existsSync(FLOWERS) ? false : `${FLOWERS} is missing`;
  test('says that 50 validation photos of 37 flowers cannot choose a checkpoint', { skip }, async () => {
    const text = await succeed(['check', FLOWERS], folder);
    assertFits(text);
    const joined = text.replaceAll(/\s+/g, ' ');
    assert.match(joined, /Training 3,113 images Validation 50 images/);
    assert.match(joined, /50 images of 37 classes cannot choose a checkpoint/);
    assert.match(joined, /--keep last keeps the weights of the last epoch/);
    assert.match(joined, /65 of 102 classes without a validation image/);
    assert.match(joined, /Suggestion: evenhand train with --val-fraction 0\.15 holds out/);
  });
});
