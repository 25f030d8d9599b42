import { setTimeout as sleep } from 'node:timers/promises';
import type { boardPages, RunSummary } from '../report/index.js';
import { RunFolder } from '../run/index.js';
import type { EventStream } from '../server/index.js';
import { LogReader } from './follow-log.js';
import { factsOfRun } from './run-facts.js';
import type { RunIndex } from './run-index.js';

type Pages = Awaited<ReturnType<typeof boardPages>>;

/** How often folders are looked at while a page is open. Network file systems report no changes, so it is asked for them. */
const LIST_MS = 2000;
const RUN_MS = 1000;

/** Sends what changes in the list of runs. */
export async function followList(events: EventStream, index: RunIndex, pages: Pages): Promise<void> {
  let rows = rowsOf(await index.list(), pages);
  let now = pages.trainingNow(await index.list());
  events.send('now', now ? now.text : '');
  await repeat(events, LIST_MS, async () => {
    const runs = await index.list();
    const current = rowsOf(runs, pages);
    const changed = [...current].filter(([id, html]) => rows.get(id) !== html).map(([, html]) => html);
    const gone = [...rows.keys()].filter((id) => !current.has(id));
    if (changed.length + gone.length > 0 && events.send('rows', { changed, gone })) rows = current;
    const training = pages.trainingNow(runs);
    const text = training ? training.text : '';
    if (text !== (now ? now.text : '') && events.send('now', text)) now = training;
  });
}

/** Rows are made anew for runs that changed only. */
function rowsOf(runs: readonly RunSummary[], pages: Pages): Map<string, string> {
  return new Map(
    runs.map((run) => {
      const row = known.get(run) ?? pages.runRow(run).text;
      known.set(run, row);
      return [run.id, row];
    }),
  );
}

const known = new WeakMap<RunSummary, string>();

/** Sends what changes in a run. */
export async function followRun(events: EventStream, path: string, index: RunIndex, pages: Pages): Promise<void> {
  const log = new LogReader(RunFolder.logOf(path));
  const sent = new Map<string, string>();
  const update = (part: string, html: string): void => {
    if (sent.get(part) !== html && events.send('part', { part, html })) sent.set(part, html);
  };
  await repeat(events, RUN_MS, async () => {
    const facts = await factsOfRun(path, index);
    update('status', pages.statusPart(facts).text);
    if (facts.parts.length > 0) update('folds', pages.foldTable(facts).text);
    // Charts are drawn anew only if an epoch has ended.
    const epochs = `${facts.epochs.length} ${facts.foldEpochs.map(({ length }) => length).join(' ')}`;
    if (sent.get('epochs') !== epochs && events.send('part', { part: 'curves', html: pages.curves(facts).text })) {
      sent.set('epochs', epochs);
    }
    const lines = await log.next();
    if (lines !== undefined) events.send('log', lines);
  });
}

/** Until the reader leaves. A folder that cannot be read at the moment may come back. */
async function repeat(events: EventStream, everyMs: number, look: () => Promise<void>): Promise<void> {
  while (!events.signal.aborted) {
    await look().catch(() => {});
    await sleep(everyMs, undefined, { signal: events.signal, ref: false }).catch(() => {});
  }
}
