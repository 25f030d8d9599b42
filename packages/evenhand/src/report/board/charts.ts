import type { EpochMetrics } from '../../run/index.js';
import { html, type Markup } from '../page/markup.js';
import { showScore } from '../page/numbers.js';
import { axisStyle, type Chart, chartText, drawChart, unitAxis } from '../run/charts/draw-chart.js';
import { epochAxes, epochName, lossChart, scoreChart } from '../run/charts/epoch-charts.js';
import type { ComparedRun } from './facts.js';
import { NUM_COLOURS } from './style.js';
import { showMemory, showSpeed } from './text.js';

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashed?: boolean;
  /** By epoch; missing where it ended earlier. */
  readonly values: readonly number[];
  /** The descriptions of its points. */
  readonly texts: readonly string[];
}

/** On phones, so that its text is not too small. */
const NARROW = [360, 270] as const;

/** Of more lines no point can be told from another: they have no marks, and one size. */
const MOST_WITH_POINTS = 40;

/** The drawn chart, with the descriptions of its points for the page's script. */
const withTips = (chart: Chart): Markup =>
  html`<div data-points="${JSON.stringify(chart.points.map((series) => series.map(([text]) => text)))}">${drawChart(chart.points.length > MOST_WITH_POINTS ? chart : { ...chart, narrow: NARROW })}</div>`;

function lineChart(
  id: string,
  alt: string,
  lines: readonly Line[],
  axes: ReturnType<typeof epochAxes>,
  yAxis: object,
): Markup {
  const longest = Math.max(0, ...lines.map(({ values }) => values.length));
  const hasPoints = lines.length <= MOST_WITH_POINTS;
  const symbolSize = longest > 60 ? 3 : longest > 25 ? 5 : 7;
  return withTips({
    id,
    alt,
    size: [500, 300],
    points: hasPoints ? lines.map(({ texts }) => texts.map((text) => [text] as const)) : lines.map(() => []),
    option: {
      ...axes,
      yAxis,
      series: lines.map(({ name, colour, dashed, values }) => ({
        type: 'line',
        name: chartText(name),
        color: colour,
        symbol: hasPoints ? 'circle' : 'none',
        symbolSize,
        data: values.map((value) => (Number.isFinite(value) ? value : '-')),
        lineStyle: { width: 2, type: dashed ? 'dashed' : 'solid' },
        itemStyle: { color: colour, borderColor: 'var(--card)', borderWidth: 1 },
      })),
    },
  });
}

const valueAxis = { type: 'value', scale: true, ...axisStyle, axisLine: { show: false } };

type KeyEntry = readonly [mark: string, name: string];

const keyEntries = (entries: readonly KeyEntry[]): Markup[] =>
  entries.map(([mark, name]) => html`<span><i class="${mark}"></i>${name}</span>`);

const key = (entries: readonly KeyEntry[]): Markup => html`<figcaption class="key">${keyEntries(entries)}</figcaption>`;

/** The curves of one run. */
export function runCurves(epochs: readonly EpochMetrics[], best: EpochMetrics | null): Markup {
  if (epochs.length === 0) return html`<p class="empty">No epoch has ended yet.</p>`;
  const axes = epochAxes(epochs);
  const line = (
    name: string,
    colour: string,
    dashed: boolean,
    measure: (epoch: EpochMetrics) => number,
    show: (value: number) => string,
  ): Line => ({
    name,
    colour,
    dashed,
    values: epochs.map(measure),
    texts: epochs.map((epoch) => `Epoch ${epochName(epoch)}: ${name} ${show(measure(epoch))}`),
  });
  const rate = (value: number): string => value.toExponential(1);
  const rates = [
    line('learning rate of the head', 'var(--accent)', false, ({ headRate }) => positive(headRate), rate),
    line('of the backbone', 'var(--other)', true, ({ backboneRate }) => positive(backboneRate), rate),
  ];
  // A logarithmic axis of one value has no ends.
  const isSpread = new Set(rates.flatMap(({ values }) => values.filter(Number.isFinite))).size > 1;
  const rateAxis = {
    ...valueAxis,
    type: isSpread ? 'log' : 'value',
    axisLabel: { ...axisStyle.axisLabel, formatter: rate },
  };
  const hasGpu = epochs.some(({ peakGpuMemoryMB }) => peakGpuMemoryMB !== undefined);
  const speed = [
    line('images per second', 'var(--accent)', false, ({ imagesPerSecond }) => imagesPerSecond, showSpeed),
  ];
  const memory = [
    line(
      'peak memory',
      'var(--accent)',
      false,
      ({ peakMemoryMB }) => peakMemoryMB / 1000,
      (x) => showMemory(x * 1000),
    ),
    ...(hasGpu
      ? [
          line(
            'of the GPU',
            'var(--other)',
            true,
            ({ peakGpuMemoryMB }) => (peakGpuMemoryMB ?? Number.NaN) / 1000,
            (x) => showMemory(x * 1000),
          ),
        ]
      : []),
  ];
  const fromZero = { ...valueAxis, scale: false, min: 0 };
  return html`<div class="two">
<figure>${withTips(scoreChart(epochs, best))}${key([
    ['f1', 'Macro F1 with its 95 % interval'],
    ['acc dashed', 'accuracy'],
  ])}</figure>
<figure>${withTips(lossChart(epochs, best))}${key([
    ['f1', 'validation loss'],
    ['acc dashed', 'training loss'],
  ])}</figure>
<figure>${lineChart('rates', 'Learning rates at the end of each epoch.', rates, axes, rateAxis)}${key([
    ['f1', 'learning rate of the head'],
    ['acc dashed', 'of the backbone'],
  ])}</figure>
<figure>${lineChart('speed', 'Images per second of each epoch.', speed, axes, fromZero)}${key([['f1', 'images per second in training']])}</figure>
<figure>${lineChart('memory', 'Peak memory so far after each epoch.', memory, axes, fromZero)}${key([['f1', 'peak memory so far, GB'], ...(hasGpu ? ([['acc dashed', 'of the GPU']] as const) : [])])}</figure>
</div>`;
}

const positive = (rate: number): number => (rate > 0 ? rate : Number.NaN);

/** The classes of the colour and line of a run in comparisons. */
export const runMark = (index: number): string =>
  `run run-${index % NUM_COLOURS}${Math.floor(index / NUM_COLOURS) % 2 === 1 ? ' dashed' : ''}`;

interface Curve {
  readonly name: string;
  /** Its place among the colours. */
  readonly place: number;
  readonly epochs: readonly EpochMetrics[];
}

/** Macro F1 and validation loss of several trainings over each other. */
export function overlaidCurves(curves: readonly Curve[]): Markup {
  const plain = curves
    .map((curve) => ({ ...curve, epochs: curve.epochs.filter(({ averaged }) => averaged === undefined) }))
    .filter(({ epochs }) => epochs.length > 0);
  const longest = plain.reduce<readonly EpochMetrics[]>((a, { epochs }) => (epochs.length > a.length ? epochs : a), []);
  if (longest.length === 0) return html`<p class="empty">No epoch has ended yet.</p>`;
  const axes = epochAxes(longest);
  // Epochs count from the first of the head phase, as not every run has one.
  const counted = { ...axes, xAxis: { ...axes.xAxis, data: longest.map((_, i) => String(i + 1)) } };
  const lines = (what: string, measure: (epoch: EpochMetrics) => number): Line[] =>
    plain.map(({ name, epochs, place }) => ({
      name,
      colour: `var(--run-${place % NUM_COLOURS})`,
      dashed: Math.floor(place / NUM_COLOURS) % 2 === 1,
      values: epochs.map(measure),
      texts: epochs.map((epoch, e) => `${name}, epoch ${e + 1}: ${what} ${showScore(measure(epoch))}`),
    }));
  const names = keyEntries(plain.map(({ name, place }) => [runMark(place), name]));
  return html`<div class="two">
<figure>${lineChart(
    'macro-f1',
    'Macro F1 per epoch of each run.',
    lines('Macro F1', ({ macroF1 }) => macroF1),
    counted,
    unitAxis,
  )}<figcaption class="key">Macro F1</figcaption></figure>
<figure>${lineChart(
    'losses',
    'Validation loss per epoch of each run.',
    lines('validation loss', ({ valLoss }) => valLoss),
    counted,
    valueAxis,
  )}<figcaption class="key">Validation loss</figcaption></figure>
</div><div class="key legend">${names}</div>`;
}

export const comparedCurves = (runs: readonly ComparedRun[]): Markup =>
  overlaidCurves(runs.map(({ summary, epochs }, place) => ({ name: summary.name, place, epochs })));
