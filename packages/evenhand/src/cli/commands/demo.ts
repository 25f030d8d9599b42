import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { requireAddon } from '@evenhand/torch/setup';
import { describeValue } from '../../printable.js';
import { RunFolder } from '../../run/index.js';
import { evaluate } from '../../workflows/index.js';
import type { Command } from '../command.js';
import { comparisonOf, type Scored } from '../demo/comparison.js';
import { drawOnce, loadHerbarium } from '../demo/herbarium.js';
import { type Flag, parseFlags, readWholeNumber } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { StatusLine } from '../output/files.js';
import { quoted } from '../output/text.js';

const DATA = 'herbarium';

/** Settings of both runs: a small network that was pretrained on other drawn flowers, on which a new head gains nothing. */
const SHARED =
  '--model efficientnet_mini --recipe fast --image-size 128 --start-size 0 --on-bad-image skip --head-epochs 2 --new-head-epochs 0 --patience 0';
/** Rates and augmentation for few epochs of a small network: with weaker changes of the images it learns faster. */
const RATES =
  '--backbone-rate 1e-3 --head-rate 1e-3 --warmup-epochs 0.3 --label-smoothing 0 --crop-scale 0.6,1 --rotation 0 --hue 0.02';
const SETTINGS = `${SHARED} ${RATES}`.split(' ');
/** The difference between the runs. */
const RUNS = {
  plain: { title: 'plain fine-tuning', balance: 'none' },
  balanced: { title: 'the balanced recipe', balance: 'balanced-softmax' },
} as const;

const flags: readonly Flag[] = [
  { name: 'species', boolean: false, value: 'N', doc: 'number of species, the classes [102]' },
  { name: 'images', boolean: false, value: 'N', doc: 'training images of the most frequent species [28]' },
  { name: 'epochs', boolean: false, value: 'N', doc: 'epochs of each training after those of the head [3]' },
];

export const demo: Command = {
  name: 'demo',
  usage: ['demo [DIR] [OPTIONS]'],
  about: [
    'Shows everything on drawn flowers, in less than five minutes on two cores: draws a data set into DIR [evenhand-demo], checks it, ' +
      'finds its label errors, trains plainly and with the balanced recipe, predicts unseen images, writes a report, and ' +
      'compares both runs. Needs libtorch and the package @evenhand/herbarium.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('demo', args, flags);
    const [name = 'evenhand-demo', extra] = parsed.positionals;
    if (extra !== undefined)
      throw new UsageError(`Unexpected argument ${describeValue(extra)}; usage: evenhand demo DIR`);
    const species = readWholeNumber(parsed.flags, 'species', 3) ?? 102;
    const mostImages = readWholeNumber(parsed.flags, 'images', 4) ?? 28;
    const epochs = readWholeNumber(parsed.flags, 'epochs') ?? 3;
    const herbarium = await loadHerbarium();
    requireAddon();

    const started = performance.now();
    const elapsed = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
    const folder = resolve(name);
    mkdirSync(folder, { recursive: true });
    title(`1. Draw Herbarium: made-up species, from ${mostImages} images of the most frequent to 4 of the rarest`);
    const status = new StatusLine();
    const drawn = await drawOnce(herbarium, join(folder, DATA), {
      species,
      mostImages,
      size: 160,
      onProgress: (done, total) => status.show(() => `drawing ${done} of ${total}`),
    }).finally(() => status.clear());
    console.log(
      `${drawn.train} training images (${drawn.wrongLabels} with a wrong label, ${drawn.brokenFiles.length} broken files), ` +
        `${drawn.val} for validation, ${drawn.test} for testing, in ${shown(folder, DATA)}  [${elapsed()}]`,
    );

    const steps = new Steps(folder);
    title('2. Check the data');
    if (!steps.run('check', DATA)) return steps.code;
    title('3. Find likely label errors');
    if (!steps.run('audit', DATA, '--model', 'efficientnet_mini', '--image-size', '128')) return steps.code;
    const scored: Record<string, Scored> = {};
    for (const [run, { title: what, balance }] of Object.entries(RUNS)) {
      title(`4. Train: ${what}`);
      rmSync(join(folder, run), { recursive: true, force: true });
      const settings = ['--epochs', String(epochs), '--balance', balance];
      if (!steps.run('train', DATA, '--run', run, ...SETTINGS, ...settings)) return steps.code;
      const read = { images: join(folder, DATA, 'test/images') };
      const score = await evaluate({ run: join(folder, run), data: join(folder, DATA, 'test-labels.csv'), read });
      scored[run] = { title: what, score };
      console.log(`[${elapsed()}]`);
    }
    title('5. Predict unseen test images with the model file');
    rmSync(join(folder, 'predictions.csv.partial'), { force: true });
    const csv = ['--csv', join(DATA, 'test.csv'), '--tta', 'flip', '--out', 'predictions.csv'];
    if (!steps.run('predict', 'balanced', ...csv)) return steps.code;
    title('6. Write the report');
    if (!steps.run('report', 'balanced')) return steps.code;

    title('Results on test images that neither run has seen');
    const { classCounts } = RunFolder.open(join(folder, 'plain')).readEnvironment().dataset;
    console.log(comparisonOf(scored.plain!, scored.balanced!, classCounts));
    const place = (path: string): string => shown(folder, path);
    console.log(`
Report              ${place('balanced/report.html')}
Likely label errors ${place('audits/herbarium/audit.html')}
Predictions         ${place('predictions.csv')}
Model               ${place('balanced/model.onnx')}   (npx evenhand predict ${quoted(place('balanced'))} photo.jpg)

The demo took ${elapsed()}.`);
    return exitCodes.done;
  },
};

/** Runs commands in the demo's folder as a user would, each in a process of its own. */
class Steps {
  readonly #folder: string;
  /** Of the last command. */
  code: number = exitCodes.done;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns whether it succeeded. */
  run(...args: readonly string[]): boolean {
    // The program that runs this.
    const program = process.argv[1]!;
    const { status } = spawnSync(process.execPath, [program, ...args], { cwd: this.#folder, stdio: 'inherit' });
    this.code = status ?? exitCodes.failure;
    if (status !== 0) console.error(`demo: evenhand ${args.join(' ')} ended with exit code ${this.code}`);
    return status === 0;
  }
}

function title(text: string): void {
  console.log(process.stdout.isTTY ? `\n\x1b[1m${text}\x1b[0m` : `\n${text}`);
}

/** A path in the demo's folder, relative to the current folder. */
const shown = (folder: string, path: string): string => relative(process.cwd(), join(folder, path));
