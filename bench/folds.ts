// npm run bench -- folds: one long training or the folds of a cross-validation in the same time, on long-tailed data.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Config, metrics, resolveConfig } from 'evenhand';
import { DATA_SETS, FLOWERS, givenLabels, readSplit, type Split, trueClasses } from './balance-data.js';
import { trainNetwork } from './balance-runs.js';
import { Results, table } from './balance-table.js';
import { exitWithUsage, oneOf, positive, UsageError } from './options.js';

const USAGE = `Usage: npm run bench -- folds [options]
  --data NAME       herbarium, flowers-10 or flowers-50; default: flowers-10
  --passes N,...    passes over all images in each row; default: 6,12
  --seeds N         seeds 1 to N; default: 2
  --threads N       CPU threads; default: one for each core
  --folder DIR      results, by which a stopped benchmark continues, data and runs; default: bench/results/balance
  --table           only print the tables of the results`;

const MOST_FOLDS = 5;

/** A way to spend the passes. */
interface Row {
  readonly name: string;
  readonly changes: Partial<Config>;
}

try {
  await main();
} catch (error) {
  exitWithUsage(error, USAGE);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: 'flowers-10' },
      passes: { type: 'string', default: '6,12' },
      seeds: { type: 'string', default: '2' },
      threads: { type: 'string' },
      folder: { type: 'string', default: fileURLToPath(new URL('../results/balance', import.meta.url)) },
      table: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const data = oneOf('data', values.data, DATA_SETS);
  if (data !== 'herbarium' && !existsSync(FLOWERS)) throw new UsageError('There is no ../shared/data/flowers.');
  const seeds = positive('seeds', values.seeds);
  const threads = values.threads === undefined ? 0 : positive('threads', values.threads);
  mkdirSync(values.folder, { recursive: true });
  const results = new Results(join(values.folder, 'folds.jsonl'));
  for (const passes of values.passes.split(',').map((text) => positive('passes', text))) {
    const cell = { block: `${passes} passes`, data, labels: 'clean' };
    for (let seed = 1; seed <= seeds && !values.table; seed++) {
      const missing = rowsOf(passes).filter(({ name }) => !results.has(cell, seed, name));
      if (missing.length === 0) continue;
      const split = await readSplit(values.folder, data, seed);
      const { counts, truth } = trueClasses(split);
      for (const { name, changes } of missing) {
        const start = performance.now();
        const settings = { ...split.pool.model, ...changes, seed, threads, startSize: 0, keep: 'last' } as const;
        const run = join(values.folder, 'folds', `${data}-${seed}-${passes}-${name.replaceAll(/\W+/g, '-')}`);
        const predicted = await predict(run, split, settings, seed);
        const seconds = (performance.now() - start) / 1000;
        results.add({ ...cell, seed, row: name, seconds, counts, truth, predicted });
        process.stderr.write(`${passes} passes, ${data}, seed ${seed}: ${name} (${seconds.toFixed(0)} s)\n`);
      }
    }
    const names = rowsOf(passes).map(({ name }) => name);
    console.log(`\n${passes} passes over the images, ${data}\n${table(results.of(cell), names, names[0]!)}`);
  }
}

/** Each of K folds passes over (K-1)/K of the images, so that K of them have passes/(K-1) epochs. */
function rowsOf(passes: number): Row[] {
  const rows: Row[] = [{ name: `one network, ${passes} epochs`, changes: { epochs: passes } }];
  for (let folds = 2; folds <= MOST_FOLDS; folds++) {
    const epochs = passes / (folds - 1);
    if (Number.isInteger(epochs)) {
      rows.push({ name: `${folds} folds, ${epochs} epochs`, changes: { epochs, folds, fold: 'all' } });
    }
  }
  return rows;
}

/** Classes of the test images by a training with the recipe `fast`. */
async function predict(run: string, split: Split, values: Partial<Config>, seed: number): Promise<number[]> {
  const config = resolveConfig('fast', [{ source: 'the benchmark', values }]);
  const { test } = await trainNetwork(run, split, givenLabels(split, 0, seed), config);
  return Array.from(metrics.argmax(test, split.pool.classes.length));
}
