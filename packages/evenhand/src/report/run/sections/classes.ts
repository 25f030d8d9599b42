import { type Column, classTableMarkup } from '../../page/class-table-markup.js';
import { count, html, type Markup, NONE, score } from '../../page/markup.js';
import type { Analysis, Scores } from '../analysis.js';
import { SupportScale } from '../support.js';
import { countChart, f1Chart } from './class-charts.js';
import { type Chart, drawChart } from './draw.js';
import type { Section } from './overview.js';

export function classesSection({ classes, classCounts, scores }: Analysis): Section | null {
  if (scores === null) return null;
  const { perClass } = scores.report;
  const scale = new SupportScale(perClass.map(({ support }) => support));
  const chart = f1Chart(perClass, classes, scale);
  return {
    id: 'classes',
    name: 'Classes',
    charts: [chart],
    body: html`<p class="lead">F1 of each class: the harmonic mean of precision and recall. Macro F1 is the mean of these bars.</p>
<figure>${drawChart(chart)}${legend(scale)}</figure>
${table(scores, classes, classCounts, scale)}`,
  };
}

const legend = (scale: SupportScale): Markup => html`<figcaption class="key">Validation images of the class:
${scale.legend().map(({ step, text }) => html`<span><i class="swatch support-${step}"></i>${text}</span>`)}</figcaption>`;

const columns: readonly (readonly [name: string, key: string, kind: 'text' | 'number'])[] = [
  ['Class', 'name', 'text'],
  ['F1', 'f1', 'number'],
  ['Precision', 'precision', 'number'],
  ['Recall', 'recall', 'number'],
  ['Validation', 'support', 'number'],
  ['Training', 'train', 'number'],
  ['Most taken for', 'confused', 'text'],
];

function table(
  { report, matrix }: Scores,
  classes: readonly string[],
  classCounts: readonly number[] | null,
  scale: SupportScale,
): Markup {
  const shown = columns.filter(([, key]) => key !== 'train' || classCounts !== null);
  const order = [...classes.keys()].sort((a, b) => report.perClass[a]!.f1 - report.perClass[b]!.f1 || a - b);
  const rows = order.map((k) => {
    const { f1, precision, recall, support } = report.perClass[k]!;
    const other = mostTakenFor(matrix.counts, classes.length, k);
    const cells: Record<string, Markup> = {
      name: html`<th scope="row"><button type="button" class="link" data-class="${k}">${classes[k]}</button></th>`,
      f1: html`<td class="number bar"><i class="support-${scale.stepOf(support)}" style="--f1:${f1.toFixed(3)}"></i><span>${score(f1)}</span></td>`,
      precision: html`<td class="number">${score(precision)}</td>`,
      recall: html`<td class="number">${score(recall)}</td>`,
      support: html`<td class="number">${count(support)}</td>`,
      train: html`<td class="number">${count(classCounts?.[k] ?? Number.NaN)}</td>`,
      confused:
        other === null
          ? html`<td class="faint">${NONE}</td>`
          : html`<td>${classes[other.label]} <small>${other.count} of ${support}</small></td>`,
    };
    return html`<tr>${shown.map(([, key]) => cells[key])}</tr>`;
  });
  const heads = shown.map(
    ([name, key, kind]): Column =>
      key === 'f1' ? { name, kind, first: 'ascending', sorted: 'ascending' } : { name, kind },
  );
  return classTableMarkup(classes.length, 'Scores of every class', heads, rows);
}

/** The wrong answer that the images of a class get most. */
function mostTakenFor(counts: Float64Array, numClasses: number, k: number): { label: number; count: number } | null {
  let found: { label: number; count: number } | null = null;
  for (let j = 0; j < numClasses; j++) {
    const n = counts[k * numClasses + j]!;
    if (j !== k && n > (found?.count ?? 0)) found = { label: j, count: n };
  }
  return found;
}

export function countsSection({ classes, classCounts, scores }: Analysis): Section | null {
  if (scores === null) return null;
  const about = { id: 'counts', name: 'Images' };
  if (classCounts === null) {
    return {
      ...about,
      body: html`<p class="empty">This run did not record how many training images each class has.</p>`,
    };
  }
  const { perClass } = scores.report;
  const scale = new SupportScale(perClass.map(({ support }) => support));
  const chart: Chart = countChart(perClass, classes, classCounts, scale);
  return {
    ...about,
    charts: [chart],
    body: html`<p class="lead">Whether classes with few training images do worse. Each point is a class; the dashed line is the mean of
neighbouring ones. ${rareAgainstFrequent(classCounts, scores)}</p><figure>${drawChart(chart)}${legend(scale)}</figure>`,
  };
}

/** Mean F1 of the third of the classes with the fewest images, and of the third with the most. */
function rareAgainstFrequent(classCounts: readonly number[], { report }: Scores): string {
  const order = [...classCounts.keys()].sort((a, b) => classCounts[a]! - classCounts[b]!);
  const third = Math.floor(order.length / 3);
  if (third < 1 || classCounts[order[0]!] === classCounts[order.at(-1)!]) return '';
  const mean = (part: readonly number[]): number =>
    part.reduce((sum, k) => sum + report.perClass[k]!.f1, 0) / part.length;
  return (
    `The third of the classes with the fewest images has a mean F1 of ${score(mean(order.slice(0, third)))}, ` +
    `the third with the most ${score(mean(order.slice(-third)))}.`
  );
}
