import { showScore } from '../../page/numbers.js';
import type { Fold } from '../analysis/analyse-run.js';
import type { Point } from '../payload.js';
import type { Chart } from './draw-chart.js';
import { epochAxes, epochName } from './epoch-charts.js';

/** Macro F1 of each fold on the images that it did not train on, per epoch. */
export function foldChart(folds: readonly Fold[]): Chart {
  const longest = folds.reduce((a, b) => (b.epochs.length > a.epochs.length ? b : a));
  const points = folds.map(({ number, epochs }) =>
    epochs.map((epoch): Point => [`Fold ${number}, epoch ${epochName(epoch)}: Macro F1 ${showScore(epoch.macroF1)}`]),
  );
  return {
    id: 'folds',
    alt: 'Macro F1 of each fold on the images that it did not train on, per epoch.',
    size: [500, 300],
    points,
    option: {
      ...epochAxes(longest.epochs),
      series: folds.map(({ number, epochs }) => ({
        type: 'line',
        name: `fold ${number}`,
        color: 'var(--accent)',
        symbol: 'circle',
        symbolSize: 5,
        data: epochs.map(({ macroF1 }) => (Number.isFinite(macroF1) ? macroF1 : '-')),
        lineStyle: { width: 1.6, opacity: 0.7 },
        itemStyle: { color: 'var(--accent)', borderColor: 'var(--card)', borderWidth: 1 },
      })),
    },
  };
}
