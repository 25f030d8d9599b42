import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { html, Markup } from '../../page/markup.js';
import type { Point } from '../payload.js';

use([BarChart, CustomChart, LineChart, ScatterChart, GridComponent, MarkAreaComponent, MarkLineComponent, SVGRenderer]);

/** A chart, and by series what is said of each point. */
export interface Chart {
  readonly id: string;
  /** What it shows, in a sentence, for those who do not see it. */
  readonly alt: string;
  /** Pixels; `narrow` is for phones where the chart fills the page's width. */
  readonly size: readonly [width: number, height: number];
  readonly narrow?: readonly [width: number, height: number];
  readonly option: EChartsCoreOption;
  readonly points: readonly (readonly Point[])[];
}

/** Colours are the page's variables, so that a chart follows its light and dark. */
export const axisStyle = {
  axisLine: { lineStyle: { color: 'var(--rule-strong)' } },
  axisTick: { lineStyle: { color: 'var(--rule-strong)' } },
  axisLabel: { color: 'var(--soft)', fontSize: 12 },
  splitLine: { lineStyle: { color: 'var(--rule)' } },
  nameTextStyle: { color: 'var(--soft)', fontSize: 12 },
} as const;

/** An axis of shares or scores. */
export const unitAxis = {
  type: 'value',
  min: 0,
  max: 1,
  interval: 0.25,
  ...axisStyle,
  axisLine: { show: false },
} as const;

/** Charts as SVG, drawn here so that the page shows them without a script and on paper. */
export function drawChart({ id, alt, size, narrow, option }: Chart): Markup {
  const one = (kind: string, [width, height]: readonly [number, number]): Markup =>
    new Markup(svg(`${id}-${kind}`, width, height, option));
  const drawn =
    narrow === undefined
      ? one('any', size)
      : html`<div class="wide">${one('wide', size)}</div><div class="narrow">${one('narrow', narrow)}</div>`;
  return html`<div class="chart" data-chart="${id}" role="img" aria-label="${alt}">${drawn}</div>`;
}

function svg(id: string, width: number, height: number, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit', color: 'var(--soft)' }, ...option });
    return (
      chart
        .renderToSVGString()
        // Its rules for the mouse are the page's affair.
        .replace(/<style[^>]*>.*?<\/style>/s, '')
        // Numbers of the process would make each report of a run another.
        .replace(/\bzr\d+-/g, `${id}-`)
    );
  } finally {
    chart.dispose();
  }
}
