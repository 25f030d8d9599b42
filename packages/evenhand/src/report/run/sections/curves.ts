import { chosenInterval, type EpochMetrics } from '../../../run/index.js';
import { score } from '../../page/markup.js';
import type { Point } from '../payload.js';
import { axisStyle, type Chart, unitAxis } from './draw.js';

/** An epoch as it is called in charts and tables. */
export const epochName = ({ phase, epoch }: EpochMetrics): string => `${phase === 'head' ? 'head ' : ''}${epoch}`;

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashed?: boolean;
  value(epoch: EpochMetrics): number;
}

/** Losses after each epoch. */
export function lossChart(epochs: readonly EpochMetrics[], best: EpochMetrics | null): Chart {
  const lines: Line[] = [
    { name: 'validation loss', colour: 'var(--accent)', value: ({ valLoss }) => valLoss },
    { name: 'training loss', colour: 'var(--other)', dashed: true, value: ({ trainLoss }) => trainLoss },
  ];
  return {
    ...curves('loss', lines, epochs, best, []),
    alt: 'Training and validation loss after each epoch.',
  };
}

/** Macro F1 with its interval and accuracy after each epoch. */
export function scoreChart(epochs: readonly EpochMetrics[], best: EpochMetrics | null): Chart {
  const lines: Line[] = [
    { name: 'Macro F1', colour: 'var(--accent)', value: (epoch) => chosenInterval(epoch).value },
    { name: 'accuracy', colour: 'var(--other)', dashed: true, value: ({ accuracy }) => accuracy },
  ];
  const gap = (value: number): number | '-' => (Number.isFinite(value) ? value : '-');
  const band = [
    { data: epochs.map((epoch) => gap(chosenInterval(epoch).low)), opacity: 0 },
    {
      data: epochs.map((epoch) => {
        const { low, high } = chosenInterval(epoch);
        return gap(high - low);
      }),
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
  const chart = curves('scores', lines, epochs, best, band);
  return {
    ...chart,
    alt: 'Macro F1 with its interval, and accuracy, after each epoch.',
    option: { ...chart.option, yAxis: unitAxis },
  };
}

function curves(
  id: string,
  lines: readonly Line[],
  epochs: readonly EpochMetrics[],
  best: EpochMetrics | null,
  before: readonly object[],
): Omit<Chart, 'alt'> {
  const chosen = best === null ? -1 : epochs.indexOf(best);
  const names = epochs.map(epochName);
  const numHead = epochs.filter(({ phase }) => phase === 'head').length;
  const symbolSize = epochs.length > 40 ? 4 : 7;
  const series = lines.map(({ name, colour, dashed, value }, s) => ({
    type: 'line',
    name,
    color: colour,
    symbol: 'circle',
    symbolSize: (_: unknown, { dataIndex }: { dataIndex: number }) =>
      dataIndex === chosen && s === 0 ? symbolSize + 5 : symbolSize,
    data: epochs.map((epoch) => (Number.isFinite(value(epoch)) ? value(epoch) : '-')),
    lineStyle: { width: 2.2, type: dashed ? 'dashed' : 'solid' },
    itemStyle: { color: colour, borderColor: 'var(--card)', borderWidth: 1.5 },
    ...(s > 0
      ? {}
      : {
          markLine: markOf(chosen),
          markArea: {
            silent: true,
            itemStyle: { color: 'var(--shade)' },
            label: { color: 'var(--soft)', fontSize: 11, position: 'insideTopLeft' },
            // Where everything is of one phase, there is nothing to tell apart.
            data:
              numHead > 1 && numHead < epochs.length ? [[{ name: 'head only', xAxis: 0 }, { xAxis: numHead - 1 }]] : [],
          },
        }),
  }));
  const points = lines.map(({ name, value }) =>
    epochs.map((epoch): Point => [`Epoch ${epochName(epoch)}: ${name} ${score(value(epoch))}`]),
  );
  return {
    id,
    size: [500, 300],
    points: [...before.map(() => []), ...points],
    option: {
      grid: { left: 44, right: 20, top: 30, bottom: 44 },
      xAxis: {
        type: 'category',
        data: names,
        boundaryGap: epochs.length === 1,
        name: 'epoch',
        nameLocation: 'middle',
        nameGap: 28,
        ...axisStyle,
        splitLine: { show: false },
      },
      yAxis: { type: 'value', scale: true, ...axisStyle, axisLine: { show: false } },
      series: [...before, ...series],
    },
  };
}

const markOf = (chosen: number): object => ({
  silent: true,
  symbol: 'none',
  lineStyle: { color: 'var(--ink)', type: 'dotted', width: 1.4 },
  label: {
    formatter: 'chosen',
    color: 'var(--ink)',
    fontSize: 12,
    fontWeight: 600,
    textBorderWidth: 0,
    position: 'end',
  },
  data: chosen < 0 ? [] : [{ xAxis: chosen }],
});
