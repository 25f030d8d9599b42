// What the benchmarks that run the command line share.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { metrics } from 'evenhand';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = join(ROOT, 'packages/evenhand/bin/evenhand.js');

/** Real photos and weights, which are not part of the repository. */
export const SHARED = join(ROOT, '../shared/data');

/** Runs the command line. @throws Error with its output if it fails */
export function evenhand(args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], options);
  if (status !== 0) throw new Error(`evenhand ${args.join(' ')}\n${stdout}\n${stderr}`);
}

/** Rows of a CSV without quotes, such as those of Herbarium. */
export function csvRows(file: string): Record<string, string>[] {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const names = header!.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i]!, value])));
}

/** Mean and standard deviation over the seeds: `0.812 (0.004)`. */
export function spread(values: readonly number[], digits = 3): string {
  const { mean, deviation } = metrics.meanAndDeviation(values);
  return `${mean.toFixed(digits)} (${deviation.toFixed(digits)})`;
}
