/// <reference lib="dom" preserve="true" />
import type { Correction } from '../../../corrections.js';
import { html } from '../../page/markup.js';
import { showCount, showProbability } from '../../page/numbers.js';
import { type AuditPayload, type LikelyError, RECOMMENDED } from '../payload.js';

/** The image under review, large, beside typical images of its label and of a likelier class. */
export class Pane {
  readonly #pane = document.getElementById('pane')!;
  readonly #select = document.getElementById('label') as HTMLSelectElement;
  readonly #candidates = document.getElementById('candidates')!;
  #id: number | undefined;
  #correction: Correction | undefined;

  constructor(private readonly payload: AuditPayload) {
    this.#select.addEventListener('change', () => this.#showSuggested(Number(this.#select.value)));
    this.#select.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape' || key === 'Enter') this.#pane.focus({ preventScroll: true });
    });
    // Pointing at a candidate shows its typical images.
    this.#candidates.addEventListener('pointerover', ({ target }) => {
      const index = (target as Element).closest<HTMLElement>('[data-candidate]')?.dataset.candidate;
      if (index !== undefined) this.#showSuggested(this.#error[3][Number(index)]![0]);
    });
    this.#candidates.addEventListener('pointerleave', () => this.#showSuggested(Number(this.#select.value)));
  }

  /** The class that `accept` gives the image. */
  get label(): string {
    return this.payload.classes[Number(this.#select.value)]!;
  }

  /** The name of a candidate; undefined if there are fewer. */
  candidate(index: number): string | undefined {
    const label = this.#error[3][index]?.[0];
    return label === undefined ? undefined : this.payload.classes[label];
  }

  get #error(): LikelyError {
    return this.payload.likelyErrors[this.#id!]!;
  }

  /** If the pane is taller than the window, its top with the image is shown. */
  bringIntoView(): void {
    this.#pane.scrollIntoView({ block: this.#pane.offsetHeight < innerHeight ? 'nearest' : 'start' });
  }

  chooseLabel(): void {
    this.#select.focus();
  }

  show(id: number, place: number, numShown: number, correction: Correction | undefined): void {
    const isNew = id !== this.#id || correction !== this.#correction;
    this.#id = id;
    this.#correction = correction;
    const [file, given, wrong, candidates] = this.#error;
    const { classes } = this.payload;
    setText(
      'place',
      `${showCount(place)} of ${showCount(numShown)}${correction === undefined ? '' : ` · ${describe(correction)}`}`,
    );
    setText('file', file);
    const image = document.getElementById('subject')!;
    image.className = `thumb t${id}`;
    image.setAttribute('aria-label', `The image ${file}`);
    setText('given-name', classes[given]!);
    setText('given-probability', showProbability(1 - wrong));
    this.#showTypical('given', given);
    // Otherwise the selection that the reader has begun stays.
    if (isNew) {
      for (const [label, option] of [...this.#select.options].entries()) option.disabled = label === given;
      const accepted = correction?.verdict === 'accept' ? classes.indexOf(correction.label) : -1;
      this.#select.value = String(accepted < 0 ? candidates[0]![0] : accepted);
      this.#showCandidates();
      this.#showSuggested(Number(this.#select.value));
    }
    for (const button of document.querySelectorAll<HTMLElement>('[data-verdict]')) {
      button.setAttribute('aria-pressed', String(button.dataset.verdict === correction?.verdict));
    }
  }

  /** Buttons for the likeliest classes; if none of them is likely, also one for "none of these". */
  #showCandidates(): void {
    const [, , , candidates] = this.#error;
    const { classes } = this.payload;
    const isRecommended = candidates[0]![1] >= RECOMMENDED;
    this.#pane.toggleAttribute('data-unsure', !isRecommended);
    this.#candidates.innerHTML = html`${candidates.map(
      ([label, probability], i) =>
        html`<button type="button" class="candidate" data-candidate="${i}"><kbd>${i + 1}</kbd> <span>${classes[label]}</span> <small>${showProbability(probability)}</small></button>`,
    )}${!isRecommended && html`<button type="button" class="candidate" data-verdict="drop"><kbd>d</kbd> <span>None of these: drop the image</span></button>`}`.text;
  }

  #showSuggested(label: number): void {
    const candidate = this.#error[3].find(([other]) => other === label);
    setText('suggested-name', this.payload.classes[label]!);
    setText('suggested-probability', candidate === undefined ? 'your choice' : showProbability(candidate[1]));
    this.#showTypical('suggested', label);
  }

  #showTypical(side: 'given' | 'suggested', label: number): void {
    const name = this.payload.classes[label]!;
    const images = this.payload.typical[label]!.map((id) => {
      const image = document.createElement('span');
      image.className = `thumb t${id}`;
      image.setAttribute('role', 'img');
      image.setAttribute('aria-label', `A typical image of ${name}`);
      return image;
    });
    const none = document.createElement('p');
    none.textContent = 'The page has no typical image of this class.';
    document.getElementById(`${side}-typical`)!.replaceChildren(...(images.length > 0 ? images : [none]));
  }
}

function setText(id: string, text: string): void {
  const element = document.getElementById(id)!;
  element.textContent = text;
  element.title = text;
}

function describe({ verdict, label }: Correction): string {
  return { accept: `changed to ${label}`, keep: 'label kept', drop: 'dropped' }[verdict];
}
