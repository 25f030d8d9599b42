/// <reference lib="dom" preserve="true" />

import { html, type Markup, plural } from '../../page/markup.js';
import { card } from '../card.js';
import type { ListedImage, Payload } from '../payload.js';

/** More would make the dialog slow. */
const MOST = 300;

/** The images of a cell of the confusion matrix, or of a class. */
export class ImageDialog {
  readonly #dialog = document.getElementById('images') as HTMLDialogElement;
  readonly #title = document.getElementById('images-title')!;
  readonly #list = document.getElementById('images-list')!;

  constructor(private readonly payload: Payload) {
    document.getElementById('images-close')!.addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === this.#dialog) this.#dialog.close();
    });
  }

  showCell(truth: number, predicted: number): void {
    const { classes, cells } = this.payload;
    const count = cells.find(([t, p]) => t === truth && p === predicted)?.[2] ?? 0;
    const answered = truth === predicted ? 'answered rightly' : `taken for ${classes[predicted]}`;
    this.#open(`${classes[truth]}, ${answered}: ${plural(count, 'image')}`, [
      this.#gallery((t, p) => t === truth && p === predicted, count),
    ]);
  }

  showClass(label: number): void {
    const { cells, classes } = this.payload;
    const kinds: readonly (readonly [string, (t: number, p: number) => boolean])[] = [
      ['taken for another class', (t, p) => t === label && p !== label],
      ['of another class, taken for this one', (t, p) => t !== label && p === label],
      ['answered rightly', (t, p) => t === label && p === label],
    ];
    const parts = kinds.map(([name, fits]) => {
      const count = cells.reduce((sum, [t, p, n]) => sum + (fits(t, p) ? n : 0), 0);
      return html`<h3>${plural(count, 'image')} ${name}</h3>${this.#gallery(fits, count)}`;
    });
    this.#open(classes[label]!, parts);
  }

  #gallery(fits: (truth: number, predicted: number) => boolean, count: number): Markup {
    const { images, classes } = this.payload;
    const found: ListedImage[] = images.filter(([, , truth, predicted]) => fits(truth, predicted));
    const shown = found.sort((a, b) => b[4] - a[4]).slice(0, MOST);
    const more = count - shown.length;
    return html`<div class="gallery">${shown.map((image) => card(image, classes))}</div>
${more > 0 && html`<p class="faint">${plural(more, 'image')} more, not listed in this page.</p>`}`;
  }

  #open(title: string, parts: readonly Markup[]): void {
    this.#title.textContent = title;
    this.#list.innerHTML = html`${parts}`.text;
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTop = 0;
  }
}
