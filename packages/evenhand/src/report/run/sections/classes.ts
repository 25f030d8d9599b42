import { type Column, classTableMarkup } from '../../page/class-table-markup.js';
import { html, type Markup } from '../../page/markup.js';
import { NONE, showCount, showScore } from '../../page/numbers.js';
import { type Analysis, compareByFrequency, type ValidationScores } from '../analysis/analyse-run.js';
import { SupportScale } from '../analysis/support-scale.js';
import { countChart, f1Chart } from '../charts/class-charts.js';
import { type Chart, drawChart } from '../charts/draw-chart.js';
import type { ReportSection } from './section.js';

export function classesSection({ classes, classCounts, scores }: Analysis): ReportSection | null {
  if (scores === null) return null;
  const { perClass } = scores.report;
  const scale = new SupportScale(perClass.map(({ support }) => support));
  const chart = f1Chart(perClass, classes, scale);
  return {
    id: 'classes',
    name: 'Classes',
    title: 'Classes',
    charts: [chart],
    body: html`<p class="lead">F1 is the harmonic mean of precision and recall. Macro F1 is the mean of these bars.</p>
<figure>${drawChart(chart)}${legend(scale)}</figure>
${classScoresTable(scores, classes, classCounts, scale)}`,
  };
}

const legend = (scale: SupportScale): Markup => html`<figcaption class="key">Validation images per class:
${scale.legend().map(({ step, text }) => html`<span><i class="swatch support-${step}"></i>${text}</span>`)}</figcaption>`;

const columns: readonly (Column & { readonly key: string })[] = [
  { name: 'Class', key: 'name', kind: 'text' },
  { name: 'F1', key: 'f1', kind: 'number', first: 'ascending', sorted: 'ascending' },
  { name: 'Precision', key: 'precision', kind: 'number', detail: true },
  { name: 'Recall', key: 'recall', kind: 'number', detail: true },
  { name: 'Val images', key: 'support', kind: 'number' },
  { name: 'Train images', key: 'train', kind: 'number' },
  { name: 'Most confused with', key: 'confused', kind: 'text', detail: true },
];

function classScoresTable(
  { report, matrix }: ValidationScores,
  classes: readonly string[],
  classCounts: readonly number[] | null,
  scale: SupportScale,
): Markup {
  const shown = columns.filter(({ key }) => key !== 'train' || classCounts !== null);
  const order = [...classes.keys()].sort((a, b) => report.perClass[a]!.f1 - report.perClass[b]!.f1 || a - b);
  const rows = order.map((k) => {
    const { f1, precision, recall, support } = report.perClass[k]!;
    const other = mostConfusedWith(matrix.counts, classes.length, k);
    const cells: Record<string, Markup> = {
      name: html`<th scope="row"><button type="button" class="link" data-class="${k}">${classes[k]}</button></th>`,
      f1: html`<td class="number bar"><i class="support-${scale.stepOf(support)}" style="--f1:${f1.toFixed(3)}"></i><span>${showScore(f1)}</span></td>`,
      precision: html`<td class="number detail">${showScore(precision)}</td>`,
      recall: html`<td class="number detail">${showScore(recall)}</td>`,
      support: html`<td class="number">${showCount(support)}</td>`,
      train: html`<td class="number">${showCount(classCounts?.[k] ?? Number.NaN)}</td>`,
      confused:
        other === null
          ? html`<td class="faint detail">${NONE}</td>`
          : html`<td class="detail">${classes[other.label]} <small>${other.count} of ${support}</small></td>`,
    };
    return html`<tr>${shown.map(({ key }) => cells[key])}</tr>`;
  });
  return classTableMarkup(classes.length, 'Scores of every class', shown, rows);
}

/** The most frequent wrong prediction for the images of a class; null if there is none. */
function mostConfusedWith(
  counts: Float64Array,
  numClasses: number,
  k: number,
): { label: number; count: number } | null {
  let most: { label: number; count: number } | null = null;
  for (let j = 0; j < numClasses; j++) {
    const n = counts[k * numClasses + j]!;
    if (j !== k && n > (most?.count ?? 0)) most = { label: j, count: n };
  }
  return most;
}

export function countsSection(analysis: Analysis): ReportSection | null {
  const { classes, classCounts, scores } = analysis;
  if (scores === null) return null;
  const about = { id: 'counts', name: 'Rare classes', title: 'Rare and frequent classes' };
  if (classCounts === null) {
    return {
      ...about,
      body: html`<p class="empty">This run did not record the number of training images per class.</p>`,
    };
  }
  const { perClass } = scores.report;
  const scale = new SupportScale(perClass.map(({ support }) => support));
  const chart: Chart = countChart(perClass, classes, classCounts, scale);
  return {
    ...about,
    charts: [chart],
    body: html`<p class="lead">F1 by the number of training images. Each point is a class; the dashed line is the mean of neighbouring
classes. ${frequencySentence(analysis)}</p><figure>${drawChart(chart)}${legend(scale)}</figure>`,
  };
}

function frequencySentence(analysis: Analysis): string {
  const comparison = compareByFrequency(analysis);
  if (comparison === null) return '';
  const { rare, frequent } = comparison;
  return (
    `The third of the classes with the fewest training images has a mean F1 of ${showScore(rare)}, ` +
    `the third with the most ${showScore(frequent)}.`
  );
}
