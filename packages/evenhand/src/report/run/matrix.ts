import { html, Markup } from '../page/markup.js';
import type { Cell } from './payload.js';

/** Shades of a cell, by its share of the row. */
export const SHADES = 5;

/** Below this many pixels a cell has no room for a label beside it. */
const LEAST_FOR_LABELS = 8;
const LEAST_FOR_COUNTS = 22;

export interface MatrixView {
  readonly classes: readonly string[];
  readonly cells: readonly Cell[];
  readonly support: readonly number[];
  /** Class indices from first to last. */
  readonly order: readonly number[];
  /** Pixels of a cell's side. */
  readonly cell: number;
  /** Pixels for a label beside it. */
  readonly room: number;
  /** Leaves out the right answers. */
  readonly mistakesOnly: boolean;
}

/**
 * The confusion matrix with its labels. Cells of one shade are one path, so that a matrix of 500 classes stays small;
 * which cell a click meant follows from where it was.
 */
export function matrixMarkup(view: MatrixView): Markup {
  const { order, cell, room, classes } = view;
  const size = order.length;
  const side = Math.round(size * cell);
  const labelled = cell >= LEAST_FOR_LABELS;
  const labels = (kind: string): Markup | false =>
    labelled &&
    html`<div class="labels ${kind}" aria-hidden="true">${order.map((k) => html`<span>${classes[k]}</span>`)}</div>`;
  const font = Math.min(13, Math.max(7, cell - 1.5)).toFixed(1);
  return html`<div class="matrix-grid${labelled ? '' : ' bare'}" style="--cell:${cell.toFixed(3)}px;--label:${font}px;--room:${room}px">
<div class="corner" aria-hidden="true"></div>${labels('top')}${labels('left')}
<svg class="cells" viewBox="0 0 ${size} ${size}" width="${side}" height="${side}" role="img" aria-label="Confusion matrix: a row a label, a column an answer" shape-rendering="crispEdges">${cellsMarkup(view)}</svg></div>`;
}

function cellsMarkup({ cells, order, support, cell, mistakesOnly }: MatrixView): Markup[] {
  const place = new Int32Array(order.length);
  for (const [at, k] of order.entries()) place[k] = at;
  const paths = new Map<string, string>();
  const counts: Markup[] = [];
  for (const [truth, predicted, count] of cells) {
    const right = truth === predicted;
    if (right && mistakesOnly) continue;
    const shade = shadeOf(count / Math.max(1, support[truth]!));
    const name = `${right ? 'right' : 'wrong'}-${shade}`;
    const [x, y] = [place[predicted]!, place[truth]!];
    paths.set(name, `${paths.get(name) ?? ''}M${x} ${y}h1v1h-1z`);
    if (cell >= LEAST_FOR_COUNTS) {
      const dark = shade >= 3 ? ' class="on-dark"' : '';
      counts.push(new Markup(`<text x="${x + 0.5}" y="${y + 0.5}"${dark}>${count}</text>`));
    }
  }
  const drawn = [...paths].map(([name, d]) => new Markup(`<path class="${name}" d="${d}"/>`));
  return [new Markup(diagonal(order.length)), ...drawn, ...counts];
}

/** A faint line along which right answers lie, so that the eye finds it where there are none. */
const diagonal = (size: number): string => `<path class="diagonal" d="M0 0L${size} ${size}"/>`;

/** From 0 to SHADES - 1. */
export const shadeOf = (share: number): number => Math.min(SHADES - 1, Math.max(0, Math.ceil(share * SHADES) - 1));

/** Pixels of a cell and of a label, so that the matrix fits `width` with its labels where there is room for them. */
export function fit(width: number, size: number): Pick<MatrixView, 'cell' | 'room'> {
  const room = width >= 700 && size <= 60 ? 150 : 80;
  const roomy = (width - room - 8) / size;
  return { room, cell: Math.min(44, Math.max(1.2, roomy >= LEAST_FOR_LABELS ? roomy : width / size)) };
}
