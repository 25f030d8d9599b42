/// <reference lib="dom" preserve="true" />
import { type Correction, isVerdict } from '../../../corrections.js';

/** What was decided, step by step, so that each step can be undone. Every step is saved at once. */
export class Verdicts {
  readonly #key: string;
  #steps: (readonly Correction[])[] = [];
  #byFile = new Map<string, Correction>();
  /** Whether all steps are in the browser's storage. */
  saved = true;
  /** Whether the reader has all of them in a file. */
  downloaded = true;

  constructor(fingerprint: string) {
    this.#key = `evenhand-audit-${fingerprint}`;
    this.reload();
    this.saved = takesAnything();
    if (this.saved && this.canUndo) this.#save();
  }

  /** Takes what is in the storage, where another window may have gone on. */
  reload(): void {
    try {
      this.#steps = stepsOf(localStorage.getItem(this.#key) ?? sessionStorage.getItem(this.#key));
      this.#replay();
    } catch {
      // Without a storage there is nothing to take.
    }
  }

  /** Whether this is where the verdicts are stored. */
  isKey(key: string | null): boolean {
    return key === this.#key;
  }

  of(file: string): Correction | undefined {
    return this.#byFile.get(file);
  }

  /** By file. */
  get all(): ReadonlyMap<string, Correction> {
    return this.#byFile;
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  /** One step: the corrections replace those of the same files. */
  add(step: readonly Correction[]): void {
    this.#steps.push(step);
    for (const correction of step) this.#byFile.set(correction.file, correction);
    this.#changed();
  }

  /** Takes the last step back and returns what it was. */
  undo(): readonly Correction[] | undefined {
    const step = this.#steps.pop();
    if (step === undefined) return undefined;
    this.#replay();
    this.#changed();
    return step;
  }

  #replay(): void {
    this.#byFile = new Map(this.#steps.flat().map((correction) => [correction.file, correction]));
  }

  #changed(): void {
    this.downloaded = this.#byFile.size === 0;
    this.#save();
  }

  #save(): void {
    try {
      const steps = JSON.stringify(this.#steps);
      localStorage.setItem(this.#key, steps);
      // Chromium at times finds a file's storage empty after a reload, but never the tab's own.
      sessionStorage.setItem(this.#key, steps);
      this.saved = true;
    } catch {
      this.saved = false;
    }
  }
}

/** Some browsers have no storage for a page that is opened as a file, or one that takes nothing. */
function takesAnything(): boolean {
  try {
    localStorage.setItem('evenhand-audit', 'probe');
    localStorage.removeItem('evenhand-audit');
    return true;
  } catch {
    return false;
  }
}

/** What was stored, so far as it can be read. */
function stepsOf(stored: string | null): (readonly Correction[])[] {
  const steps: unknown = read(stored);
  if (!Array.isArray(steps)) return [];
  return steps.filter((step) => Array.isArray(step) && step.every(isCorrection));
}

function read(stored: string | null): unknown {
  try {
    return JSON.parse(stored ?? '[]');
  } catch {
    return [];
  }
}

function isCorrection(value: unknown): value is Correction {
  if (typeof value !== 'object' || value === null) return false;
  const { file, given, verdict, label } = value as Partial<Record<keyof Correction, unknown>>;
  return [file, given, label].every((each) => typeof each === 'string') && isVerdict(verdict);
}
