/// <reference lib="dom" preserve="true" />
import { type Correction, isVerdict, type Verdict } from '../../../corrections.js';
import { receiveWhileVisible } from '../../page/visible-events.js';
import type { VerdictList } from './verdicts.js';

/** A verdict on an image, or null for none, as the board takes it. */
interface Change {
  readonly file: string;
  readonly given: string;
  readonly verdict: Verdict | null;
  readonly label: string;
  readonly undoes?: Pick<Correction, 'verdict' | 'label'>;
}

/** One image of a step: what it had before, and what it got. */
interface Decision {
  readonly before: Correction | undefined;
  readonly after: Correction;
}

/** Verdicts that are sent at once, and the time after which sending is tried again. */
const MOST_AT_ONCE = 5000;
const RETRY_MS = 3000;

/**
 * Verdicts of a page that was opened from the board, which saves them to the folder of the data. They are shown at once
 * and sent one after the other; those of other pages arrive by events. What was not sent outlasts a reload.
 */
export class ServedVerdicts implements VerdictList {
  downloaded = true;
  trouble = '';
  readonly #key: string;
  /** As the board has them. */
  #known = new Map<string, Correction>();
  /** With those that were not yet sent. */
  #shown = new Map<string, Correction>();
  #waiting: Change[] = [];
  readonly #steps: Decision[][] = [];
  #sending = false;
  #update: () => void = () => {};

  /** Undefined if the page was not opened from the board. */
  static open(fingerprint: string): ServedVerdicts | undefined {
    const told = (name: string): string | undefined =>
      document.querySelector<HTMLMetaElement>(`meta[name="evenhand-${name}"]`)?.content;
    const [address, token] = [told('verdicts'), told('token')];
    return address === undefined || token === undefined ? undefined : new ServedVerdicts(address, token, fingerprint);
  }

  private constructor(
    private readonly address: string,
    private readonly token: string,
    fingerprint: string,
  ) {
    this.#key = `evenhand-unsent-${fingerprint}`;
    this.#waiting = parseChanges(sessionStorage.getItem(this.#key));
    this.#show();
    receiveWhileVisible(address, (source) => this.#listen(source));
    void this.#send();
  }

  get saved(): boolean {
    return this.#waiting.length === 0;
  }

  get all(): ReadonlyMap<string, Correction> {
    return this.#shown;
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  get(file: string): Correction | undefined {
    return this.#shown.get(file);
  }

  add(step: readonly Correction[]): void {
    this.#steps.push(step.map((after) => ({ before: this.#shown.get(after.file), after })));
    this.#change(step);
  }

  undo(): readonly Correction[] | undefined {
    const step = this.#steps.pop();
    if (step === undefined) return undefined;
    this.#change(
      step.map(({ before, after: { file, given, verdict, label } }) => ({
        ...(before ?? { file, given, verdict: null, label: '' }),
        // Another page may have decided meanwhile, and its verdict stays.
        undoes: { verdict, label },
      })),
    );
    return step.map(({ after }) => after);
  }

  listen(update: () => void): void {
    this.#update = update;
  }

  #change(changes: readonly Change[]): void {
    this.#waiting.push(...changes);
    this.downloaded = false;
    this.#keep();
    this.#show();
    void this.#send();
  }

  #show(): void {
    this.#shown = new Map(this.#known);
    for (const change of this.#waiting) apply(this.#shown, change);
  }

  #keep(): void {
    if (this.saved) sessionStorage.removeItem(this.#key);
    else sessionStorage.setItem(this.#key, JSON.stringify(this.#waiting));
  }

  async #send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    while (!this.saved) {
      const changes = this.#waiting.slice(0, MOST_AT_ONCE);
      const answer = await this.#post(changes);
      if (typeof answer === 'string') {
        this.#say(answer);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      this.#waiting.splice(0, changes.length);
      for (const change of answer) apply(this.#known, change);
      this.#keep();
      this.#show();
      this.#say('');
    }
    this.#sending = false;
  }

  /** What the changed images have now, or why the changes are not saved. */
  async #post(changes: readonly Change[]): Promise<readonly Change[] | string> {
    try {
      const answer = await fetch(this.address, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-evenhand-token': this.token },
        body: JSON.stringify({ changes }),
      });
      if (answer.ok) return ((await answer.json()) as { changes: Change[] }).changes;
      if (answer.status === 401) return 'The board was restarted: reload the page to save your last verdicts.';
      return `Your last verdicts are not saved. ${(await answer.text()).trim()}`;
    } catch {
      return 'Your last verdicts are not saved, because the board does not answer: start evenhand board again, or download corrections.csv.';
    }
  }

  #say(trouble: string): void {
    this.trouble = trouble;
    this.#update();
  }

  /** Follows what other pages and programs change. */
  #listen(source: EventSource): void {
    source.addEventListener('all', ({ data }) => {
      const { file, verdicts } = JSON.parse(data) as { file: string; verdicts: Correction[] };
      this.#known = new Map(verdicts.map((correction) => [correction.file, correction]));
      sayWhere(file);
      this.#show();
      this.#update();
    });
    source.addEventListener('changes', ({ data }) => {
      for (const change of JSON.parse(data) as Change[]) apply(this.#known, change);
      this.#show();
      this.#update();
    });
    source.addEventListener('error', () => {
      // An answer that is no stream, such as for a corrections.csv that cannot be read, ends the source.
      if (source.readyState === EventSource.CLOSED) void this.#explain();
    });
  }

  async #explain(): Promise<void> {
    const answer = await fetch(this.address).catch(() => undefined);
    if (answer !== undefined && !answer.ok) this.#say((await answer.text()).trim());
    else void answer?.body?.cancel();
  }
}

function apply(verdicts: Map<string, Correction>, { file, given, verdict, label, undoes }: Change): void {
  const current = verdicts.get(file);
  if (undoes !== undefined && (current?.verdict !== undoes.verdict || current.label !== undoes.label)) return;
  if (verdict === null) verdicts.delete(file);
  else verdicts.set(file, { file, given, verdict, label });
}

/** The page says where its verdicts are, and names the file in the command that trains with it. */
function sayWhere(file: string): void {
  const lead = document.querySelector('#review .lead .script');
  if (lead !== null)
    lead.textContent = ` Typical images of both classes are shown beside it. Verdicts are saved to ${file} at once.`;
  const command = document.querySelector('#finished code');
  const quoted = /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
  if (command !== null)
    command.textContent = command.textContent!.replace(/--corrections .*$/, () => `--corrections ${quoted}`);
}

function parseChanges(stored: string | null): Change[] {
  try {
    const changes: unknown = JSON.parse(stored ?? '[]');
    return Array.isArray(changes)
      ? (changes as Change[]).filter(({ verdict }) => verdict === null || isVerdict(verdict))
      : [];
  } catch {
    return [];
  }
}
