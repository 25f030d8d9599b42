import { thumbnail } from '../../page/image.js';
import { count, html, type Markup, percent, plural, score } from '../../page/markup.js';
import { type Analysis, confidentMistakes, confusedPairs, type Image, type Pair, type Scores } from '../analysis.js';
import { card } from '../card.js';
import { fit, matrixMarkup } from '../matrix.js';
import type { Cell, ListedImage } from '../payload.js';
import { confidenceChart, reliabilityChart } from './calibration-charts.js';
import { drawChart } from './draw.js';
import type { Section } from './overview.js';

const PAIRS = 12;
const IN_PAIR = 3;
const GALLERY = 48;
/** Pixels of the page's column. */
const COLUMN = 1000;

export const listed = ({ id, file, truth, predicted, confidence, given }: Image): ListedImage => [
  id,
  file,
  truth,
  predicted,
  Math.round(confidence * 1e4) / 1e4,
  Math.round(given * 1e4) / 1e4,
];

export function cellsOf({ matrix }: Scores): Cell[] {
  const { numClasses, counts } = matrix;
  const cells: Cell[] = [];
  for (const [i, n] of counts.entries()) {
    if (n > 0) cells.push([Math.floor(i / numClasses), i % numClasses, n]);
  }
  return cells;
}

/** The orders that the matrix can be shown in. */
export function ordersOf({ classes, scores }: Analysis): Record<string, readonly number[]> {
  if (scores === null) return {};
  const { perClass } = scores.report;
  const by = (compare: (a: number, b: number) => number): number[] => [...classes.keys()].sort(compare);
  return {
    similarity: scores.similarityOrder,
    name: by((a, b) => classes[a]!.localeCompare(classes[b]!, 'en', { numeric: true })),
    f1: by((a, b) => perClass[a]!.f1 - perClass[b]!.f1 || a - b),
    support: by((a, b) => perClass[b]!.support - perClass[a]!.support || a - b),
  };
}

const orderNames: Readonly<Record<string, string>> = {
  similarity: 'similarity',
  name: 'name',
  f1: 'F1, the worst first',
  support: 'number of images',
};

export function confusionSection(analysis: Analysis): Section | null {
  const { classes, scores } = analysis;
  if (scores === null) return null;
  const matrix = matrixMarkup({
    classes,
    cells: cellsOf(scores),
    support: scores.report.perClass.map(({ support }) => support),
    order: scores.similarityOrder,
    ...fit(COLUMN - 40, classes.length),
    mistakesOnly: false,
  });
  const shades = (kind: string): Markup[] => [0, 1, 2, 3, 4].map((i) => html`<i class="swatch ${kind}-${i}"></i>`);
  return {
    id: 'confusion',
    name: 'Confusions',
    body: html`<p class="lead">A row is a label, a column what the model answered. By similarity, classes that are confused lie side by side, so
that groups show as blocks along the diagonal. <span class="script">Choose a cell for its images; the arrow keys go from cell to cell.</span></p>
<div class="tools script"><label>Order by <select id="matrix-order">${Object.entries(orderNames).map(([key, name]) => html`<option value="${key}">${name}</option>`)}</select></label>
<label class="check"><input type="checkbox" id="matrix-mistakes"> mistakes only</label>
<span class="buttons" role="group" aria-label="Zoom"><button type="button" data-zoom="1" aria-pressed="true">Fit</button><button type="button" data-zoom="2" aria-pressed="false">2×</button><button type="button" data-zoom="4" aria-pressed="false">4×</button></span></div>
<figure><div id="matrix" class="matrix" tabindex="0" role="group" aria-label="Confusion matrix. Arrow keys go from cell to cell, Enter opens the images.">${matrix}</div>
<p id="matrix-said" class="script" role="status">&nbsp;</p>
<figcaption class="key">Share of the label's images: <span>${shades('right')} right</span> <span>${shades('wrong')} wrong</span> <span>each from 0 to 100 %</span></figcaption></figure>`,
  };
}

export function pairsSection(analysis: Analysis): Section | null {
  const { classes, scores } = analysis;
  if (scores === null) return null;
  const pairs = confusedPairs(scores.matrix, PAIRS);
  return {
    id: 'pairs',
    name: 'Pairs',
    body:
      pairs.length === 0
        ? html`<p class="empty">No class was taken for another.</p>`
        : html`<p class="lead">The classes that are most often taken for one another, side by side: above, images that were answered
rightly; below, those that were taken for the other class.</p>
<div class="pairs">${pairs.map((pair) => pairCard(pair, scores.images, classes))}</div>`,
  };
}

function pairCard({ a, b, count: n, share }: Pair, images: readonly Image[], classes: readonly string[]): Markup {
  const strip = (truth: number, predicted: number): Markup => {
    const found = imagesOf(images, truth, predicted);
    const shown = found.slice(0, IN_PAIR);
    const empty = truth === predicted ? 'none was answered rightly' : 'none';
    if (shown.length === 0) return html`<p class="faint">${empty}</p>`;
    return html`<button type="button" class="strip" data-truth="${truth}" data-predicted="${predicted}" aria-label="Images labelled ${classes[truth]} and answered ${classes[predicted]}">${shown.map(
      ({ id, file }) => thumbnail(id, file),
    )}${found.length > IN_PAIR && html`<span class="more">+${found.length - IN_PAIR}</span>`}</button>`;
  };
  const side = (own: number, other: number): Markup => {
    const taken = imagesOf(images, own, other).length;
    return html`<div><h4>${classes[own]}</h4>${strip(own, own)}
<p class="taken"><b>${taken}</b> taken for ${classes[other]}</p>${taken > 0 && strip(own, other)}</div>`;
  };
  return html`<article class="pair"><h3>${classes[a]} <span class="versus">and</span> ${classes[b]} <small>${plural(n, 'mix-up')}, ${percent(share)} of their images</small></h3>
<div class="sides">${side(a, b)}${side(b, a)}</div></article>`;
}

/** The images of a cell, the most confident first. */
const imagesOf = (images: readonly Image[], truth: number, predicted: number): Image[] =>
  images
    .filter((each) => each.truth === truth && each.predicted === predicted)
    .sort((x, y) => y.confidence - x.confidence || x.id - y.id);

/** Images in the order in which thumbnails are worth their bytes. */
export function wantedImages({ scores }: Analysis): Image[] {
  if (scores === null) return [];
  const { images, matrix } = scores;
  const mistakes = confidentMistakes(images);
  const inPairs = confusedPairs(matrix, PAIRS).flatMap(({ a, b }) =>
    [
      [a, a],
      [b, b],
      [a, b],
      [b, a],
    ].flatMap(([truth, predicted]) => imagesOf(images, truth!, predicted!).slice(0, IN_PAIR)),
  );
  // One of each class comes before the second of any.
  const seen = new Map<number, number>();
  const right = images
    .filter(({ truth, predicted }) => truth === predicted)
    .sort((x, y) => y.confidence - x.confidence || x.id - y.id)
    .map((image) => {
      const rank = seen.get(image.truth) ?? 0;
      seen.set(image.truth, rank + 1);
      return { image, rank };
    })
    .sort((x, y) => x.rank - y.rank)
    .map(({ image }) => image);
  const first = right.slice(0, seen.size);
  return [...new Set([...inPairs, ...mistakes.slice(0, GALLERY), ...first, ...mistakes, ...right])];
}

export function calibrationSection({ scores }: Analysis): Section | null {
  if (scores === null) return null;
  const { raw, fitted } = scores.calibration;
  const { temperature } = scores.decision.rule;
  const tempered = temperature !== 1;
  const charts = [
    reliabilityChart(raw.bins, tempered ? fitted.bins : null),
    confidenceChart(tempered ? fitted.bins : raw.bins),
  ];
  const [reliability, confidence] = charts.map(drawChart);
  const surer = temperature > 1 ? 'surer than it is right' : 'less sure than it could be';
  const effect =
    fitted.error < raw.error
      ? html`lowers the expected calibration error from <b>${score(raw.error)}</b> to <b>${score(fitted.error)}</b>, on the images that it was fitted on.`
      : html`lowers the loss, though not the expected calibration error (<b>${score(raw.error)}</b> as trained, <b>${score(fitted.error)}</b> with it):
answers that are very sure and wrong weigh most in the loss.`;
  const verdict = tempered
    ? html`By its loss, the model is ${surer}. The exported model divides its logits by the fitted temperature <b>${temperature.toFixed(2)}</b>, which ${effect}`
    : html`The expected calibration error is <b>${score(raw.error)}</b>. No temperature is applied: none lowered the loss of images held out
of its fit, or there are too few images to fit one.`;
  const rows = raw.bins.map((bin, i) => {
    const other = fitted.bins[i]!;
    return html`<tr><th scope="row">${bin.low.toFixed(2)} to ${bin.high.toFixed(2)}</th><td>${count(bin.count)}</td><td>${score(bin.confidence)}</td><td>${score(bin.accuracy)}</td>
<td>${count(other.count)}</td><td>${score(other.confidence)}</td><td>${score(other.accuracy)}</td></tr>`;
  });
  return {
    id: 'calibration',
    name: 'Calibration',
    charts,
    body: html`<p class="lead">Whether the model's confidence can be believed: of the answers given with 70 %, seven in ten should be right. ${verdict}</p>
<div class="two"><figure>${reliability}<figcaption class="key">${tempered && html`<span><i class="f1"></i>calibrated</span>`}<span><i class="acc"></i>as trained</span><span>dotted: perfect</span></figcaption></figure>
<figure>${confidence}<figcaption class="key"><span><i class="swatch right-3"></i>right</span><span><i class="swatch wrong-3"></i>wrong</span><span>${tempered ? 'calibrated confidence' : 'confidence'}</span></figcaption></figure></div>
<details><summary>The numbers of every bin</summary><div class="scroll"><table class="plain"><thead><tr><th>Bin</th><th>Images, as trained</th><th>Confidence</th><th>Right</th><th>Images, calibrated</th><th>Confidence</th><th>Right</th></tr></thead><tbody>${rows}</tbody></table></div></details>`,
  };
}

export function gallerySection({ classes, scores }: Analysis): Section | null {
  if (scores === null) return null;
  const mistakes = confidentMistakes(scores.images);
  const shown = mistakes.slice(0, GALLERY);
  return {
    id: 'mistakes',
    name: 'Mistakes',
    body:
      shown.length === 0
        ? html`<p class="empty">Every validation image was answered rightly.</p>`
        : html`<p class="lead">The wrong answers that the model is surest of. Where the image agrees with the model, the label is likely wrong.
${plural(mistakes.length, 'image')} of ${count(scores.images.length)} ${mistakes.length === 1 ? 'was' : 'were'} answered wrongly${mistakes.length > shown.length && html`; these are the ${shown.length} most confident`}.</p>
<div class="gallery">${shown.map((image) => card(listed(image), classes))}</div>
<details><summary>Their file names, to copy</summary><pre class="files">${shown.map(({ file }) => `${file}\n`)}</pre></details>`,
  };
}
