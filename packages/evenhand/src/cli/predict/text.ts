import type { Prediction } from '@evenhand/predict';
import type { Unlabelled } from '../../data/index.js';
import { formatPercent } from '../../format.js';
import { bar } from '../output/text.js';

/** The answer to the only image, a line a class. */
export function large(row: Unlabelled, { top }: Prediction): string {
  const width = Math.max(...top.map(({ label }) => label.length));
  const lines = top.map(({ label, probability }) => {
    return `  ${label.padEnd(width)}  ${(probability * 100).toFixed(1).padStart(5)} %  ${bar(probability, 30)}`.trimEnd();
  });
  return [row.file, ...lines].join('\n');
}

/** The answer to one of many images, in a line. */
export function small(row: Unlabelled, { top }: Prediction): string {
  const answers = top.map(({ label, probability }) => `${label} ${formatPercent(probability)}`);
  return `${row.file}  ${answers.join(', ')}`;
}
