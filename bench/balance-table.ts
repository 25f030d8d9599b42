// The results of `npm run bench -- balance`, kept as JSON lines, and their table.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { metrics } from 'evenhand';
import { spread } from './evenhand.js';

/** The test of one network. */
export interface Result {
  readonly block: string;
  readonly data: string;
  readonly labels: string;
  readonly seed: number;
  readonly row: string;
  readonly seconds: number;
  /** [K] training images of each class, by their true labels. */
  readonly counts: readonly number[];
  /** [M] classes of the test images. */
  readonly truth: readonly number[];
  readonly predicted: readonly number[];
}

export type Cell = Pick<Result, 'block' | 'data' | 'labels'>;

/** The file of all results; what is in it is not measured again. */
export class Results {
  readonly all: Result[] = [];

  constructor(private readonly file: string) {
    if (!existsSync(file)) return;
    // A line that was cut off by a kill is measured again.
    for (const line of readFileSync(file, 'utf8').split('\n')) if (line.endsWith('}')) this.all.push(JSON.parse(line));
  }

  has(cell: Cell, seed: number, row: string): boolean {
    return this.of(cell).some((result) => result.seed === seed && result.row === row);
  }

  of({ block, data, labels }: Cell): Result[] {
    return this.all.filter((each) => each.block === block && each.data === data && each.labels === labels);
  }

  add(result: Result): void {
    this.all.push(result);
    appendFileSync(this.file, `\n${JSON.stringify(result)}`);
  }
}

/**
 * One line per row: mean (standard deviation over seeds) of Macro F1 over all classes and over the thirds of the classes with
 * the most, middle and fewest training images; the difference from the row `against` with its paired 95 % interval.
 */
export function table(results: readonly Result[], rows: readonly string[], against: string): string {
  const head = ['', 'Macro F1', 'frequent', 'middle', 'rare', `against ${against} [95 %]`, 'seeds'];
  const base = results.filter(({ row }) => row === against);
  const lines = rows.flatMap((row) => {
    const own = results.filter((each) => each.row === row).sort((a, b) => a.seed - b.seed);
    if (own.length === 0) return [];
    const scores = own.map(scoresOf);
    return [
      [row, ...[0, 1, 2, 3].map((i) => spread(scores.map((each) => each[i]!))), gain(base, own), `${own.length}`],
    ];
  });
  const cells = [head, ...lines];
  const widths = head.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  return cells
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Macro F1 of all classes and of the frequent, middle and rare third. */
function scoresOf({ truth, predicted, counts }: Result): number[] {
  const matrix = metrics.confusionMatrix(Int32Array.from(truth), Int32Array.from(predicted), counts.length);
  const f1 = metrics.classificationReport(matrix).perClass.map((each) => each.f1);
  const order = [...counts.keys()].sort((a, b) => counts[b]! - counts[a]!);
  const bounds = [0, 1, 2, 3].map((i) => Math.round((i * order.length) / 3));
  const thirds = [0, 1, 2].map((i) => order.slice(bounds[i], bounds[i + 1]));
  return [order, ...thirds].map((classes) => mean(classes.map((k) => f1[k]!)));
}

/**
 * A Markdown table of several cells: mean Macro F1 over the seeds, in bold the best row of a column and those from which its
 * paired 95 % interval does not tell it apart.
 */
export function overview(
  cells: readonly (readonly [name: string, results: readonly Result[]])[],
  rows: readonly string[],
): string {
  const columns = cells.map(([name, results]) => {
    const scored = rows
      .map((row) => results.filter((each) => each.row === row))
      .filter((own) => own.length > 0)
      .map((own) => ({ own, score: mean(own.map((each) => scoresOf(each)[0]!)) }));
    const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
    const texts = scored.map(({ own, score }) => {
      const tied = own === best.own || (difference(own, best.own)?.low ?? 0) <= 0;
      return [own[0]!.row, tied ? `**${score.toFixed(3)}**` : score.toFixed(3)] as const;
    });
    return { name, texts: new Map(texts) };
  });
  const lines = rows
    .filter((row) => columns.some(({ texts }) => texts.has(row)))
    .map((row) => [row, ...columns.map(({ texts }) => texts.get(row) ?? '')]);
  const rule = ['---', ...columns.map(() => '---:')];
  return [['', ...columns.map(({ name }) => name)], rule, ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function gain(base: readonly Result[], own: readonly Result[]): string {
  if (own[0]!.row === base[0]?.row) return '';
  const found = difference(base, own);
  return found ? `${signed(found.value)} [${signed(found.low)}, ${signed(found.high)}]` : '';
}

/**
 * The mean difference in Macro F1 over the seeds that both have. A class counts as another class in each seed, which makes the
 * Macro F1 of all seeds together the mean of theirs, and gives one interval for it.
 */
function difference(base: readonly Result[], own: readonly Result[]): metrics.Interval | undefined {
  const pairs = own.flatMap((b) => base.filter((a) => a.seed === b.seed).map((a) => [a, b] as const));
  if (pairs.length === 0) return undefined;
  const numClasses = own[0]!.counts.length;
  const joined = (of: (pair: readonly [Result, Result]) => readonly number[]) =>
    Int32Array.from(pairs.flatMap((pair, s) => of(pair).map((k) => s * numClasses + k)));
  const [truth, a, b] = [joined(([each]) => each.truth), joined(([a]) => a.predicted), joined(([, b]) => b.predicted)];
  return metrics.macroF1Difference(truth, a, b, pairs.length * numClasses, { average: 'all' });
}

const signed = (x: number): string => `${x >= 0 ? '+' : ''}${x.toFixed(3)}`;
const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
