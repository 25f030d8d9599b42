/// <reference lib="dom" preserve="true" />
import type { Verdict } from '../../../corrections.js';

export interface Actions {
  readonly move: (step: number) => void;
  readonly decide: (verdict: Verdict) => void;
  readonly choose: () => void;
  readonly undo: () => void;
}

/** The keys of the whole page, but where a control needs them itself. */
export function keys({ move, decide, choose, undo }: Actions): void {
  const actions: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => move(-1),
    ArrowRight: () => move(1),
    j: () => move(1),
    k: () => move(-1),
    a: () => decide('accept'),
    s: () => decide('keep'),
    d: () => decide('drop'),
    c: choose,
    u: undo,
  };
  document.addEventListener('keydown', (event) => {
    const { key, altKey, ctrlKey, metaKey, repeat, target } = event;
    if (takesKeys(target as Element) || altKey) return;
    const isUndo = (ctrlKey || metaKey) && key.toLowerCase() === 'z' && !event.shiftKey;
    if ((ctrlKey || metaKey) && !isUndo) return;
    const action = isUndo ? undo : actions[key.length === 1 ? key.toLowerCase() : key];
    if (action === undefined) return;
    event.preventDefault();
    // A key that is held down must not decide on a hundred images.
    if (!repeat || key.startsWith('Arrow') || action === actions.j || action === actions.k) action();
  });
}

const takesKeys = (element: Element): boolean =>
  element instanceof HTMLSelectElement || (element instanceof HTMLInputElement && element.type !== 'checkbox');
