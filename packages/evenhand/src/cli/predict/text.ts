import type { Prediction } from '@evenhand/predict';
import { formatPercent } from '../../format.js';
import { printable } from '../../printable.js';
import { bar, LONGEST_PATH, shorten } from '../output/text.js';

/** Longer class names are shortened. */
const MAX_LABEL = 40;

/** A file name for the terminal. */
export const printableFile = (file: string): string => printable(file, LONGEST_PATH);

/** The prediction for a single image, one line per class. */
export function describeInDetail(file: string, { top }: Prediction): string {
  const labels = top.map(({ label }) => shorten(label, MAX_LABEL));
  const width = Math.max(...labels.map((label) => label.length));
  const lines = top.map(({ probability }, i) => {
    const percent = `${(probability * 100).toFixed(1).padStart(5)} %`;
    return `  ${labels[i]!.padEnd(width)}  ${percent}  ${bar(probability, 30)}`.trimEnd();
  });
  return [printableFile(file), ...lines].join('\n');
}

/** The prediction for one of several images, on one line. */
export function describeInLine(file: string, { top }: Prediction): string {
  const classes = top.map(({ label, probability }) => `${shorten(label, MAX_LABEL)} ${formatPercent(probability)}`);
  return `${printableFile(file)}  ${classes.join(', ')}`;
}
