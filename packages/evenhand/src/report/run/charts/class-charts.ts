import { plural } from '../../../format.js';
import type { ClassScore } from '../../../metrics/index.js';
import { showCount, showScore } from '../../page/numbers.js';
import type { SupportScale } from '../analysis/support-scale.js';
import type { Point } from '../payload.js';
import { axisStyle, type Chart, chartText, unitAxis } from './draw-chart.js';

const colourOf = (scale: SupportScale, support: number): string => `var(--support-${scale.stepOf(support)})`;

/** F1 of every class as bars, best first, coloured by the number of validation images. */
export function f1Chart(perClass: readonly ClassScore[], classes: readonly string[], scale: SupportScale): Chart {
  const order = [...perClass.keys()].sort((a, b) => perClass[b]!.f1 - perClass[a]!.f1 || a - b);
  const many = order.length > 12;
  return {
    id: 'f1',
    alt: `F1 of the ${classes.length} classes as bars, best first, coloured by their number of validation images.`,
    size: [1000, 230],
    narrow: [390, 210],
    points: [
      order.map((k): Point => {
        const { f1, support } = perClass[k]!;
        return [`${classes[k]}: F1 ${showScore(f1)}, ${plural(support, 'validation image')}`, k];
      }),
    ],
    option: {
      grid: { left: 44, right: 8, top: 12, bottom: many ? 28 : 44 },
      xAxis: {
        type: 'category',
        data: order.map((k) => chartText(shorten(classes[k]!))),
        name: many ? 'classes, best first' : '',
        nameLocation: 'middle',
        nameGap: 10,
        ...axisStyle,
        axisLabel: { ...axisStyle.axisLabel, show: !many, interval: 0, rotate: order.length > 4 ? 20 : 0 },
        axisTick: { show: false },
        splitLine: { show: false },
      },
      yAxis: unitAxis,
      series: [
        {
          type: 'bar',
          barMaxWidth: 56,
          barCategoryGap: order.length > 150 ? '0%' : '18%',
          barMinHeight: 2,
          data: order.map((k) => ({
            value: perClass[k]!.f1,
            itemStyle: { color: colourOf(scale, perClass[k]!.support) },
          })),
        },
      ],
    },
  };
}

const shorten = (label: string): string => (label.length > 16 ? `${label.slice(0, 15)}…` : label);

/** F1 of each class by its number of training images, with the mean of neighbouring classes. */
export function countChart(
  perClass: readonly ClassScore[],
  classes: readonly string[],
  classCounts: readonly number[],
  scale: SupportScale,
): Chart {
  const [minimum, maximum] = [Math.min(...classCounts), Math.max(...classCounts)];
  // A class without training images has no place on a logarithmic axis.
  const log = minimum > 0 && maximum / minimum >= 8;
  const order = [...perClass.keys()].sort((a, b) => classCounts[a]! - classCounts[b]!);
  const radius = classes.length > 150 ? 8 : 11;
  return {
    id: 'counts',
    alt: 'F1 of each class by its number of training images.',
    size: [1000, 360],
    narrow: [390, 330],
    points: [
      order.map((k): Point => {
        const { f1, support } = perClass[k]!;
        return [
          `${classes[k]}: F1 ${showScore(f1)}, ${plural(classCounts[k]!, 'training image')}, ${plural(support, 'validation image')}`,
          k,
        ];
      }),
    ],
    option: {
      grid: { left: 44, right: 24, top: 16, bottom: 48 },
      xAxis: {
        type: log ? 'log' : 'value',
        ...(log ? { min: powerOfTwoBelow(minimum), max: powerOfTwoAbove(maximum), logBase: 2 } : { scale: true }),
        minInterval: 1,
        name: log ? 'training images per class (logarithmic)' : 'training images per class',
        nameLocation: 'middle',
        nameGap: 30,
        ...axisStyle,
        axisLabel: { ...axisStyle.axisLabel, formatter: (value: number) => showCount(Math.round(value)) },
        splitLine: { show: false },
      },
      yAxis: unitAxis,
      series: [
        {
          type: 'scatter',
          symbolSize: radius,
          data: order.map((k) => ({
            value: [classCounts[k], perClass[k]!.f1],
            itemStyle: {
              color: colourOf(scale, perClass[k]!.support),
              opacity: 0.85,
              borderColor: 'var(--card)',
              borderWidth: 1,
            },
          })),
        },
        {
          type: 'line',
          silent: true,
          symbol: 'none',
          smooth: 0.3,
          lineStyle: { color: 'var(--ink)', width: 2, type: 'dashed' },
          data: trend(order, classCounts, perClass),
        },
      ],
    },
  };
}

const powerOfTwoBelow = (n: number): number => 2 ** Math.floor(Math.log2(n));
const powerOfTwoAbove = (n: number): number => 2 ** Math.ceil(Math.log2(n));

/** Means over groups of neighbouring classes; empty if there are too few classes for a trend. */
function trend(order: readonly number[], classCounts: readonly number[], perClass: readonly ClassScore[]): number[][] {
  const groups = Math.min(8, Math.floor(order.length / 8));
  if (groups < 2) return [];
  const points = Array.from({ length: groups }, (_, g) => {
    const members = order.slice(Math.round((g * order.length) / groups), Math.round(((g + 1) * order.length) / groups));
    const mean = (value: (k: number) => number): number =>
      members.reduce((sum, k) => sum + value(k), 0) / members.length;
    return [mean((k) => classCounts[k]!), mean((k) => perClass[k]!.f1)];
  });
  // If all classes have the same number of images, there is no line to draw.
  return points[0]![0]! < points.at(-1)![0]! ? points : [];
}
