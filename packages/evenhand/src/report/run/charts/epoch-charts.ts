import type { EpochMetrics } from '../../../run/index.js';
import { showScore } from '../../page/numbers.js';
import type { Point } from '../payload.js';
import { axisStyle, type Chart, unitAxis } from './draw-chart.js';

/** The name of an epoch in charts and tables. */
export const epochName = ({ phase, epoch, averaged }: EpochMetrics): string =>
  averaged === undefined ? `${NAMES[phase]}${epoch}` : `mean of ${averaged}`;

const NAMES = { head: 'head ', full: '', 'new-head': 'new head ' };

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashed?: boolean;
  value(epoch: EpochMetrics): number;
}

/** Training and validation loss per epoch. */
export function lossChart(epochs: readonly EpochMetrics[], best: EpochMetrics | null): Chart {
  const lines: Line[] = [
    { name: 'validation loss', colour: 'var(--accent)', value: ({ valLoss }) => valLoss },
    { name: 'training loss', colour: 'var(--other)', dashed: true, value: ({ trainLoss }) => trainLoss },
  ];
  return {
    ...epochChart('loss', lines, epochs, best, []),
    alt: 'Training and validation loss per epoch.',
  };
}

const posteriorLine: Line = {
  name: 'Macro F1 against posterior labels',
  colour: 'var(--soft)',
  dashed: true,
  value: ({ macroF1Posterior }) => macroF1Posterior ?? Number.NaN,
};

/** Macro F1 with its 95 % interval, and accuracy, per epoch. */
export function scoreChart(epochs: readonly EpochMetrics[], best: EpochMetrics | null): Chart {
  const lines: Line[] = [
    { name: 'Macro F1', colour: 'var(--accent)', value: ({ macroF1 }) => macroF1 },
    { name: 'accuracy', colour: 'var(--other)', dashed: true, value: ({ accuracy }) => accuracy },
    ...(epochs.some(({ macroF1Posterior }) => macroF1Posterior !== undefined) ? [posteriorLine] : []),
  ];
  const gap = (value: number): number | '-' => (Number.isFinite(value) ? value : '-');
  const band = [
    { data: epochs.map(({ macroF1Low }) => gap(macroF1Low)), opacity: 0 },
    {
      data: epochs.map(({ macroF1Low, macroF1High }) => gap(macroF1High - macroF1Low)),
      opacity: 0.16,
    },
  ].map(({ data, opacity }) => ({
    type: 'line',
    stack: 'band',
    data,
    symbol: 'none',
    silent: true,
    lineStyle: { opacity: 0 },
    areaStyle: { color: 'var(--accent)', opacity },
  }));
  const chart = epochChart('scores', lines, epochs, best, band);
  return {
    ...chart,
    alt: 'Macro F1 with its 95 % interval, and accuracy, per epoch.',
    option: { ...chart.option, yAxis: unitAxis },
  };
}

/** The axes of a chart over epochs. */
export const epochAxes = (epochs: readonly EpochMetrics[]) => ({
  grid: { left: 44, right: 20, top: 30, bottom: 44 },
  xAxis: {
    type: 'category',
    data: epochs.map(epochName),
    boundaryGap: epochs.length === 1,
    name: 'epoch',
    nameLocation: 'middle',
    nameGap: 28,
    ...axisStyle,
    splitLine: { show: false },
  },
  yAxis: { type: 'value', scale: true, ...axisStyle, axisLine: { show: false } },
});

function epochChart(
  id: string,
  lines: readonly Line[],
  epochs: readonly EpochMetrics[],
  best: EpochMetrics | null,
  background: readonly object[],
): Omit<Chart, 'alt'> {
  const bestIndex = best === null ? -1 : epochs.indexOf(best);
  const numHead = epochs.filter(({ phase }) => phase === 'head').length;
  const symbolSize = epochs.length > 40 ? 4 : 7;
  const series = lines.map(({ name, colour, dashed, value }, s) => ({
    type: 'line',
    name,
    color: colour,
    symbol: 'circle',
    symbolSize: (_: unknown, { dataIndex }: { dataIndex: number }) =>
      dataIndex === bestIndex && s === 0 ? symbolSize + 5 : symbolSize,
    data: epochs.map((epoch) => (Number.isFinite(value(epoch)) ? value(epoch) : '-')),
    lineStyle: { width: 2.2, type: dashed ? 'dashed' : 'solid' },
    itemStyle: { color: colour, borderColor: 'var(--card)', borderWidth: 1.5 },
    ...(s > 0
      ? {}
      : {
          markLine: markBest(bestIndex),
          markArea: {
            silent: true,
            itemStyle: { color: 'var(--shade)' },
            label: { color: 'var(--soft)', fontSize: 11, position: 'insideTopLeft' },
            // Marks the head phase if there are both phases.
            data:
              numHead > 1 && numHead < epochs.length ? [[{ name: 'head only', xAxis: 0 }, { xAxis: numHead - 1 }]] : [],
          },
        }),
  }));
  const points = lines.map(({ name, value }) =>
    epochs.map((epoch): Point => [`Epoch ${epochName(epoch)}: ${name} ${showScore(value(epoch))}`]),
  );
  return {
    id,
    size: [500, 300],
    points: [...background.map(() => []), ...points],
    option: {
      ...epochAxes(epochs),
      series: [...background, ...series],
    },
  };
}

const markBest = (bestIndex: number): object => ({
  silent: true,
  symbol: 'none',
  lineStyle: { color: 'var(--ink)', type: 'dotted', width: 1.4 },
  label: {
    formatter: 'best',
    color: 'var(--ink)',
    fontSize: 12,
    fontWeight: 600,
    textBorderWidth: 0,
    position: 'end',
  },
  data: bestIndex < 0 ? [] : [{ xAxis: bestIndex }],
});
