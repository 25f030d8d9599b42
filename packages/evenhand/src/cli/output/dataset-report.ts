import { relative } from 'node:path';
import type { DatasetReport } from '../../data/index.js';
import { formatScore, plural } from '../../format.js';
import type { Validation } from '../../workflows/index.js';
import { bar, table, WIDTH, wrap } from './text.js';

/** More classes than this are shown by their extremes and a histogram. */
const MANY_CLASSES = 24;
const EXTREMES = 10;
const FINDINGS = 10;

/** What was found in a data set, for a terminal of 80 columns; `all` leaves nothing out. */
export function describeDataset(data: string, report: DatasetReport, validation: Validation, all: boolean): string {
  const short = (file: string): string => {
    const inside = relative(data, file);
    return inside === '' || inside.startsWith('..') ? file : inside;
  };
  const sections = [
    overview(data, report),
    ...classSections(report, all),
    finding('Missing or unreadable files', report.bad, all, ({ file, reason }) => `${short(file)}: ${reason}`),
    finding('Files in several rows', report.repeats, all, ({ file, rows, labels }) => {
      return `${short(file)}: ${rows} rows, ${plural(labels.length, 'label')} (${labels.join(', ')})`;
    }),
    finding('The same image under different labels', report.conflicts, all, ({ files, labels }) => {
      return `${files.map(short).join(' = ')}: ${labels.join(', ')}`;
    }),
    finding('Training images that are in validation too (leaks)', report.leaks, all, (pair) => same(pair, short)),
    finding('The same image twice', report.duplicates, all, (pair) => same(pair, short)),
    describeValidation(validation),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function overview(
  data: string,
  { train, val, classes, imbalanceRatio, absentFromTrain, sizes, modes, formats }: DatasetReport,
): string {
  const tallied = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .sort(([, a], [, b]) => b - a)
      .map(([name, n]) => `${name} ${n.toLocaleString('en')}`)
      .join(', ');
  const rows = [
    ['Classes', String(classes.length)],
    ['Training', plural(train, 'image')],
    ['Validation', val === 0 ? 'none' : plural(val, 'image')],
    ['Imbalance', `the largest class has ${imbalanceRatio.toFixed(1)} times the images of the smallest`],
  ];
  if (absentFromTrain.length > 0) {
    rows.push(['Not in training', plural(absentFromTrain.length, 'class', 'classes') + some(absentFromTrain)]);
  }
  if (sizes !== undefined) {
    const { width, height } = sizes;
    rows.push(['Width', `${width.min} to ${width.max} pixels, median ${width.median}`]);
    rows.push(['Height', `${height.min} to ${height.max} pixels, median ${height.median}`]);
    rows.push(['Modes', tallied(modes)], ['Formats', tallied(formats)]);
  }
  return [data, ...rows.map(([name, text]) => wrap(text!, { indent: 19, begun: `  ${name}` }))].join('\n');
}

const some = (labels: readonly string[]): string =>
  ` (${labels.slice(0, FINDINGS).join(', ')}${labels.length > FINDINGS ? ', ...' : ''})`;

function classSections({ classes, val, absentFromVal }: DatasetReport, all: boolean): string[] {
  const sorted = [...classes].sort((a, b) => b.train - a.train);
  const most = sorted[0]?.train ?? 0;
  const bars = (rows: typeof sorted): string => {
    const labelWidth = Math.min(24, Math.max(...rows.map(({ label }) => label.length)));
    const digits = String(most).length;
    const room = WIDTH - 2 - labelWidth - 2 - digits - 2 - (val > 0 ? 11 : 0);
    return rows
      .map(({ label, train, val: held }) => {
        const name = label.length > labelWidth ? `${label.slice(0, labelWidth - 1)}…` : label.padEnd(labelWidth);
        const line = `  ${name}  ${String(train).padStart(digits)}  ${bar(train / Math.max(1, most), room)}`;
        return (val > 0 ? `${line}  ${String(held).padStart(4)} val` : line).trimEnd();
      })
      .join('\n');
  };
  const sections: string[] = [];
  if (all || sorted.length <= MANY_CLASSES) {
    sections.push(`Training images a class\n${bars(sorted)}`);
  } else {
    sections.push(`Training images of the ${EXTREMES} largest classes\n${bars(sorted.slice(0, EXTREMES))}`);
    sections.push(`Of the ${EXTREMES} smallest classes\n${bars(sorted.slice(-EXTREMES))}`);
    sections.push(`Classes by their number of training images\n${histogram(sorted.map(({ train }) => train))}`);
  }
  if (absentFromVal.length > 0) {
    const shown = all
      ? absentFromVal.join(', ')
      : `${absentFromVal.slice(0, 40).join(', ')}${absentFromVal.length > 40 ? ', ...' : ''}`;
    const title = `${plural(absentFromVal.length, 'class', 'classes')} of ${classes.length} without a validation image`;
    sections.push(`${title}\n${wrap(shown, { indent: 2 })}`);
  }
  return sections;
}

/** How many classes have how many images, in at most eight ranges of equal width. */
function histogram(counts: readonly number[]): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const step = Math.max(1, Math.ceil((most - least + 1) / 8));
  const bins: number[] = new Array(Math.floor((most - least) / step) + 1).fill(0);
  for (const n of counts) bins[Math.floor((n - least) / step)]!++;
  const tallest = Math.max(...bins);
  const rows = bins.map((classes, i) => {
    const from = least + i * step;
    const range = step === 1 ? String(from) : `${from} to ${Math.min(most, from + step - 1)}`;
    return ['', range, plural(classes, 'class', 'classes'), bar(classes / tallest, 36)];
  });
  return table(rows, [1, 2]);
}

function finding<T>(title: string, items: readonly T[], all: boolean, describe: (item: T) => string): string {
  if (items.length === 0) return '';
  const shown = all ? items : items.slice(0, FINDINGS);
  const lines = shown.map((item) => wrap(describe(item), { indent: 4, begun: '  -' }));
  if (shown.length < items.length) lines.push(`  and ${items.length - shown.length} more (--all shows them)`);
  return [`${title}: ${items.length.toLocaleString('en')}`, ...lines].join('\n');
}

function same({ a, b, exact }: DatasetReport['leaks'][number], short: (file: string) => string): string {
  if (a === b) return `${short(a)} is in both`;
  return `${short(a)} ${exact ? 'is the same file as' : 'looks like'} ${short(b)}`;
}

function describeValidation({ verdict, remedies, canChooseCheckpoint, images }: Validation): string {
  const lines = ['What validation can tell', wrap(verdict, { indent: 2 })];
  for (const { flags, images, intervalWidth } of remedies) {
    const gives = `holds out ${plural(images, 'training image')}: an interval about ${formatScore(intervalWidth)} wide`;
    lines.push(wrap(`Better: evenhand train with ${flags} ${gives}.`, { indent: 2 }));
  }
  if (!canChooseCheckpoint && images > 0) {
    const why = 'keeps the weights of the last epoch, which no score has to choose';
    lines.push(wrap(`${remedies.length > 0 ? 'Or' : 'Better'}: --keep last --patience 0 ${why}.`, { indent: 2 }));
  }
  return lines.join('\n');
}
