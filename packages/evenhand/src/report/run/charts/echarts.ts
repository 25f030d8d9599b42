// The parts of ECharts that the charts use. A file of its own, because packing replaces it by one with ECharts in it: the
// npm package has 60 MB, these parts less than one.
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, CustomChart, LineChart, ScatterChart, GridComponent, MarkAreaComponent, MarkLineComponent, SVGRenderer]);

/** Options of a chart: https://echarts.apache.org/en/option.html */
export type ChartOption = Readonly<Record<string, unknown>>;

/**
 * Draws a chart of `width` x `height` pixels.
 *
 * @returns an SVG element
 */
export function renderToSvg(width: number, height: number, option: ChartOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
