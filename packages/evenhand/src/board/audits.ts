import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { columnOf, DataError, readCsv, rootOf } from '../data/index.js';
import { type AuditEntry, boardPages } from '../report/index.js';
import { idOf, shownPath } from './paths.js';
import { VerdictStore } from './verdict-store.js';

/** Folders below a given one in which audits are looked for. */
const MAX_DEPTH = 4;
/** An audit page is smaller. */
const MAX_BYTES = 32e6;

/** An audit that was found, with the verdicts on its data. */
export interface Audit {
  readonly path: string;
  readonly entry: Omit<AuditEntry, 'verdicts'>;
  readonly store: VerdictStore;
}

/** The audits below some folders: those with audit.html and audit.json, as `evenhand audit` leaves them. */
export class AuditIndex {
  readonly #kept = new Map<string, { readonly version: string; readonly audit: Audit | undefined }>();

  constructor(private readonly roots: readonly string[]) {}

  async list(): Promise<AuditEntry[]> {
    const audits = await this.#look();
    const entries = await Promise.all(
      audits.map(async ({ entry, store }) => {
        const verdicts = await store.read().catch(() => []);
        return { ...entry, verdicts: verdicts.length };
      }),
    );
    return entries.sort((a, b) => (a.written < b.written ? 1 : -1));
  }

  async find(id: string): Promise<Audit | undefined> {
    return (await this.#look()).find(({ entry }) => entry.id === id);
  }

  async #look(): Promise<Audit[]> {
    const found: Audit[] = [];
    const walk = async (path: string, depth: number): Promise<void> => {
      const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
      const names = new Set(entries.map(({ name }) => name));
      if (names.has('audit.html') && names.has('audit.json')) {
        const audit = await this.#open(path);
        if (audit !== undefined) found.push(audit);
      } else if (depth < MAX_DEPTH) {
        for (const entry of entries) {
          if (entry.isDirectory() && !entry.name.startsWith('.')) await walk(join(path, entry.name), depth + 1);
        }
      }
    };
    for (const root of this.roots) await walk(root, 0);
    return found;
  }

  async #open(path: string): Promise<Audit | undefined> {
    const [page, summary] = [join(path, 'audit.html'), join(path, 'audit.json')];
    const stats = await Promise.all([page, summary].map((file) => stat(file).catch(() => undefined)));
    if (stats.some((each) => each === undefined || !each.isFile() || each.size > MAX_BYTES)) return undefined;
    const version = stats.map((each) => `${each!.mtimeMs} ${each!.size}`).join();
    const kept = this.#kept.get(path);
    if (kept?.version === version) return kept.audit;
    const audit = await this.#read(path, page, summary, stats[0]!.mtime).catch(() => undefined);
    this.#kept.set(path, { version, audit });
    return audit;
  }

  /** Undefined if the files are not those of an audit. */
  async #read(path: string, page: string, summary: string, written: Date): Promise<Audit | undefined> {
    const { data, suspects } = JSON.parse(await readFile(summary, 'utf8')) as { data?: unknown; suspects?: unknown };
    const { payloadOfAudit } = await boardPages();
    const payload = payloadOfAudit(await readFile(page, 'utf8'));
    if (typeof data !== 'string' || payload === undefined) return undefined;
    const { classes, likelyErrors } = payload;
    const known = await imagesOf(join(path, 'labels.csv')).catch(() => new Set<string>());
    for (const [file, given] of likelyErrors) known.add(JSON.stringify([file, classes[given]]));
    const file = resolve(rootOf(data), 'corrections.csv');
    const store = new VerdictStore(file, classes, (name, given) => known.has(JSON.stringify([name, given])));
    return {
      path,
      entry: {
        id: idOf(path),
        name: basename(resolve(data)),
        path: shownPath(path),
        written: written.toISOString(),
        likelyErrors: typeof suspects === 'number' ? suspects : likelyErrors.length,
      },
      store,
    };
  }
}

/** The images of labels.csv with their labels. @throws DataError if it cannot be read */
async function imagesOf(file: string): Promise<Set<string>> {
  const table = await readCsv(file);
  const [name, given] = ['file', 'given'].map((column) => columnOf(table, column, 'what the audit wrote'));
  if (name === undefined || given === undefined) throw new DataError(`${file} is not the labels.csv of an audit.`);
  return new Set(table.rows.map(({ values }) => JSON.stringify([values[name], values[given]])));
}
