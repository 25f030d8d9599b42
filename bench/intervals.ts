// npm run bench -- intervals [SAMPLES]: how often the 95 % intervals of Macro F1 contain the true mean score, by simulation.
import { fileURLToPath } from 'node:url';

interface Simulation {
  readonly DESIGNS: Readonly<Record<string, readonly number[]>>;
  readonly RECALLS: readonly (number | 'U')[];
  readonly STATISTICS: readonly string[];
  simulateCoverage(
    supports: readonly number[],
    recall: number | 'U',
    statistic: string,
    intervals: number,
    seed: number,
  ): { readonly held: number; readonly below: number; readonly above: number };
}

// The test of the intervals runs a part of the same simulation.
const helper = fileURLToPath(new URL('../../packages/evenhand/dist/metrics/coverage.test.helper.js', import.meta.url));
const { DESIGNS, RECALLS, STATISTICS, simulateCoverage } = (await import(helper)) as Simulation;
const samples = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(samples) || samples < 10) {
  console.error(`SAMPLES must be a whole number of at least 10, got ${process.argv[2]}.`);
  process.exit(2);
}

console.log(`Percent of ${samples} intervals that contain the true mean (below it, above it); 95 is nominal.`);
console.log(`U: recalls near 0 or 1 for most classes; a number: the mean recall.\n`);
for (const statistic of STATISTICS) {
  console.log([statistic.padEnd(20), ...RECALLS.map((recall) => String(recall).padStart(17))].join(''));
  for (const [name, supports] of Object.entries(DESIGNS)) {
    process.stdout.write(name.padEnd(20));
    for (const recall of RECALLS) {
      const { held, below, above } = simulateCoverage(supports, recall, statistic, samples, 1);
      const percent = (count: number) => ((100 * count) / samples).toFixed(1);
      process.stdout.write(`${percent(held)} (${percent(below)}, ${percent(above)})`.padStart(17));
    }
    process.stdout.write('\n');
  }
  console.log();
}
