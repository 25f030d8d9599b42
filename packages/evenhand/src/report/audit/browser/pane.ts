/// <reference lib="dom" preserve="true" />

import type { Correction } from '../../../corrections.js';
import { count, probability } from '../../page/markup.js';
import type { AuditPayload } from '../payload.js';

/** The image that is judged, large, beside typical images of its label and of the one that it might have. */
export class Pane {
  readonly #pane = document.getElementById('pane')!;
  readonly #label = document.getElementById('label') as HTMLSelectElement;
  #id: number | undefined;
  #correction: Correction | undefined;

  constructor(private readonly payload: AuditPayload) {
    this.#label.addEventListener('change', () => this.#showLabel());
    this.#label.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape' || key === 'Enter') this.#pane.focus({ preventScroll: true });
    });
  }

  /** The class that the image gets where the reader accepts. */
  get label(): string {
    return this.payload.classes[Number(this.#label.value)]!;
  }

  /** Where it is too tall for the window, its image counts most. */
  bringIntoView(): void {
    this.#pane.scrollIntoView({ block: this.#pane.offsetHeight < innerHeight ? 'nearest' : 'start' });
  }

  choose(): void {
    this.#label.focus();
  }

  show(id: number, place: number, of: number, correction: Correction | undefined): void {
    const [file, given, wrong, suggested] = this.payload.suspects[id]!;
    const { classes } = this.payload;
    const changed = id !== this.#id || correction !== this.#correction;
    this.#id = id;
    this.#correction = correction;
    text('place', `${count(place)} of ${count(of)}${correction === undefined ? '' : ` · ${decided(correction)}`}`);
    text('file', file);
    const image = document.getElementById('subject')!;
    image.className = `thumb t${id}`;
    image.setAttribute('aria-label', `The image ${file}`);
    for (const button of document.querySelectorAll<HTMLElement>('[data-verdict]')) {
      button.setAttribute('aria-pressed', String(button.dataset.verdict === correction?.verdict));
    }
    text('given-name', classes[given]!);
    text('given-probability', probability(1 - wrong));
    this.#typical('given', given);
    // The choice that the reader is about to make stays.
    if (!changed) return;
    for (const [label, option] of [...this.#label.options].entries()) option.disabled = label === given;
    const chosen = correction?.verdict === 'accept' ? classes.indexOf(correction.label) : -1;
    this.#label.value = String(chosen < 0 ? suggested : chosen);
    this.#showLabel();
  }

  #showLabel(): void {
    const [, , , suggested, suggestedProbability] = this.payload.suspects[this.#id!]!;
    const label = Number(this.#label.value);
    text('suggested-name', this.label);
    text('suggested-probability', label === suggested ? probability(suggestedProbability) : 'your choice');
    this.#typical('suggested', label);
  }

  #typical(side: 'given' | 'suggested', label: number): void {
    const name = this.payload.classes[label]!;
    const images = this.payload.typical[label]!.map((id) => {
      const image = document.createElement('span');
      image.className = `thumb t${id}`;
      image.setAttribute('role', 'img');
      image.setAttribute('aria-label', `A typical image of ${name}`);
      return image;
    });
    const none = document.createElement('p');
    none.textContent = 'The page has no image that is surely of this class.';
    document.getElementById(`${side}-typical`)!.replaceChildren(...(images.length > 0 ? images : [none]));
  }
}

function text(id: string, content: string): void {
  const element = document.getElementById(id)!;
  element.textContent = content;
  element.title = content;
}

function decided({ verdict, label }: Correction): string {
  return { accept: `becomes ${label}`, keep: 'label kept', drop: 'left out' }[verdict];
}
