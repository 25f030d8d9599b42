/// <reference lib="dom" preserve="true" />
import { type Correction, isVerdict } from '../../../corrections.js';

/** The verdicts of the page. Each step can be undone. */
export interface VerdictList {
  /** Whether all verdicts are saved where they outlast the page. */
  readonly saved: boolean;
  /** Why they are not, and what to do; empty if they are. */
  readonly trouble: string;
  /** Whether all verdicts were downloaded as a file. */
  downloaded: boolean;
  /** All verdicts by file. */
  readonly all: ReadonlyMap<string, Correction>;
  readonly canUndo: boolean;
  get(file: string): Correction | undefined;
  /** Adds one step, which replaces earlier verdicts on the same files. */
  add(step: readonly Correction[]): void;
  /** Undoes and returns the last step; undefined if there is none. */
  undo(): readonly Correction[] | undefined;
  /** Calls `update` when verdicts change that are not from this page, or when saving begins or ceases to work. */
  listen(update: () => void): void;
}

/** Verdicts of a page that is a file: in the browser's storage, saved at once. */
export class StoredVerdicts implements VerdictList {
  readonly #key: string;
  #steps: (readonly Correction[])[] = [];
  #byFile = new Map<string, Correction>();
  saved = true;
  downloaded = true;

  constructor(fingerprint: string) {
    this.#key = `evenhand-audit-${fingerprint}`;
    this.#reload();
    this.saved = canStore();
    if (this.saved && this.canUndo) this.#save();
  }

  /** Reads the steps from the storage, which another window may have changed. */
  #reload(): void {
    try {
      this.#steps = parseSteps(this.#newer().getItem(this.#key));
      this.#replay();
    } catch {
      // Without storage there is nothing to read.
    }
  }

  /** The storage that was written last: the one of all windows, or this tab's own. */
  #newer(): Storage {
    const time = (storage: Storage) => Number(storage.getItem(`${this.#key}-time`) ?? 0);
    return time(sessionStorage) > time(localStorage) ? sessionStorage : localStorage;
  }

  get trouble(): string {
    return this.saved
      ? ''
      : 'This browser saves nothing for the page: download corrections.csv before you leave, or the verdicts are lost.';
  }

  listen(update: () => void): void {
    addEventListener('storage', ({ key }) => {
      if (key !== this.#key) return;
      this.#reload();
      update();
    });
  }

  get(file: string): Correction | undefined {
    return this.#byFile.get(file);
  }

  get all(): ReadonlyMap<string, Correction> {
    return this.#byFile;
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  add(step: readonly Correction[]): void {
    this.#steps.push(step);
    for (const correction of step) this.#byFile.set(correction.file, correction);
    this.#changed();
  }

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
      // Chromium sometimes finds the storage of a file page empty or old after a reload, but never the tab's own.
      for (const storage of [sessionStorage, localStorage]) {
        storage.setItem(`${this.#key}-time`, String(Date.now()));
        storage.setItem(this.#key, steps);
      }
      this.saved = true;
    } catch {
      this.saved = false;
    }
  }
}

/** Whether the browser has storage for the page; some have none for pages opened as a file. */
function canStore(): boolean {
  try {
    localStorage.setItem('evenhand-audit', 'probe');
    localStorage.removeItem('evenhand-audit');
    return true;
  } catch {
    return false;
  }
}

/** The stored steps, without those that cannot be read. */
function parseSteps(stored: string | null): (readonly Correction[])[] {
  const steps: unknown = parseJson(stored);
  if (!Array.isArray(steps)) return [];
  return steps.filter((step) => Array.isArray(step) && step.every(isCorrection));
}

function parseJson(stored: string | null): unknown {
  try {
    return JSON.parse(stored ?? '[]');
  } catch {
    return [];
  }
}

function isCorrection(value: unknown): value is Correction {
  if (typeof value !== 'object' || value === null) return false;
  const { file, given, verdict, label } = value as Partial<Record<keyof Correction, unknown>>;
  return [file, given, label].every((field) => typeof field === 'string') && isVerdict(verdict);
}
