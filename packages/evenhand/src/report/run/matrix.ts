import { html, Markup } from '../page/markup.js';
import type { Cell } from './payload.js';

/** The number of shades for a cell's share of its row. */
export const SHADES = 5;

/** The smallest cells, in pixels, with labels beside them and with counts in them. */
const MIN_CELL_WITH_LABELS = 8;
const MIN_CELL_WITH_COUNTS = 22;

export interface MatrixView {
  readonly classes: readonly string[];
  readonly cells: readonly Cell[];
  readonly support: readonly number[];
  /** Class indices from first to last. */
  readonly order: readonly number[];
  /** Side of a cell in pixels. */
  readonly cellSize: number;
  /** Pixels for the labels beside the matrix. */
  readonly labelSize: number;
  /** Leaves out correct predictions. */
  readonly mistakesOnly: boolean;
}

/**
 * The confusion matrix with its labels. All cells of one shade are one path, so that a matrix of 500 classes stays small;
 * the script finds the cell of a click by its position.
 */
export function matrixMarkup(view: MatrixView): Markup {
  const { order, cellSize, labelSize, classes } = view;
  const size = order.length;
  const side = Math.round(size * cellSize);
  const labelled = cellSize >= MIN_CELL_WITH_LABELS;
  const labels = (kind: string): Markup | false =>
    labelled &&
    html`<div class="labels ${kind}" aria-hidden="true">${order.map((k) => html`<span>${classes[k]}</span>`)}</div>`;
  const font = Math.min(13, Math.max(7, cellSize - 1.5)).toFixed(1);
  return html`<div class="matrix-grid${labelled ? '' : ' bare'}" style="--cell:${cellSize.toFixed(3)}px;--label:${font}px;--room:${labelSize}px">
<div class="corner" aria-hidden="true"></div>${labels('top')}${labels('left')}
<svg class="cells" viewBox="0 0 ${size} ${size}" width="${side}" height="${side}" role="img" aria-label="Confusion matrix: rows are labels, columns are predictions" shape-rendering="crispEdges">${cellsMarkup(view)}</svg></div>`;
}

function cellsMarkup({ cells, order, support, cellSize, mistakesOnly }: MatrixView): Markup[] {
  const place = new Int32Array(order.length);
  for (const [position, k] of order.entries()) place[k] = position;
  const paths = new Map<string, string>();
  const counts: Markup[] = [];
  for (const [truth, predicted, count] of cells) {
    const correct = truth === predicted;
    if (correct && mistakesOnly) continue;
    const shade = shadeOf(count / Math.max(1, support[truth]!));
    const name = `${correct ? 'right' : 'wrong'}-${shade}`;
    const [x, y] = [place[predicted]!, place[truth]!];
    paths.set(name, `${paths.get(name) ?? ''}M${x} ${y}h1v1h-1z`);
    if (cellSize >= MIN_CELL_WITH_COUNTS) {
      const dark = shade >= 3 ? ' class="on-dark"' : '';
      counts.push(new Markup(`<text x="${x + 0.5}" y="${y + 0.5}"${dark}>${count}</text>`));
    }
  }
  const drawn = [...paths].map(([name, d]) => new Markup(`<path class="${name}" d="${d}"/>`));
  return [new Markup(diagonal(order.length)), ...drawn, ...counts];
}

/** A faint line along the diagonal, also visible if there are no correct predictions. */
const diagonal = (size: number): string => `<path class="diagonal" d="M0 0L${size} ${size}"/>`;

/** The shade of a share from 0 to 1: from 0 to SHADES - 1. */
export const shadeOf = (share: number): number => Math.min(SHADES - 1, Math.max(0, Math.ceil(share * SHADES) - 1));

/** Sizes in pixels with which a matrix of `numClasses` classes fits into `width`, with labels if there is room. */
export function fitMatrix(width: number, numClasses: number): Pick<MatrixView, 'cellSize' | 'labelSize'> {
  const labelSize = width >= 700 && numClasses <= 60 ? 150 : 80;
  const withLabels = (width - labelSize - 8) / numClasses;
  // Without room for labels, cells stay below the size that has them.
  const withoutLabels = Math.min(width / numClasses, MIN_CELL_WITH_LABELS - 0.01);
  const cellSize = withLabels >= MIN_CELL_WITH_LABELS ? withLabels : withoutLabels;
  return { labelSize, cellSize: Math.min(44, Math.max(1.2, cellSize)) };
}
