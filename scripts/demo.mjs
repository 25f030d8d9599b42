// npm run demo: the main workflow from beginning to end, on generated flowers.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeHerbarium } from '@evenhand/herbarium';
import { evaluate, metrics } from 'evenhand';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const PROGRAM = join(ROOT, 'packages/evenhand/bin/evenhand.js');
// The test of the demo makes it smaller.
const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', default: join(ROOT, 'demo') },
    species: { type: 'string', default: '102' },
    images: { type: 'string', default: '60' },
    epochs: { type: 'string', default: '3' },
  },
});
const FOLDER = resolve(options.folder);
const DATA = 'herbarium';
/** Settings of both runs: a small network that was pretrained on other drawn flowers. */
const SHARED = [
  '--model',
  'efficientnet_mini',
  '--recipe',
  'fast',
  '--image-size',
  '128',
  '--start-size',
  '0',
  '--on-bad-image',
  'skip',
];
const LENGTH = ['--head-epochs', '2', '--epochs', options.epochs, '--patience', '0'];
/** Rates and augmentation for few epochs of a small network: with weaker changes of the images it learns faster. */
const RATES = [
  '--backbone-rate',
  '1e-3',
  '--head-rate',
  '1e-3',
  '--warmup-epochs',
  '0.3',
  '--label-smoothing',
  '0',
  '--crop-scale',
  '0.6,1',
  '--rotation',
  '0',
  '--hue',
  '0.02',
];
/** The difference between the runs. */
const RUNS = {
  plain: { title: 'plain fine-tuning', flags: ['--balance', 'none'] },
  balanced: { title: 'the balanced recipe', flags: ['--balance', 'balanced-softmax'] },
};
/** The share of the classes that counts as rare: those with the fewest training images. */
const RARE_SHARE = 1 / 3;

const started = performance.now();
const elapsed = () => `${Math.round((performance.now() - started) / 1000)} s`;

mkdirSync(FOLDER, { recursive: true });
title('1. Draw Herbarium: made-up species, from 60 images of the most frequent to 4 of the rarest');
const made = await draw();
console.log(
  `${made.train} training images (${made.wrongLabels} with a wrong label, ${made.brokenFiles.length} broken files), ` +
    `${made.val} for validation, ${made.test} for testing, in ${shown(DATA)}  [${elapsed()}]`,
);

title('2. Check the data');
evenhand('check', DATA);

title('3. Find likely label errors');
evenhand('audit', DATA, '--model', 'efficientnet_mini', '--image-size', '128');

const scores = {};
for (const [name, { title: what, flags }] of Object.entries(RUNS)) {
  title(`4. Train: ${what}`);
  rmSync(join(FOLDER, name), { recursive: true, force: true });
  evenhand('train', DATA, '--run', name, ...SHARED, ...LENGTH, ...RATES, ...flags);
  const read = { images: join(FOLDER, DATA, 'test/images') };
  scores[name] = await evaluate({ run: join(FOLDER, name), data: join(FOLDER, DATA, 'test-labels.csv'), read });
  console.log(`[${elapsed()}]`);
}

title('5. Predict unseen test images with the model file');
rmSync(join(FOLDER, 'predictions.csv.partial'), { force: true });
evenhand('predict', 'balanced', '--csv', join(DATA, 'test.csv'), '--tta', 'flip', '--out', 'predictions.csv');

title('6. Write the report');
evenhand('report', 'balanced');

title('Results on test images that neither run has seen');
console.log(comparison());
console.log(`
Report              ${shown('balanced/report.html')}
Likely label errors ${shown('audits/herbarium/audit.html')}
Predictions         ${shown('predictions.csv')}
Model               ${shown('balanced/model.onnx')}   (npx evenhand predict ${shown('balanced')} photo.jpg)

The demo took ${elapsed()}.`);

function title(text) {
  console.log(`\n\x1b[1m${text}\x1b[0m`);
}

function evenhand(...args) {
  const { status } = spawnSync(process.execPath, [PROGRAM, ...args], { cwd: FOLDER, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`demo: evenhand ${args.join(' ')} failed with exit code ${status}`);
    process.exit(status ?? 1);
  }
}

/** Draws the data set, or reuses the one of an earlier demo if it is complete. */
async function draw() {
  const done = join(FOLDER, DATA, 'summary.json');
  if (existsSync(done)) return JSON.parse(readFileSync(done, 'utf8'));
  const { species, ...summary } = await writeHerbarium(join(FOLDER, DATA), {
    species: Number(options.species),
    mostImages: Number(options.images),
    size: 160,
    onProgress: (count, total) => {
      if (process.stderr.isTTY && count % 20 === 0) process.stderr.write(`\rdrawing ${count} of ${total}`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  writeFileSync(done, JSON.stringify(summary));
  return summary;
}

/** A path in the demo's folder, relative to the current folder. */
function shown(name) {
  return relative(process.cwd(), join(FOLDER, name));
}

function comparison() {
  const { classes, truth } = scores.plain;
  const counts = trainingCounts(classes);
  const order = [...classes.keys()].sort((a, b) => counts[a] - counts[b]);
  const rare = new Set(order.slice(0, Math.round(classes.length * RARE_SHARE)));
  const macroF1Of = ({ report }, includes) => {
    const included = report.perClass.filter((_, k) => includes(k));
    return included.reduce((sum, { f1 }) => sum + f1, 0) / included.length;
  };
  const most = Math.max(...[...rare].map((k) => counts[k]));
  const rows = Object.entries(RUNS).map(([name, { title: what }]) => {
    const score = scores[name];
    const { value, low, high } = score.interval;
    return [
      what,
      score.report.accuracy.toFixed(3),
      `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
      macroF1Of(score, (k) => !rare.has(k)).toFixed(3),
      macroF1Of(score, (k) => rare.has(k)).toFixed(3),
    ];
  });
  const head = ['', 'accuracy', 'Macro F1 [95 %]', 'frequent', `rare (up to ${most})`];
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i].length)));
  const table = [head, ...rows].map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  const gain = metrics.macroF1Difference(truth, scores.plain.predicted, scores.balanced.predicted, classes.length, {
    average: 'all',
  });
  const signed = (x) => `${x >= 0 ? '+' : ''}${x.toFixed(3)}`;
  return `${table.join('\n')}\n\nGain in Macro F1 by the balanced recipe: ${signed(gain.value)} [${signed(gain.low)}, ${signed(gain.high)}]`;
}

function trainingCounts(classes) {
  const { dataset } = JSON.parse(readFileSync(join(FOLDER, 'plain/environment.json'), 'utf8'));
  return classes.map((_, k) => dataset.classCounts[k]);
}
