/// <reference lib="dom" preserve="true" />
// What the page does, whoever computes.
import type { Explanation } from '@evenhand/predict/browser';
import { enableThemeButton } from '../../page/theme-button.js';
import type { TryPayload } from '../facts.js';
import type { Answer, Engine, Similar } from './engine.js';
import { describeExplanation, drawExplanation, hasImportantPart } from './explanation.js';
import { connectInputs } from './inputs.js';
import { percent } from './percent.js';

const find = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;

export function startPage(payload: TryPayload, engine: Engine): void {
  document.documentElement.classList.add('scripted');
  enableThemeButton();
  const page = new TryPage(payload, engine);
  connectInputs(
    (image) => void page.show(image),
    (sentence) => page.fail(sentence),
  );
}

/** The greatest height of an image, in rem. */
const TALLEST = 28;

class TryPage {
  readonly #panel = find('answer');
  readonly #picture = find<HTMLImageElement>('picture');
  readonly #map = find<HTMLCanvasElement>('map');
  readonly #explain = find<HTMLButtonElement>('explain');
  #image: Blob | undefined;
  #explanation: Explanation | undefined;

  constructor(
    private readonly payload: TryPayload,
    private readonly engine: Engine,
  ) {
    this.#explain.addEventListener('click', () => void this.#toggleExplanation());
  }

  /** Shows an image and predicts it. Answers for an image that was replaced meanwhile are dropped. */
  async show(image: Blob): Promise<void> {
    this.#image = image;
    this.#reset();
    this.#showPicture(image);
    this.#setState('busy');
    find('status').textContent = 'Predicting …';
    try {
      const answer = await this.engine.predict(image);
      if (this.#image !== image) return;
      this.#showAnswer(answer);
      await this.#showSimilar(image);
    } catch (error) {
      if (this.#image === image) this.fail((error as Error).message);
    }
  }

  /** Shows why there is no answer. */
  fail(sentence: string): void {
    this.#setState('failed');
    find('status').textContent = '';
    const failure = find('failure');
    failure.hidden = false;
    failure.textContent = sentence;
  }

  #reset(): void {
    this.#explanation = undefined;
    this.#map.hidden = true;
    this.#explain.setAttribute('aria-pressed', 'false');
    this.#explain.disabled = true;
    find('explanation').textContent = '';
    find('failure').hidden = true;
    find('result').hidden = true;
  }

  #setState(state: 'busy' | 'done' | 'failed'): void {
    this.#panel.classList.remove('busy', 'done', 'failed');
    this.#panel.classList.add(state);
    this.#panel.setAttribute('aria-busy', String(state === 'busy'));
    find('idle').hidden = true;
  }

  #showPicture(image: Blob): void {
    const frame = this.#picture.parentElement!;
    frame.classList.remove('broken');
    URL.revokeObjectURL(this.#picture.src);
    this.#picture.alt = image instanceof File && image.name !== '' ? `The image ${image.name}` : 'The image';
    // Small images are enlarged, and high ones still fit.
    this.#picture.onload = ({ target }) => {
      const { naturalWidth, naturalHeight } = target as HTMLImageElement;
      frame.style.width = `min(100%, ${(TALLEST * naturalWidth) / naturalHeight}rem)`;
    };
    this.#picture.onerror = () => frame.classList.add('broken');
    this.#picture.src = URL.createObjectURL(image);
    find('choose').hidden = true;
    find('preview').hidden = false;
  }

  #showAnswer({ label, probability, top, warning }: Answer): void {
    const unsure = probability < this.payload.unsureBelow;
    this.#setState('done');
    this.#panel.classList.toggle('not-sure', unsure);
    find('status').textContent = warning === undefined ? '' : `The file has a fault: ${warning}.`;
    const verdict = find('verdict');
    const small = document.createElement('small');
    small.textContent = unsure ? 'Not sure. Perhaps' : 'This is';
    const number = document.createElement('span');
    number.className = 'percent';
    number.textContent = percent(probability);
    verdict.replaceChildren(small, `${label} `, number);
    const note = find('unsure');
    note.hidden = !unsure;
    note.textContent = `The probability is below ${Math.round(this.payload.unsureBelow * 100)}\u00a0%: do not rely on this answer.`;
    find('top').replaceChildren(...top.map(rowOf));
    find('result').hidden = false;
    this.#explain.disabled = false;
    if (matchMedia('(max-width: 760px)').matches) verdict.scrollIntoView({ block: 'center' });
    verdict.focus({ preventScroll: true });
  }

  async #showSimilar(image: Blob): Promise<void> {
    if (this.engine.similar === undefined) return;
    const note = find('similar-note');
    note.textContent = 'Looking for similar training images …';
    find('similar').replaceChildren();
    try {
      const similar = await this.engine.similar(image);
      if (this.#image !== image) return;
      find('similar').replaceChildren(...similar.images.map(figureOf));
      note.textContent = describeSimilar(similar);
    } catch (error) {
      if (this.#image === image) note.textContent = (error as Error).message;
    }
  }

  async #toggleExplanation(): Promise<void> {
    const image = this.#image;
    const note = find('explanation');
    if (image === undefined) return;
    if (this.#explanation !== undefined) {
      const show = this.#explain.getAttribute('aria-pressed') === 'false';
      this.#map.hidden = !(show && hasImportantPart(this.#explanation));
      this.#explain.setAttribute('aria-pressed', String(show));
      note.textContent = show ? describeExplanation(this.#explanation) : '';
      return;
    }
    this.#explain.disabled = true;
    note.textContent = 'Covering parts of the image, one after another …';
    try {
      const explanation = await this.engine.explain(image, (share) => {
        if (this.#image === image) note.textContent = `Covering parts of the image … ${percent(share)}`;
      });
      if (this.#image !== image) return;
      this.#explanation = explanation;
      drawExplanation(this.#map, explanation);
      this.#map.hidden = !hasImportantPart(explanation);
      this.#explain.setAttribute('aria-pressed', 'true');
      note.textContent = describeExplanation(explanation);
    } catch (error) {
      if (this.#image === image) note.textContent = (error as Error).message;
    } finally {
      if (this.#image === image) this.#explain.disabled = false;
    }
  }
}

function rowOf({ label, probability }: Answer['top'][number]): HTMLElement {
  const row = document.createElement('li');
  const name = document.createElement('span');
  name.className = 'name';
  name.textContent = label;
  const number = document.createElement('span');
  number.className = 'number';
  number.textContent = percent(probability);
  const track = document.createElement('span');
  track.className = 'track';
  const bar = document.createElement('i');
  bar.style.width = `${Math.max(0.5, probability * 100)}%`;
  track.append(bar);
  row.append(name, number, track);
  return row;
}

function figureOf({ label, similarity, thumbnail }: Similar['images'][number]): HTMLElement {
  const figure = document.createElement('figure');
  const picture = document.createElement('img');
  // Relative, so that a proxy may serve the page below a path.
  picture.src = thumbnail.replace(/^\//, '');
  picture.alt = `Training image of ${label}`;
  picture.loading = 'lazy';
  const caption = document.createElement('figcaption');
  const number = document.createElement('small');
  number.textContent = ` ${similarity.toFixed(2)}`;
  caption.append(label, number);
  figure.append(picture, caption);
  return figure;
}

function describeSimilar({ compared, of, images }: Similar): string {
  if (images.length === 0) return 'No training image has been compared yet; try again in a moment.';
  const count = compared.toLocaleString('en');
  const which = compared < of ? `${count} so far, of ${of.toLocaleString('en')},` : count;
  return `Nearest of the training images that were compared (${which.replace(/,$/, '')}) by the features of the model, with their labels and cosine similarities.`;
}
