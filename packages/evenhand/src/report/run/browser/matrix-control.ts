/// <reference lib="dom" preserve="true" />
import { showPercent } from '../../page/numbers.js';
import { fitMatrix, matrixMarkup } from '../matrix.js';
import type { Payload } from '../payload.js';
import type { Tip } from './tips.js';

type Place = readonly [row: number, column: number];

const steps: Readonly<Record<string, Place>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Lets the reader order and zoom the confusion matrix and select its cells. */
export class MatrixControl {
  readonly #cellText = document.getElementById('matrix-cell')!;
  readonly #counts: ReadonlyMap<number, number>;
  #order: readonly number[];
  #zoom = 1;
  #mistakesOnly = false;
  /** The cell selected with the keyboard. */
  #cursor: Place | undefined;

  constructor(
    private readonly payload: Payload,
    private readonly box: HTMLElement,
    private readonly tip: Tip,
    private readonly open: (truth: number, predicted: number) => void,
  ) {
    const size = payload.classes.length;
    this.#counts = new Map(payload.cells.map(([truth, predicted, count]) => [truth * size + predicted, count]));
    this.#order = payload.orders.similarity!;
    const order = document.getElementById('matrix-order') as HTMLSelectElement;
    // Browsers keep a selection when a page is reloaded.
    order.value = 'similarity';
    order.addEventListener('change', () => {
      this.#order = payload.orders[order.value]!;
      this.#cursor = undefined;
      this.#draw();
    });
    const errorsOnly = document.getElementById('matrix-mistakes') as HTMLInputElement;
    errorsOnly.checked = false;
    errorsOnly.addEventListener('change', () => {
      this.#mistakesOnly = errorsOnly.checked;
      this.#draw();
    });
    const zooms = document.querySelectorAll<HTMLElement>('[data-zoom]');
    for (const button of zooms) {
      button.addEventListener('click', () => {
        for (const other of zooms) other.setAttribute('aria-pressed', String(other === button));
        this.#zoom = Number(button.dataset.zoom);
        this.#draw();
      });
    }
    box.addEventListener('pointermove', (event) => {
      const place = this.#placeOf(event);
      if (place === undefined) return this.#leave();
      this.#mark(place);
      this.tip.show(this.#describe(place), event.clientX, event.clientY);
    });
    box.addEventListener('pointerleave', () => this.#leave());
    box.addEventListener('click', (event) => {
      const place = this.#placeOf(event);
      if (place !== undefined) this.#openAt(place);
    });
    box.addEventListener('keydown', (event) => this.#key(event));
    let width = box.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(box.clientWidth - width) < 2) return;
      width = box.clientWidth;
      this.#draw();
    }).observe(box);
    this.#draw();
  }

  #draw(): void {
    const { classes, cells, support } = this.payload;
    const { cellSize, labelSize } = fitMatrix(this.box.clientWidth - 2, classes.length);
    this.box.toggleAttribute('data-zoomed', this.#zoom > 1);
    this.box.innerHTML = matrixMarkup({
      classes,
      cells,
      support,
      order: this.#order,
      cellSize: cellSize * this.#zoom,
      labelSize,
      mistakesOnly: this.#mistakesOnly,
    }).text;
    if (this.#cursor !== undefined) this.#mark(this.#cursor, true);
  }

  #placeOf({ clientX, clientY }: MouseEvent): Place | undefined {
    const { left, top, width, height } = this.#svg.getBoundingClientRect();
    const size = this.#order.length;
    const column = Math.floor(((clientX - left) / width) * size);
    const row = Math.floor(((clientY - top) / height) * size);
    return row >= 0 && row < size && column >= 0 && column < size ? [row, column] : undefined;
  }

  get #svg(): SVGSVGElement {
    return this.box.querySelector('.cells')!;
  }

  #countAt([row, column]: Place): number {
    const [truth, predicted] = [this.#order[row]!, this.#order[column]!];
    if (this.#mistakesOnly && truth === predicted) return 0;
    return this.#counts.get(truth * this.#order.length + predicted) ?? 0;
  }

  #describe(place: Place): string {
    const { classes, support } = this.payload;
    const [truth, predicted] = [this.#order[place[0]]!, this.#order[place[1]]!];
    const count = this.#countAt(place);
    const total = support[truth]!;
    const share = total > 0 && count > 0 ? ` (${showPercent(count / total)})` : '';
    const outcome = truth === predicted ? 'predicted correctly' : `predicted as ${classes[predicted]}`;
    return `${classes[truth]}, ${outcome}: ${count} of ${total}${share}`;
  }

  /** Highlights the row, the column and the labels of a cell, and frames the cell if it was selected with the keyboard. */
  #mark([row, column]: Place, framed = false): void {
    const size = this.#order.length;
    for (const old of this.box.querySelectorAll('.cross,.cursor')) old.remove();
    for (const old of this.box.querySelectorAll('.labels .active')) old.classList.remove('active');
    const rectangle = (name: string, x: number, y: number, width: number, height: number): void => {
      const element = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
      for (const [key, value] of Object.entries({ class: name, x, y, width, height })) {
        element.setAttribute(key, String(value));
      }
      this.#svg.append(element);
    };
    rectangle('cross', 0, row, size, 1);
    rectangle('cross', column, 0, 1, size);
    if (framed) rectangle('cursor', column, row, 1, 1);
    this.box.querySelector('.labels.left')?.children[row]?.classList.add('active');
    this.box.querySelector('.labels.top')?.children[column]?.classList.add('active');
  }

  #leave(): void {
    this.tip.hide();
    for (const old of this.box.querySelectorAll('.cross')) old.remove();
    for (const old of this.box.querySelectorAll('.labels .active')) old.classList.remove('active');
  }

  #openAt(place: Place): void {
    this.tip.hide();
    if (this.#countAt(place) > 0) this.open(this.#order[place[0]]!, this.#order[place[1]]!);
  }

  #key(event: KeyboardEvent): void {
    if ((event.key === 'Enter' || event.key === ' ') && this.#cursor !== undefined) {
      event.preventDefault();
      this.#openAt(this.#cursor);
      return;
    }
    const step = steps[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#cursor = this.#cursor === undefined ? [0, 0] : this.#next(this.#cursor, step);
    this.#mark(this.#cursor, true);
    this.#cellText.textContent = this.#describe(this.#cursor);
    this.box.querySelector('.cursor')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  /** The next cell with images in a direction, so that large matrices are quick to walk through; else the next cell. */
  #next(from: Place, [down, right]: Place): Place {
    const size = this.#order.length;
    const inside = ([row, column]: Place): boolean => row >= 0 && row < size && column >= 0 && column < size;
    const cellAhead = (steps: number): Place => [from[0] + steps * down, from[1] + steps * right];
    for (let n = 1; inside(cellAhead(n)); n++) if (this.#countAt(cellAhead(n)) > 0) return cellAhead(n);
    return inside(cellAhead(1)) ? cellAhead(1) : from;
  }
}
