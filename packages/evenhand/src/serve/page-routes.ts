import type { FastifyInstance } from 'fastify';
import { tryPages } from '../report/index.js';
import { serveMemory } from '../server/index.js';
import type { ServeSettings } from './prediction-server.js';

/** The page on which a person tries the model, at /. */
export async function addPage(app: FastifyInstance, settings: ServeSettings): Promise<void> {
  const { model, name, unsureBelow = 0.5, similar } = settings;
  const { tryFacts, tryPage, tryScript, tryStyle, tryIcon } = await tryPages();
  const facts = { ...tryFacts(model.metadata, unsureBelow, name), similar: similar !== undefined };
  serveMemory(app, {
    '/': { type: 'text/html; charset=utf-8', body: tryPage({ ...facts, computes: 'server' }) },
    '/try.css': { type: 'text/css; charset=utf-8', body: tryStyle },
    '/try.js': { type: 'text/javascript; charset=utf-8', body: await tryScript('server') },
    '/icon.svg': { type: 'image/svg+xml', body: tryIcon },
  });
}
