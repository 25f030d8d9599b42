/// <reference lib="dom" preserve="true" />
import type { Verdict } from '../../../corrections.js';

export interface KeyActions {
  readonly move: (step: number) => void;
  readonly decide: (verdict: Verdict) => void;
  /** Accepts the candidate with this index. */
  readonly acceptCandidate: (index: number) => void;
  readonly chooseLabel: () => void;
  readonly undo: () => void;
}

/** Listens to the page's keys, except in controls that use keys themselves. */
export function listenToKeys({ move, decide, acceptCandidate, chooseLabel, undo }: KeyActions): void {
  const previous = (): void => move(-1);
  const next = (): void => move(1);
  const actions = new Map<string, () => void>([
    ['ArrowLeft', previous],
    ['ArrowRight', next],
    ['j', next],
    ['k', previous],
    ['a', () => decide('accept')],
    ['1', () => acceptCandidate(0)],
    ['2', () => acceptCandidate(1)],
    ['3', () => acceptCandidate(2)],
    ['s', () => decide('keep')],
    ['d', () => decide('drop')],
    ['c', chooseLabel],
    ['u', undo],
  ]);
  document.addEventListener('keydown', (event) => {
    const { key, altKey, ctrlKey, metaKey, repeat, target } = event;
    if (usesKeys(target as Element) || altKey) return;
    const isUndo = (ctrlKey || metaKey) && key.toLowerCase() === 'z' && !event.shiftKey;
    if ((ctrlKey || metaKey) && !isUndo) return;
    const action = isUndo ? undo : actions.get(key.length === 1 ? key.toLowerCase() : key);
    if (action === undefined) return;
    event.preventDefault();
    // Holding a key down must not decide on a hundred images.
    if (!repeat || action === previous || action === next) action();
  });
}

const usesKeys = (element: Element): boolean =>
  element instanceof HTMLSelectElement || (element instanceof HTMLInputElement && element.type !== 'checkbox');
