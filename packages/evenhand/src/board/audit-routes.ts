import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { boardPages } from '../report/index.js';
import { type EventStream, openEventStream, type Server } from '../server/index.js';
import type { Audit, AuditIndex } from './audits.js';
import { type VerdictChange, VerdictError, type VerdictStore } from './verdict-store.js';

/** How often corrections.csv is looked at while a page is open, for what other programs write. */
const LOOK_MS = 2000;

const verdict = {
  verdict: { type: ['string', 'null'], enum: ['accept', 'keep', 'drop', null] },
  label: { type: 'string', maxLength: 10_000 },
};

const changesSchema = {
  type: 'object',
  required: ['changes'],
  properties: {
    changes: {
      type: 'array',
      maxItems: 100_000,
      items: {
        type: 'object',
        required: ['file', 'given', 'verdict', 'label'],
        properties: {
          file: { type: 'string', minLength: 1, maxLength: 10_000 },
          given: { type: 'string', maxLength: 10_000 },
          ...verdict,
          undoes: { type: 'object', required: ['verdict', 'label'], properties: verdict },
        },
      },
    },
  },
};

/** The pages of audits, whose verdicts are saved to corrections.csv in the folder of the data. */
export function addAuditRoutes({ app, token }: Server, audits: AuditIndex): void {
  const forAudit = async (
    id: string,
    reply: FastifyReply,
    answer: (audit: Audit) => Promise<unknown>,
  ): Promise<unknown> => {
    const audit = await audits.find(id);
    if (audit === undefined) return reply.callNotFound();
    try {
      return await answer(audit);
    } catch (error) {
      if (!(error instanceof VerdictError)) throw error;
      return reply.code(409).type('text/plain; charset=utf-8').send(`${error.message}\n`);
    }
  };

  app.get<{ Params: { id: string } }>('/audit/:id', ({ params: { id } }, reply) =>
    forAudit(id, reply, async ({ path }) => {
      const { servedAudit } = await boardPages();
      const page = servedAudit(await readFile(join(path, 'audit.html'), 'utf8'), {
        verdicts: `/audit/${id}/verdicts`,
        token,
      });
      return page === undefined ? reply.callNotFound() : reply.type('text/html; charset=utf-8').send(page);
    }),
  );

  app.get<{ Params: { id: string } }>('/audit/:id/verdicts', ({ params: { id } }, reply) =>
    forAudit(id, reply, async ({ store }) => {
      await store.read();
      void follow(openEventStream(reply), store);
      return reply;
    }),
  );

  app.post<{ Params: { id: string }; Body: { changes: VerdictChange[] } }>(
    '/audit/:id/verdicts',
    { bodyLimit: 32 << 20, schema: { body: changesSchema } },
    ({ params: { id }, body }, reply) =>
      forAudit(id, reply, async ({ store }) => ({ changes: await store.change(body.changes) })),
  );
}

/** Sends all verdicts, then what changes. */
async function follow(events: EventStream, store: VerdictStore): Promise<void> {
  let version: string | undefined;
  const sendAll = async (): Promise<void> => {
    const latest = store.version();
    if (latest === version) return;
    if (events.send('all', { file: store.path, verdicts: await store.read() })) version = latest;
  };
  const onChange = (changes: VerdictChange[]): void => {
    // A reader that is behind gets all of them later.
    version = events.send('changes', changes) ? store.version() : undefined;
  };
  await sendAll().catch(() => {});
  store.on('change', onChange);
  events.signal.addEventListener('abort', () => store.off('change', onChange));
  while (!events.signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal: events.signal, ref: false }).catch(() => {});
    await sendAll().catch(() => {});
  }
}
