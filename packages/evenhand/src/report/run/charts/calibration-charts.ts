import { plural } from '../../../format.js';
import { showPercent } from '../../page/numbers.js';
import type { Bin } from '../analysis/analyse-run.js';
import type { Point } from '../payload.js';
import { axisStyle, type Chart, unitAxis } from './draw-chart.js';

const rangeOf = ({ low, high }: Bin): string => `${Math.round(low * 100)} to ${Math.round(high * 100)} %`;

/** Accuracy by confidence: as trained, and with the temperature if one was fitted. */
export function reliabilityChart(raw: readonly Bin[], fitted: readonly Bin[] | null): Chart {
  const describe =
    (name: string) =>
    (bin: Bin): Point => [
      `${name}, confidence ${rangeOf(bin)}: ${showPercent(bin.accuracy)} of ${plural(bin.count, 'image')} correct`,
    ];
  const filled = (bins: readonly Bin[]): Bin[] => bins.filter((bin) => bin.count > 0);
  const maxCount = Math.max(...raw.map((bin) => bin.count), ...(fitted ?? []).map((bin) => bin.count));
  const line = (bins: readonly Bin[], colour: string, dashed: boolean, symbol: string): object => ({
    type: 'line',
    color: colour,
    symbol,
    // A point's area shows its number of images.
    symbolSize: (_: unknown, { dataIndex }: { dataIndex: number }) =>
      5 + 15 * Math.sqrt(filled(bins)[dataIndex]!.count / maxCount),
    lineStyle: { width: 2, type: dashed ? 'dashed' : 'solid' },
    itemStyle: { color: colour, opacity: 0.85, borderColor: 'var(--card)', borderWidth: 1 },
    data: filled(bins).map(({ confidence, accuracy }) => [confidence, accuracy]),
  });
  return {
    id: 'reliability',
    alt: 'Reliability diagram: accuracy by confidence.',
    size: [500, 400],
    points: [
      [],
      filled(raw).map(describe('As trained')),
      ...(fitted === null ? [] : [filled(fitted).map(describe('Calibrated'))]),
    ],
    option: {
      grid: { left: 58, right: 18, top: 14, bottom: 48 },
      xAxis: {
        ...unitAxis,
        name: 'confidence',
        nameLocation: 'middle',
        nameGap: 30,
        axisLine: axisStyle.axisLine,
      },
      yAxis: { ...unitAxis, name: 'accuracy', nameLocation: 'middle', nameGap: 40 },
      series: [
        {
          type: 'line',
          silent: true,
          symbol: 'none',
          lineStyle: { color: 'var(--soft)', type: 'dotted', width: 1.5 },
          data: [
            [0, 0],
            [1, 1],
          ],
        },
        line(raw, 'var(--other)', fitted !== null, 'circle'),
        ...(fitted === null ? [] : [line(fitted, 'var(--accent)', false, 'circle')]),
      ],
    },
  };
}

/** The number of correct and wrong predictions by confidence. */
export function confidenceChart(bins: readonly Bin[]): Chart {
  const correct = bins.map((bin) => (bin.count === 0 ? 0 : Math.round(bin.count * bin.accuracy)));
  const wrong = bins.map((bin, b) => bin.count - correct[b]!);
  const bars = (data: readonly number[], colour: string): object => ({
    type: 'bar',
    stack: 'all',
    barCategoryGap: '12%',
    data: data.map((value) => ({ value })),
    itemStyle: { color: colour },
  });
  const describe = (name: string, counts: readonly number[]): Point[] =>
    bins.map((bin, b): Point => [`Confidence ${rangeOf(bin)}: ${plural(counts[b]!, `${name} prediction`)}`]);
  return {
    id: 'confidence',
    alt: 'The number of correct and wrong predictions by confidence.',
    size: [500, 400],
    points: [describe('correct', correct), describe('wrong', wrong)],
    option: {
      grid: { left: 58, right: 18, top: 14, bottom: 48 },
      xAxis: {
        type: 'category',
        data: bins.map(({ high }) => high.toFixed(2)),
        name: 'confidence (upper end of bin)',
        nameLocation: 'middle',
        nameGap: 30,
        ...axisStyle,
        splitLine: { show: false },
      },
      yAxis: {
        type: 'value',
        minInterval: 1,
        name: 'images',
        nameLocation: 'middle',
        nameGap: 42,
        ...axisStyle,
        axisLine: { show: false },
      },
      series: [bars(correct, 'var(--right)'), bars(wrong, 'var(--wrong)')],
    },
  };
}
