/// <reference lib="dom" preserve="true" />

import type { Correction, Verdict } from '../../../corrections.js';
import { baseName } from '../../page/image.js';
import { count, percent, plural } from '../../page/markup.js';
import type { AuditPayload } from '../payload.js';
import { keys } from './keys.js';
import { Pane } from './pane.js';
import type { Verdicts } from './verdicts.js';

const byId = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;

/** The suspects that the filters let through, the one that is looked at, and the verdicts on them. */
export class Review {
  readonly #pane: Pane;
  readonly #list = byId('suspects');
  readonly #cards: readonly HTMLButtonElement[];
  readonly #said = byId('said');
  readonly #filter = {
    label: byId<HTMLSelectElement>('filter-class'),
    order: byId<HTMLSelectElement>('filter-order'),
    least: byId<HTMLInputElement>('filter-least'),
    undecided: byId<HTMLInputElement>('filter-undecided'),
  };
  /** In the order of the page. */
  #shown: number[] = [];
  #at: number | undefined;

  constructor(
    private readonly payload: AuditPayload,
    private readonly verdicts: Verdicts,
  ) {
    this.#pane = new Pane(payload);
    this.#cards = Array.from(this.#list.querySelectorAll<HTMLButtonElement>('[data-suspect]'));
    this.#order();
    this.update();

    this.#list.addEventListener('click', ({ target }) => {
      const card = (target as Element).closest<HTMLElement>('[data-suspect]');
      if (card !== null) this.#look(Number(card.dataset.suspect));
    });
    this.#filter.order.addEventListener('change', () => {
      this.#order();
      this.update();
    });
    for (const control of [this.#filter.label, this.#filter.undecided]) {
      control.addEventListener('change', () => this.update());
    }
    this.#filter.least.addEventListener('input', () => this.update());
    byId('pane').addEventListener('click', ({ target }) => {
      const verdict = (target as Element).closest<HTMLElement>('[data-verdict]')?.dataset.verdict;
      if (verdict !== undefined) this.#decide(verdict as Verdict);
    });
    byId('previous').addEventListener('click', () => this.#move(-1));
    byId('next').addEventListener('click', () => this.#move(1));
    byId('undo').addEventListener('click', () => this.#undo());
    keys({
      move: (step) => this.#move(step),
      decide: (verdict) => this.#decide(verdict),
      choose: () => this.#pane.choose(),
      undo: () => this.#undo(),
    });
  }

  /** Shows the suspects of one label, and brings them into view. */
  showClass(label: string): void {
    this.#filter.label.value = label;
    this.update();
    byId('review').scrollIntoView();
    // Keys go to the images from now on.
    byId('pane').focus({ preventScroll: true });
  }

  /** Shows what is so now: filters, verdicts, and how far the reader is. */
  update(): void {
    const { label, least, undecided } = this.#filter;
    const { suspects } = this.payload;
    byId('least').textContent = percent(Number(least.value) / 100);
    const shown = new Set(
      [...suspects.keys()].filter((id) => {
        const [file, given, wrong] = suspects[id]!;
        return (
          (label.value === '' || given === Number(label.value)) &&
          wrong >= Number(least.value) / 100 &&
          !(undecided.checked && this.verdicts.of(file) !== undefined)
        );
      }),
    );
    this.#shown = [];
    for (const item of this.#list.children) {
      const card = item.firstElementChild as HTMLButtonElement;
      const id = Number(card.dataset.suspect);
      (item as HTMLElement).hidden = !shown.has(id);
      if (shown.has(id)) this.#shown.push(id);
      this.#mark(card, this.verdicts.of(suspects[id]![0]));
    }
    byId('found').textContent =
      shown.size === suspects.length
        ? plural(suspects.length, 'image')
        : `${count(shown.size)} of ${plural(suspects.length, 'image')}`;
    this.#progress();
    this.#look(this.#at !== undefined && shown.has(this.#at) ? this.#at : this.#firstToDecide());
  }

  #mark(card: HTMLElement, correction: Correction | undefined): void {
    const badge = card.querySelector<HTMLElement>('.badge')!;
    const text = correction === undefined ? '' : short(correction);
    if (badge.textContent === text) return;
    badge.textContent = text;
    badge.hidden = text === '';
    if (correction === undefined) delete card.dataset.decided;
    else card.dataset.decided = correction.verdict;
  }

  #progress(): void {
    const { suspects } = this.payload;
    const decided = suspects.filter(([file]) => this.verdicts.of(file) !== undefined).length;
    byId('progress').textContent = `${count(decided)} of ${count(suspects.length)} decided`;
    byId<HTMLProgressElement>('progress-bar').value = decided;
    byId<HTMLButtonElement>('undo').disabled = !this.verdicts.canUndo;
    const storage = byId('storage');
    if (storage.hidden === this.verdicts.saved) return;
    storage.hidden = this.verdicts.saved;
    storage.textContent = this.verdicts.saved
      ? ''
      : 'This browser lets the page save nothing: download corrections.csv before you leave, or the verdicts are lost.';
  }

  #order(): void {
    const { suspects, classes } = this.payload;
    const byLabel = this.#filter.order.value === 'class';
    const name = (id: number): string => classes[suspects[id]![1]]!;
    const order = [...suspects.keys()];
    if (byLabel) order.sort((a, b) => name(a).localeCompare(name(b), 'en', { numeric: true }) || a - b);
    this.#list.append(...order.map((id) => this.#cards[id]!.parentElement!));
  }

  /** The first undecided suspect after a place in the list, else the first of all; undefined where none is left. */
  #toDecide(after: number): number | undefined {
    const isOpen = (id: number): boolean => this.verdicts.of(this.payload.suspects[id]![0]) === undefined;
    return this.#shown.slice(after + 1).find(isOpen) ?? this.#shown.find(isOpen);
  }

  #firstToDecide(): number | undefined {
    return this.#toDecide(-1) ?? this.#shown[0];
  }

  #look(id: number | undefined): void {
    const before = this.#list.querySelector('[aria-current]');
    const hadFocus = before !== null && document.activeElement === before;
    before?.removeAttribute('aria-current');
    this.#at = id;
    byId('pane').hidden = id === undefined;
    const none = byId('none');
    none.hidden = id !== undefined;
    if (id === undefined) {
      none.textContent = this.#filter.undecided.checked
        ? 'No suspect that these filters let through is left to decide.'
        : 'The filters let no suspect through.';
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
      this.verdicts.of(this.payload.suspects[id]![0]),
    );
  }

  /** Within the list alone: the page stays where the reader has it. */
  #scrollTo(card: HTMLElement): void {
    const [outer, inner] = [this.#list.getBoundingClientRect(), card.getBoundingClientRect()];
    if (inner.top < outer.top) this.#list.scrollTop += inner.top - outer.top - 12;
    else if (inner.bottom > outer.bottom) this.#list.scrollTop += inner.bottom - outer.bottom + 12;
  }

  #move(step: number): void {
    const place = this.#at === undefined ? -1 : this.#shown.indexOf(this.#at);
    const next = this.#shown[place + step];
    if (next !== undefined) this.#look(next);
    this.#pane.bringIntoView();
  }

  #decide(verdict: Verdict): void {
    if (this.#at === undefined) return;
    const { suspects, classes } = this.payload;
    const [file, givenLabel] = suspects[this.#at]!;
    const given = classes[givenLabel]!;
    const label = { accept: this.#pane.label, keep: given, drop: '' }[verdict];
    const correction = { file, given, verdict, label };
    const place = this.#shown.indexOf(this.#at);
    this.verdicts.add([correction]);
    this.#at = this.#toDecide(place) ?? this.#at;
    this.update();
    this.#pane.bringIntoView();
    const left = this.#toDecide(-1) === undefined ? ' All of these are decided.' : '';
    this.#said.textContent = `${baseName(file)}: ${long(correction)}.${left}`;
  }

  #undo(): void {
    const step = this.verdicts.undo();
    if (step === undefined) return;
    const [only] = step;
    const id = step.length === 1 ? this.payload.suspects.findIndex(([file]) => file === only!.file) : -1;
    this.update();
    if (this.#shown.includes(id)) this.#look(id);
    this.#said.textContent =
      step.length === 1 ? `${baseName(only!.file)}: undone.` : `${plural(step.length, 'verdict')} undone.`;
  }
}

function short({ verdict, label }: Correction): string {
  return { accept: `→ ${label}`, keep: 'kept', drop: 'left out' }[verdict];
}

function long({ verdict, label }: Correction): string {
  return { accept: `changed to ${label}`, keep: `stays ${label}`, drop: 'left out' }[verdict];
}
