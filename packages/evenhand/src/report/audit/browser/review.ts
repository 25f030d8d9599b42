/// <reference lib="dom" preserve="true" />

import type { Correction, Verdict } from '../../../corrections.js';
import { plural } from '../../../format.js';
import { baseName } from '../../page/image.js';
import { showCount, showPercent } from '../../page/numbers.js';
import type { AuditPayload } from '../payload.js';
import { listenToKeys } from './keyboard.js';
import { Pane } from './pane.js';
import type { VerdictList } from './verdicts.js';

const byId = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;

/** The likely label errors that match the filters, the one under review, and the verdicts. */
export class Review {
  readonly #pane: Pane;
  readonly #list = byId('likely-errors');
  readonly #cards: readonly HTMLButtonElement[];
  readonly #lastVerdict = byId('last-verdict');
  readonly #filter = {
    label: byId<HTMLSelectElement>('filter-class'),
    order: byId<HTMLSelectElement>('filter-order'),
    minimum: byId<HTMLInputElement>('filter-minimum'),
    unreviewed: byId<HTMLInputElement>('filter-unreviewed'),
  };
  /** Those that match the filters, in the order of the page. */
  #shown: number[] = [];
  /** The one under review. */
  #current: number | undefined;

  constructor(
    private readonly payload: AuditPayload,
    private readonly verdicts: VerdictList,
  ) {
    this.#pane = new Pane(payload);
    this.#cards = Array.from(this.#list.querySelectorAll<HTMLButtonElement>('[data-error]'));
    this.#sortList();
    this.update();

    this.#list.addEventListener('click', ({ target }) => {
      const card = (target as Element).closest<HTMLElement>('[data-error]');
      if (card !== null) this.#show(Number(card.dataset.error));
    });
    this.#filter.order.addEventListener('change', () => {
      this.#sortList();
      this.update();
    });
    for (const control of [this.#filter.label, this.#filter.unreviewed]) {
      control.addEventListener('change', () => this.update());
    }
    this.#filter.minimum.addEventListener('input', () => this.update());
    byId('pane').addEventListener('click', ({ target }) => {
      const button = (target as Element).closest<HTMLElement>('[data-verdict],[data-candidate]');
      if (button?.dataset.verdict !== undefined) this.#decide(button.dataset.verdict as Verdict);
      else if (button !== null) this.#acceptCandidate(Number(button.dataset.candidate));
    });
    byId('previous').addEventListener('click', () => this.#move(-1));
    byId('next').addEventListener('click', () => this.#move(1));
    byId('undo').addEventListener('click', () => this.#undo());
    listenToKeys({
      move: (step) => this.#move(step),
      decide: (verdict) => this.#decide(verdict),
      acceptCandidate: (index) => this.#acceptCandidate(index),
      chooseLabel: () => this.#pane.chooseLabel(),
      undo: () => this.#undo(),
    });
  }

  /** Filters by a label and scrolls to the review. */
  showClass(label: string): void {
    this.#filter.label.value = label;
    this.update();
    byId('review').scrollIntoView();
    // From now on keys go to the review.
    byId('pane').focus({ preventScroll: true });
  }

  /** Updates everything that depends on filters and verdicts. */
  update(): void {
    const { label, minimum, unreviewed } = this.#filter;
    const { likelyErrors } = this.payload;
    byId('minimum').textContent = showPercent(Number(minimum.value) / 100);
    const shown = new Set(
      [...likelyErrors.keys()].filter((id) => {
        const [file, given, wrong] = likelyErrors[id]!;
        return (
          (label.value === '' || given === Number(label.value)) &&
          wrong >= Number(minimum.value) / 100 &&
          !(unreviewed.checked && this.verdicts.get(file) !== undefined)
        );
      }),
    );
    this.#shown = [];
    for (const item of this.#list.children) {
      const card = item.firstElementChild as HTMLButtonElement;
      const id = Number(card.dataset.error);
      (item as HTMLElement).hidden = !shown.has(id);
      if (shown.has(id)) this.#shown.push(id);
      this.#mark(card, this.verdicts.get(likelyErrors[id]![0]));
    }
    byId('shown-count').textContent =
      shown.size === likelyErrors.length
        ? plural(likelyErrors.length, 'image')
        : `${showCount(shown.size)} of ${plural(likelyErrors.length, 'image')}`;
    this.#progress();
    this.#show(this.#current !== undefined && shown.has(this.#current) ? this.#current : this.#firstToReview());
  }

  #mark(card: HTMLElement, correction: Correction | undefined): void {
    const badge = card.querySelector<HTMLElement>('.badge')!;
    const text = correction === undefined ? '' : badgeText(correction);
    if (badge.textContent === text) return;
    badge.textContent = text;
    badge.hidden = text === '';
    if (correction === undefined) delete card.dataset.decided;
    else card.dataset.decided = correction.verdict;
  }

  #progress(): void {
    const { likelyErrors } = this.payload;
    const reviewed = likelyErrors.filter(([file]) => this.verdicts.get(file) !== undefined).length;
    byId('progress').textContent = `${showCount(reviewed)} of ${showCount(likelyErrors.length)} reviewed`;
    byId<HTMLProgressElement>('progress-bar').value = reviewed;
    byId<HTMLButtonElement>('undo').disabled = !this.verdicts.canUndo;
    byId('finished').hidden = reviewed < likelyErrors.length;
    const storage = byId('storage');
    const { trouble } = this.verdicts;
    if (storage.textContent === trouble) return;
    storage.hidden = trouble === '';
    storage.textContent = trouble;
  }

  #sortList(): void {
    const { likelyErrors, classes } = this.payload;
    const byLabel = this.#filter.order.value === 'class';
    const name = (id: number): string => classes[likelyErrors[id]![1]]!;
    const order = [...likelyErrors.keys()];
    if (byLabel) order.sort((a, b) => name(a).localeCompare(name(b), 'en', { numeric: true }) || a - b);
    this.#list.append(...order.map((id) => this.#cards[id]!.parentElement!));
  }

  /** The first without a verdict after a place in the list, else the first of all; undefined if all have one. */
  #nextToReview(after: number): number | undefined {
    const isUnreviewed = (id: number): boolean => this.verdicts.get(this.payload.likelyErrors[id]![0]) === undefined;
    return this.#shown.slice(after + 1).find(isUnreviewed) ?? this.#shown.find(isUnreviewed);
  }

  #firstToReview(): number | undefined {
    return this.#nextToReview(-1) ?? this.#shown[0];
  }

  #show(id: number | undefined): void {
    const previous = this.#list.querySelector('[aria-current]');
    const hadFocus = previous !== null && document.activeElement === previous;
    previous?.removeAttribute('aria-current');
    this.#current = id;
    byId('pane').hidden = id === undefined;
    const none = byId('none');
    none.hidden = id !== undefined;
    if (id === undefined) {
      none.textContent = this.#filter.unreviewed.checked
        ? 'All images that match the filters are reviewed.'
        : 'No image matches the filters.';
      return;
    }
    const card = this.#cards[id]!;
    card.setAttribute('aria-current', 'true');
    if (hadFocus) card.focus({ preventScroll: true });
    this.#scrollTo(card);
    this.#pane.show(
      id,
      this.#shown.indexOf(id) + 1,
      this.#shown.length,
      this.verdicts.get(this.payload.likelyErrors[id]![0]),
    );
  }

  /** Scrolls only the list, not the page. */
  #scrollTo(card: HTMLElement): void {
    const [outer, inner] = [this.#list.getBoundingClientRect(), card.getBoundingClientRect()];
    if (inner.top < outer.top) this.#list.scrollTop += inner.top - outer.top - 12;
    else if (inner.bottom > outer.bottom) this.#list.scrollTop += inner.bottom - outer.bottom + 12;
  }

  #move(step: number): void {
    const place = this.#current === undefined ? -1 : this.#shown.indexOf(this.#current);
    const next = this.#shown[place + step];
    if (next !== undefined) this.#show(next);
    this.#pane.bringIntoView();
  }

  /** Gives the image under review the label of a candidate. */
  #acceptCandidate(index: number): void {
    const label = this.#current === undefined ? undefined : this.#pane.candidate(index);
    if (label !== undefined) this.#decide('accept', label);
  }

  #decide(verdict: Verdict, accepted = this.#pane.label): void {
    if (this.#current === undefined) return;
    const { likelyErrors, classes } = this.payload;
    const [file, givenLabel] = likelyErrors[this.#current]!;
    const given = classes[givenLabel]!;
    const label = { accept: accepted, keep: given, drop: '' }[verdict];
    const correction = { file, given, verdict, label };
    const place = this.#shown.indexOf(this.#current);
    this.verdicts.add([correction]);
    this.#current = this.#nextToReview(place) ?? this.#current;
    this.update();
    this.#pane.bringIntoView();
    this.#lastVerdict.textContent = `${baseName(file)}: ${describe(correction)}.`;
  }

  #undo(): void {
    const step = this.verdicts.undo();
    if (step === undefined) return;
    const [only] = step;
    const id = step.length === 1 ? this.payload.likelyErrors.findIndex(([file]) => file === only!.file) : -1;
    this.update();
    if (this.#shown.includes(id)) this.#show(id);
    this.#lastVerdict.textContent =
      step.length === 1 ? `${baseName(only!.file)}: undone.` : `${plural(step.length, 'verdict')} undone.`;
  }
}

function badgeText({ verdict, label }: Correction): string {
  return { accept: `→ ${label}`, keep: 'kept', drop: 'dropped' }[verdict];
}

function describe({ verdict, label }: Correction): string {
  return { accept: `changed to ${label}`, keep: `kept ${label}`, drop: 'dropped' }[verdict];
}
