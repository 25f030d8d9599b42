import type { Section } from '../../page/document.js';
import type { Chart } from '../charts/draw-chart.js';

/** A section of the report with the charts in it. */
export interface ReportSection extends Section {
  readonly charts?: readonly Chart[];
}
