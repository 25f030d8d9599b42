import { relative } from 'node:path';
import { type DatasetReport, explainMissing, MISSING_FILE } from '../../data/index.js';
import { formatScore, plural } from '../../format.js';
import { printable } from '../../printable.js';
import type { Validation } from '../../train/index.js';
import { bar, LONGEST_PATH, shorten, table, WIDTH, wrap } from './text.js';

/** If there are more classes, only the largest and smallest are shown, with a histogram of all. */
const MANY_CLASSES = 24;
const EXTREMES = 10;
const FINDINGS = 10;
const ABSENT = 40;

/** The report on a data set for a terminal of 80 columns; `all` leaves nothing out. */
export function describeDataset(data: string, report: DatasetReport, validation: Validation, all: boolean): string {
  const short = (file: string): string => {
    const inside = relative(data, file);
    return printable(inside === '' || inside.startsWith('..') ? file : inside, LONGEST_PATH);
  };
  const sections = [
    overview(data, report, all),
    finding('Notes on reading the data', report.notes, true, (note) => printable(note, LONGEST_PATH)),
    ...classSections(report, all),
    missing(report),
    finding(
      'Missing or unreadable files',
      report.bad,
      all,
      ({ file, reason }) => `${short(file)}: ${printable(reason)}`,
    ),
    finding('Files listed in several rows', report.repeats, all, ({ file, rows, labels }) => {
      return `${short(file)}: ${rows} rows, ${plural(labels.length, 'label')} (${listNames(labels, all)})`;
    }),
    finding('Same image with different labels', report.conflicts, all, ({ files, labels }) => {
      return `${files.map(short).join(' = ')}: ${listNames(labels, all)}`;
    }),
    finding('Training images that are also in validation (leaks)', report.leaks, all, (pair) =>
      describePair(pair, short),
    ),
    finding('Duplicate images', report.duplicates, all, (pair) => describePair(pair, short)),
    describeValidation(validation),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

/** A sentence that explains why most images are missing; empty if they are not. */
function missing({ train, val, bad }: DatasetReport): string {
  const files = bad.filter(({ reason }) => reason === MISSING_FILE).map(({ file }) => file);
  if (files.length <= (train + val) / 2) return '';
  return `Most images are missing\n${wrap(explainMissing(files), { indent: 2 })}`;
}

function overview(
  data: string,
  { train, val, classes, imbalanceRatio, absentFromTrain, sizes, modes, formats }: DatasetReport,
  all: boolean,
): string {
  const listCounts = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .sort(([, a], [, b]) => b - a)
      .map(([name, n]) => `${name} ${n.toLocaleString('en')}`)
      .join(', ');
  const rows = [
    ['Classes', String(classes.length)],
    ['Training', plural(train, 'image')],
    ['Validation', val === 0 ? 'none' : plural(val, 'image')],
    ['Imbalance', `the largest class has ${imbalanceRatio.toFixed(1)} times as many images as the smallest`],
  ];
  if (absentFromTrain.length > 0) {
    rows.push([
      'Not in training',
      `${plural(absentFromTrain.length, 'class', 'classes')} (${listNames(absentFromTrain, all)})`,
    ]);
  }
  if (sizes !== undefined) {
    const { width, height } = sizes;
    rows.push(['Width', `${width.min} to ${width.max} pixels, median ${width.median}`]);
    rows.push(['Height', `${height.min} to ${height.max} pixels, median ${height.median}`]);
    rows.push(['Modes', listCounts(modes)], ['Formats', listCounts(formats)]);
  }
  return [data, ...rows.map(([name, text]) => wrap(text!, { indent: 19, prefix: `  ${name}` }))].join('\n');
}

/** Names from the data, separated by commas: `most` of them, or all. */
function listNames(names: readonly string[], all: boolean, most = FINDINGS): string {
  const shown = all ? names : names.slice(0, most);
  return `${shown.map((name) => printable(name)).join(', ')}${shown.length < names.length ? ', ...' : ''}`;
}

function classSections({ classes, val, absentFromVal }: DatasetReport, all: boolean): string[] {
  const sorted = [...classes].sort((a, b) => b.train - a.train);
  const most = sorted[0]?.train ?? 0;
  const bars = (rows: typeof sorted): string => {
    const labelWidth = rows.reduce((widest, { label }) => Math.max(widest, shorten(label, 24).length), 0);
    const digits = String(most).length;
    const room = WIDTH - 2 - labelWidth - 2 - digits - 2 - (val > 0 ? 11 : 0);
    return rows
      .map(({ label, train, val: held }) => {
        const name = shorten(label, 24).padEnd(labelWidth);
        const line = `  ${name}  ${String(train).padStart(digits)}  ${bar(train / Math.max(1, most), room)}`;
        return (val > 0 ? `${line}  ${String(held).padStart(4)} val` : line).trimEnd();
      })
      .join('\n');
  };
  const sections: string[] = [];
  if (all || sorted.length <= MANY_CLASSES) {
    sections.push(`Training images per class\n${bars(sorted)}`);
  } else {
    sections.push(`Training images in the ${EXTREMES} largest classes\n${bars(sorted.slice(0, EXTREMES))}`);
    sections.push(`Training images in the ${EXTREMES} smallest classes\n${bars(sorted.slice(-EXTREMES))}`);
    sections.push(`Classes by number of training images\n${histogram(sorted.map(({ train }) => train))}`);
  }
  if (absentFromVal.length > 0) {
    const title = `${absentFromVal.length} of ${plural(classes.length, 'class', 'classes')} without a validation image`;
    sections.push(`${title}\n${wrap(listNames(absentFromVal, all, ABSENT), { indent: 2 })}`);
  }
  return sections;
}

/** The number of classes by their number of images, in at most eight ranges of equal width. */
function histogram(counts: readonly number[]): string {
  const least = counts.reduce((a, b) => Math.min(a, b));
  const most = counts.reduce((a, b) => Math.max(a, b));
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
  const lines = shown.map((item) => wrap(describe(item), { indent: 4, prefix: '  -' }));
  if (shown.length < items.length) lines.push(`  and ${items.length - shown.length} more (--all shows them)`);
  return [`${title}: ${items.length.toLocaleString('en')}`, ...lines].join('\n');
}

function describePair({ a, b, exact }: DatasetReport['leaks'][number], short: (file: string) => string): string {
  if (a === b) return `${short(a)} is listed in both`;
  return `${short(a)} ${exact ? 'is identical to' : 'looks like'} ${short(b)}`;
}

function describeValidation({ verdict, remedies, canChooseCheckpoint, images }: Validation): string {
  const lines = ['Validation', wrap(verdict, { indent: 2 })];
  for (const { flags, images, intervalWidth } of remedies) {
    const effect = `holds out ${plural(images, 'training image')}, for an interval about ${formatScore(intervalWidth)} wide`;
    lines.push(wrap(`Suggestion: evenhand train with ${flags} ${effect}.`, { indent: 2 }));
  }
  if (!canChooseCheckpoint && images > 0) {
    const why = 'keeps the weights of the last epoch, so that no score has to choose';
    lines.push(wrap(`${remedies.length > 0 ? 'Or' : 'Suggestion'}: --keep last ${why}.`, { indent: 2 }));
  }
  return lines.join('\n');
}
