import { plural } from '../../../format.js';
import { thumbnail } from '../../page/image.js';
import { html, type Markup } from '../../page/markup.js';
import { showPercent } from '../../page/numbers.js';
import {
  type Analysis,
  type ConfusedPair,
  confusedPairs,
  type Image,
  type ValidationScores,
} from '../analysis/analyse-run.js';
import { fitMatrix, matrixMarkup } from '../matrix.js';
import type { Cell } from '../payload.js';
import type { ReportSection } from './section.js';

export const MAX_PAIRS = 12;
export const IMAGES_PER_PAIR = 3;
/** Width of the page's main column in pixels. */
const COLUMN = 1000;

export function cellsOf({ matrix }: ValidationScores): Cell[] {
  const { numClasses, counts } = matrix;
  const cells: Cell[] = [];
  for (const [i, n] of counts.entries()) {
    if (n > 0) cells.push([Math.floor(i / numClasses), i % numClasses, n]);
  }
  return cells;
}

/** The orders in which the matrix can be shown. */
export function ordersOf({ classes, scores }: Analysis): Record<string, readonly number[]> {
  if (scores === null) return {};
  const { perClass } = scores.report;
  const sorted = (compare: (a: number, b: number) => number): number[] => [...classes.keys()].sort(compare);
  return {
    similarity: scores.similarityOrder,
    name: sorted((a, b) => classes[a]!.localeCompare(classes[b]!, 'en', { numeric: true })),
    f1: sorted((a, b) => perClass[a]!.f1 - perClass[b]!.f1 || a - b),
    support: sorted((a, b) => perClass[b]!.support - perClass[a]!.support || a - b),
  };
}

const orderNames: Readonly<Record<string, string>> = {
  similarity: 'similarity',
  name: 'name',
  f1: 'F1, lowest first',
  support: 'images, most first',
};

export function confusionSection(analysis: Analysis): ReportSection | null {
  const { classes, scores } = analysis;
  if (scores === null) return null;
  const matrix = matrixMarkup({
    classes,
    cells: cellsOf(scores),
    support: scores.report.perClass.map(({ support }) => support),
    order: scores.similarityOrder,
    ...fitMatrix(COLUMN - 40, classes.length),
    mistakesOnly: false,
  });
  const shades = (kind: string): Markup[] => [0, 1, 2, 3, 4].map((i) => html`<i class="swatch ${kind}-${i}"></i>`);
  return {
    id: 'confusion',
    name: 'Confusion',
    title: 'Confusion matrix',
    body: html`<p class="lead">Rows are labels, columns are predictions. Ordered by similarity, classes that are easily confused are adjacent.
<span class="script">Click a cell to see its images, or move between cells with the arrow keys.</span></p>
<div class="tools script"><label>Order by <select id="matrix-order">${Object.entries(orderNames).map(([key, name]) => html`<option value="${key}">${name}</option>`)}</select></label>
<label class="check"><input type="checkbox" id="matrix-mistakes"> errors only</label>
<span class="buttons" role="group" aria-label="Zoom"><button type="button" data-zoom="1" aria-pressed="true">Fit</button><button type="button" data-zoom="2" aria-pressed="false">2×</button><button type="button" data-zoom="4" aria-pressed="false">4×</button></span></div>
<figure><div id="matrix" class="matrix" tabindex="0" role="group" aria-label="Confusion matrix. Arrow keys move between cells, Enter opens the images.">${matrix}</div>
<p id="matrix-cell" class="script" role="status">&nbsp;</p>
<figcaption class="key">Share of the images with the label, from 0 to 100 %: <span>${shades('right')} correct</span> <span>${shades('wrong')} wrong</span></figcaption></figure>`,
  };
}

export function pairsSection(analysis: Analysis): ReportSection | null {
  const { classes, scores } = analysis;
  if (scores === null) return null;
  const pairs = confusedPairs(scores.matrix, MAX_PAIRS);
  return {
    id: 'pairs',
    name: 'Pairs',
    title: 'Most confused pairs',
    body:
      pairs.length === 0
        ? html`<p class="empty">No class was predicted as another.</p>`
        : html`<p class="lead">The pairs of classes with the most confusions. Above, images that were predicted correctly; below, images that were
predicted as the other class.</p>
<div class="pairs">${pairs.map((pair) => pairCard(pair, scores.images, classes))}</div>`,
  };
}

function pairCard(
  { a, b, count: n, share }: ConfusedPair,
  images: readonly Image[],
  classes: readonly string[],
): Markup {
  const stripMarkup = (truth: number, predicted: number): Markup => {
    const inCell = imagesOfCell(images, truth, predicted);
    const shown = inCell.slice(0, IMAGES_PER_PAIR);
    const empty = truth === predicted ? 'none predicted correctly' : 'none';
    if (shown.length === 0) return html`<p class="faint">${empty}</p>`;
    return html`<button type="button" class="strip" data-truth="${truth}" data-predicted="${predicted}" aria-label="Images with label ${classes[truth]} and prediction ${classes[predicted]}">${shown.map(
      ({ id, file }) => thumbnail(id, file),
    )}${inCell.length > IMAGES_PER_PAIR && html`<span class="more">+${inCell.length - IMAGES_PER_PAIR}</span>`}</button>`;
  };
  const sideMarkup = (own: number, other: number): Markup => {
    const confused = imagesOfCell(images, own, other).length;
    return html`<div><h4>${classes[own]}</h4>${stripMarkup(own, own)}
<p class="taken"><b>${confused}</b> predicted as ${classes[other]}</p>${confused > 0 && stripMarkup(own, other)}</div>`;
  };
  return html`<article class="pair"><h3>${classes[a]} <span class="versus">and</span> ${classes[b]} <small>${plural(n, 'confusion')}, ${showPercent(share)} of their images</small></h3>
<div class="sides">${sideMarkup(a, b)}${sideMarkup(b, a)}</div></article>`;
}

/** The images of a cell of the confusion matrix, most confident first. */
export const imagesOfCell = (images: readonly Image[], truth: number, predicted: number): Image[] =>
  images
    .filter((image) => image.truth === truth && image.predicted === predicted)
    .sort((x, y) => y.confidence - x.confidence || x.id - y.id);
