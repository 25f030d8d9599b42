import type { FastifyReply } from 'fastify';
import { boardPages, type Page } from '../report/index.js';
import { RunError, RunFolder } from '../run/index.js';
import { createServer, openEventStream, type Server, type ServerSettings, serveMemory } from '../server/index.js';
import { addAuditRoutes } from './audit-routes.js';
import { AuditIndex } from './audits.js';
import { compareRuns } from './compare-runs.js';
import { ImageCache, PLACEHOLDER } from './images.js';
import { followList, followRun } from './live.js';
import { shownPath } from './paths.js';
import { factsOfRun } from './run-facts.js';
import { RunIndex } from './run-index.js';

export interface BoardOptions extends ServerSettings {
  /** Folders in and below which runs are looked for. */
  readonly roots: readonly string[];
  /** Folders in and below which audits are looked for. */
  readonly audits: readonly string[];
  /** Where the data of runs are whose own folder is not there. */
  readonly data?: string;
  /** Writes the report of a run. */
  writeReport(run: RunFolder): Promise<Page>;
}

/** The server of `evenhand board`, ready to listen. */
export async function createBoard(options: BoardOptions): Promise<Server> {
  const { roots, writeReport } = options;
  const server = createServer(options);
  const { app } = server;
  const pages = await boardPages();
  const scripts = await pages.boardScripts();
  const index = new RunIndex(roots);
  const audits = new AuditIndex(options.audits);
  const images = new ImageCache(index.predictions, options.data);
  const javascript = 'text/javascript; charset=utf-8';
  serveMemory(app, {
    '/board.css': { type: 'text/css; charset=utf-8', body: pages.boardStyle },
    '/board.js': { type: javascript, body: scripts.board },
    '/audit.js': { type: javascript, body: scripts.audit },
  });

  app.get<{ Querystring: { select?: string | string[] } }>('/', async ({ query }, reply) => {
    const [runs, entries] = await Promise.all([index.list(), audits.list()]);
    const selected = new Set([query.select ?? []].flat());
    return sendPage(reply, pages.listPage({ runs, audits: entries, roots: roots.map(shownPath), selected }));
  });

  app.get('/events', (_request, reply) => {
    void followList(openEventStream(reply), index, pages);
    return reply;
  });

  type Ids = string | string[];
  app.get<{ Querystring: { run?: Ids; first?: Ids; with?: Ids } }>('/compare', async ({ query }, reply) => {
    const [first, second] = [query.first, query.with].map((given) => [given ?? []].flat()[0]);
    const ids = [...new Set([query.run ?? []].flat())].sort((a, b) => Number(b === first) - Number(a === first));
    const found = await Promise.all(ids.map((id) => index.pathOf(id)));
    const runs = await Promise.all(
      found.filter((path) => path !== undefined).map(async (path) => ({ path, summary: await index.summary(path) })),
    );
    return sendPage(reply, pages.comparePage(compareRuns(runs, index.predictions, second)));
  });

  /** Answers for a run that was found, else 404. */
  const forRun = (url: string, answer: (path: string, reply: FastifyReply, place: number) => unknown): void => {
    app.get<{ Params: { id: string; place?: string } }>(url, async ({ params }, reply) => {
      const path = await index.pathOf(params.id);
      if (path === undefined) return reply.callNotFound();
      try {
        return await answer(path, reply, Number(params.place));
      } catch (error) {
        if (!(error instanceof RunError)) throw error;
        return reply.code(409).type('text/plain; charset=utf-8').send(`${error.message}\n`);
      }
    });
  };

  forRun('/run/:id', async (path, reply) => sendPage(reply, pages.runPage(await factsOfRun(path, index))));

  forRun('/run/:id/events', (path, reply) => {
    void followRun(openEventStream(reply), path, index, pages);
    return reply;
  });

  forRun('/run/:id/report', async (path, reply) => {
    const { html, policy } = await writeReport(RunFolder.open(path));
    return sendPage(reply.header('content-security-policy', `${policy}; frame-ancestors 'none'`), html);
  });

  forRun('/run/:id/image/:place', async (path, reply, place) => {
    const image = await images.thumbnail(path, place, pages);
    if (image === undefined) return reply.code(404).type('image/svg+xml').send(PLACEHOLDER);
    return reply.header('cache-control', 'private, max-age=600').type('image/webp').send(image);
  });

  addAuditRoutes(server, audits);
  return server;
}

const sendPage = (reply: FastifyReply, html: string): FastifyReply => reply.type('text/html; charset=utf-8').send(html);
