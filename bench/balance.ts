// npm run bench -- balance: class balance, losses and last steps on long-tailed data, frozen and fine-tuned, with paired intervals.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Config, resolveConfig } from 'evenhand';
import { DATA_SETS, type DataSet, FLOWERS, givenLabels, readSplit, trueClasses } from './balance-data.js';
import { BLOCKS, DERIVED, Networks, ROWS } from './balance-networks.js';
import { type Cell, overview, Results, table } from './balance-table.js';
import { exitWithUsage, oneOf, positive } from './options.js';

const USAGE = `Usage: npm run bench -- balance [options]
  --blocks NAME,...   frozen, fine-tuned; default: both
  --data NAME,...     herbarium, flowers-10, flowers-50; default: all that are there
  --labels NAME,...   clean; wrong: 20 % of the training labels are wrong; judged: the same with --label-noise auto; default: all
  --rows NAME,...     methods; default: all
  --seeds N           seeds 1 to N; default: 3
  --epochs N          of phase 2, fine-tuned only; default: 3
  --head-epochs N     of phase 1; default: 2
  --threads N         CPU threads; default: one for each core
  --folder DIR        results.jsonl, by which a stopped benchmark continues, data, features and runs; default: bench/results/balance
  --table             only print the tables of the results
  --against NAME      the row with which the others are compared; default: none`;

const LABELS = ['clean', 'wrong', 'judged'] as const;
const WRONG_SHARE = 0.2;
/** Fine-tuning in few epochs: the settings of the demo, and those of `fast` at 160 px. */
const FINE_TUNING: Readonly<Record<string, Partial<Config>>> = {
  herbarium: {
    backboneRate: 1e-3,
    headRate: 1e-3,
    warmupEpochs: 0.3,
    labelSmoothing: 0,
    cropScale: [0.6, 1],
    rotation: 0,
    hue: 0.02,
  },
};

try {
  await main();
} catch (error) {
  exitWithUsage(error, USAGE);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      blocks: { type: 'string', default: BLOCKS.join() },
      data: { type: 'string', default: DATA_SETS.join() },
      labels: { type: 'string', default: LABELS.join() },
      rows: { type: 'string', default: ROWS.join(';') },
      seeds: { type: 'string', default: '3' },
      epochs: { type: 'string', default: '3' },
      'head-epochs': { type: 'string', default: '2' },
      threads: { type: 'string' },
      folder: { type: 'string', default: fileURLToPath(new URL('../results/balance', import.meta.url)) },
      against: { type: 'string', default: 'none' },
      table: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const named = <const T extends string>(flag: string, text: string, known: readonly T[], separator = ','): T[] =>
    text.split(separator).map((name) => oneOf(flag, name.trim(), known));
  const blocks = named('blocks', values.blocks, BLOCKS);
  const dataSets = named('data', values.data, DATA_SETS);
  const labels = named('labels', values.labels, LABELS);
  const rows = named('rows', values.rows, ROWS, ';');
  const length = {
    epochs: positive('epochs', values.epochs),
    headEpochs: positive('head-epochs', values['head-epochs']),
    threads: values.threads === undefined ? 0 : positive('threads', values.threads),
  };
  const against = oneOf('against', values.against, ROWS);
  const seeds = positive('seeds', values.seeds);
  mkdirSync(values.folder, { recursive: true });
  const results = new Results(join(values.folder, 'results.jsonl'));
  if (!existsSync(FLOWERS)) console.log('No ../shared/data/flowers: measuring on Herbarium only.');
  for (const block of blocks) {
    for (const data of dataSets) {
      if (data !== 'herbarium' && !existsSync(FLOWERS)) continue;
      for (let seed = 1; seed <= seeds && !values.table; seed++) {
        for (const kind of labels) {
          await measure({ block, data, labels: kind }, seed, rows, { folder: values.folder, length, results });
        }
      }
    }
    const cells = dataSets.flatMap((data) =>
      labels.map((kind) => [`${data}, ${kind}`, results.of({ block, data, labels: kind })] as const),
    );
    const measured = cells.filter(([, found]) => found.length > 0);
    for (const [name, found] of measured) console.log(`\n${block}, ${name} labels\n${table(found, ROWS, against)}`);
    if (measured.length > 0) console.log(`\n${block}, Macro F1\n${overview(measured, ROWS)}`);
  }
}

interface Setting {
  readonly folder: string;
  readonly length: Pick<Config, 'epochs' | 'headEpochs' | 'threads'>;
  readonly results: Results;
}

/** Measures the rows of one cell and seed that are not measured yet. */
async function measure(cell: Cell, seed: number, rows: readonly string[], setting: Setting): Promise<void> {
  const { folder, results } = setting;
  const missing = rows.filter((row) => {
    const applies = DERIVED[row]?.blocks.includes(cell.block) ?? true;
    return applies && !results.has(cell, seed, row);
  });
  if (missing.length === 0) return;
  const split = await readSplit(folder, cell.data as DataSet, seed);
  const { counts, truth } = trueClasses(split);
  // A new head is a row of its own.
  const shared = {
    ...split.pool.model,
    ...setting.length,
    seed,
    startSize: 0,
    keep: 'last',
    newHeadEpochs: 0,
  } as const;
  const settings = cell.block === 'fine-tuned' ? { ...shared, ...FINE_TUNING[cell.data] } : shared;
  const networks = new Networks({
    block: cell.block,
    split,
    given: givenLabels(split, cell.labels === 'clean' ? 0 : WRONG_SHARE, seed),
    isJudged: cell.labels === 'judged',
    seed,
    configOf: (changes) => resolveConfig('fast', [{ source: 'the benchmark', values: { ...settings, ...changes } }]),
    folder,
    runs: join(folder, 'runs', `${cell.data}-${cell.labels}-${seed}`),
  });
  for (const row of missing) {
    const start = performance.now();
    const predicted = Array.from(await networks.predict(row));
    const seconds = (performance.now() - start) / 1000;
    results.add({ ...cell, seed, row, seconds, counts, truth, predicted });
    process.stderr.write(
      `${cell.block}, ${cell.data}, ${cell.labels}, seed ${seed}: ${row} (${seconds.toFixed(0)} s)\n`,
    );
  }
  await networks.dispose();
}
