import { html, Markup } from '../../page/markup.js';
import type { Point } from '../payload.js';
import { type ChartOption, renderToSvg } from './echarts.js';

/** A chart, and per series the description of each point. */
export interface Chart {
  readonly id: string;
  /** A sentence on what it shows, for screen readers. */
  readonly alt: string;
  /** In pixels. `narrow` is for phones, if the chart fills the page's width elsewhere. */
  readonly size: readonly [width: number, height: number];
  readonly narrow?: readonly [width: number, height: number];
  readonly option: ChartOption;
  readonly points: readonly (readonly Point[])[];
}

/** Colours are the page's variables, so that charts follow its light and dark theme. */
export const axisStyle = {
  axisLine: { lineStyle: { color: 'var(--rule-strong)' } },
  axisTick: { lineStyle: { color: 'var(--rule-strong)' } },
  axisLabel: { color: 'var(--soft)', fontSize: 12 },
  splitLine: { lineStyle: { color: 'var(--rule)' } },
  nameTextStyle: { color: 'var(--soft)', fontSize: 12 },
} as const;

/** An axis of shares or scores from 0 to 1. */
export const unitAxis = {
  type: 'value',
  min: 0,
  max: 1,
  interval: 0.25,
  ...axisStyle,
  axisLine: { show: false },
} as const;

/**
 * A name as chart text. ECharts keeps texts as keys of plain objects, so `__proto__` would change the prototype of all
 * objects: such names get an invisible character in front (word joiner).
 */
export const chartText = (name: string): string => (name in Object.prototype ? `\u2060${name}` : name);

/** Draws a chart as SVG when the page is written, so that it is shown without a script and in print. */
export function drawChart({ id, alt, size, narrow, option }: Chart): Markup {
  const draw = (kind: string, [width, height]: readonly [number, number]): Markup =>
    new Markup(renderSvg(`${id}-${kind}`, width, height, option));
  const drawn =
    narrow === undefined
      ? draw('any', size)
      : html`<div class="wide">${draw('wide', size)}</div><div class="narrow">${draw('narrow', narrow)}</div>`;
  return html`<div class="chart" data-chart="${id}" role="img" aria-label="${alt}">${drawn}</div>`;
}

function renderSvg(id: string, width: number, height: number, option: ChartOption): string {
  const style = { animation: false, textStyle: { fontFamily: 'inherit', color: 'var(--soft)' } };
  return (
    renderToSvg(width, height, { ...style, ...option })
      // The page has its own hover styles, and needs neither ECharts' nor their classes.
      .replace(/<style[^>]*>.*?<\/style>/s, '')
      .replace(/ class="zr\d+-cls-\d+"/g, '')
      // ECharts numbers its elements per process, which would make every report of a run differ.
      .replace(/\bzr\d+-/g, `${id}-`)
  );
}
