/// <reference lib="dom" preserve="true" />

import { plural } from '../../../format.js';
import { html, type Markup } from '../../page/markup.js';
import { imageCard } from '../image-card.js';
import type { ListedImage, Payload } from '../payload.js';

/** More images would make the dialog slow. */
const MAX_SHOWN = 300;

/** A dialog with the images of a cell of the confusion matrix or of a class. */
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
    const outcome = truth === predicted ? 'predicted correctly' : `predicted as ${classes[predicted]}`;
    this.#open(`${classes[truth]}, ${outcome}: ${plural(count, 'image')}`, [
      this.#gallery((t, p) => t === truth && p === predicted, count),
    ]);
  }

  showClass(label: number): void {
    const { cells, classes } = this.payload;
    const kinds: readonly (readonly [string, (t: number, p: number) => boolean])[] = [
      ['predicted as another class', (t, p) => t === label && p !== label],
      ['of another class predicted as this one', (t, p) => t !== label && p === label],
      ['predicted correctly', (t, p) => t === label && p === label],
    ];
    const parts = kinds.map(([name, fits]) => {
      const count = cells.reduce((sum, [t, p, n]) => sum + (fits(t, p) ? n : 0), 0);
      return html`<h3>${plural(count, 'image')} ${name}</h3>${this.#gallery(fits, count)}`;
    });
    this.#open(classes[label]!, parts);
  }

  #gallery(fits: (truth: number, predicted: number) => boolean, count: number): Markup {
    const { images, classes } = this.payload;
    const matching: ListedImage[] = images.filter(([, , truth, predicted]) => fits(truth, predicted));
    const shown = matching.sort((a, b) => b[4] - a[4]).slice(0, MAX_SHOWN);
    const more = count - shown.length;
    return html`<div class="gallery">${shown.map((image) => imageCard(image, classes))}</div>
${more > 0 && html`<p class="faint">${plural(more, 'more image')} not in this page.</p>`}`;
  }

  #open(title: string, parts: readonly Markup[]): void {
    this.#title.textContent = title;
    this.#list.innerHTML = html`${parts}`.text;
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTop = 0;
  }
}
