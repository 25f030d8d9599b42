import { randomBytes } from 'node:crypto';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import { escapeHtml } from '../escape-html.js';
import { type Access, cookieName, cookieOf, isLoopback, isOwnHost, isOwnOrigin, sameToken, tokenOf } from './access.js';
import { prepareEventStreams } from './event-stream.js';
import { sendProblemDocument } from './problem-document.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** By default `read` for GET and HEAD, and `write` for other methods. A POST that changes nothing is a `read`. */
    access?: Access;
  }
}

export interface ServerSettings {
  /** The address to bind: by default 127.0.0.1, which only this machine reaches. */
  readonly host?: string;
  /** Host names to answer for besides the server's own, such as that of a proxy. */
  readonly allowedHosts?: readonly string[];
  /** By default 256 random bits. */
  readonly token?: string;
  /** Whether reading needs the token: by default unless bound to loopback. */
  readonly readsNeedToken?: boolean;
  /** Answers with refusals as RFC 9457 documents (JSON) instead of text. */
  readonly problems?: boolean;
  /** Options of Fastify, such as `logger` and `bodyLimit`. */
  readonly fastify?: Omit<FastifyServerOptions, 'http' | 'https' | 'http2'>;
}

export interface Server {
  readonly app: FastifyInstance;
  readonly host: string;
  /** A page of the server sends it in the header `x-evenhand-token` to write. */
  readonly token: string;
  readonly readsNeedToken: boolean;
}

/** Only scripts of the server run, and pages load only from it; charts and thumbnails have style attributes. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Sent with every answer; a route that sets one of them itself keeps its own. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * A Fastify server that is safe on a machine with a browser. It refuses a foreign `Host` (421; DNS rebinding), writes that
 * come from the page of another site (403; CSRF) or lack the token (401), and, unless bound to loopback, reading without
 * the token (401). `?token=` in an address that a browser opens becomes a cookie. Refusals are made before a body is read.
 * Routes say with `config: { access }` what they need.
 */
export function createServer(settings: ServerSettings = {}): Server {
  const { host = '127.0.0.1', allowedHosts = [], token = randomBytes(32).toString('base64url') } = settings;
  const readsNeedToken = settings.readsNeedToken ?? !isLoopback(host);
  const app = Fastify({ requestTimeout: 60_000, forceCloseConnections: 'idle', ...settings.fastify });
  const cookie = cookieName(token);
  // Browsers know it only where an address is trusted, and complain elsewhere.
  const headers = Object.entries(
    isLoopback(host) ? { ...HEADERS, 'cross-origin-opener-policy': 'same-origin' } : HEADERS,
  );
  prepareEventStreams(app);
  const refuse = settings.problems ? sendProblemDocument : refuseAsText;

  app.addHook('onRequest', async (request, reply) => {
    const given = request.headers;
    if (!isOwnHost(given.host, host, allowedHosts)) {
      return refuse(reply, 421, 'This server does not answer for the host name of this address.');
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead && !isOwnOrigin(given)) return refuse(reply, 403, 'A page of another site may not send this.');
    const access = request.routeOptions.config?.access ?? (isRead ? 'read' : 'write');
    if (access === 'public') return;
    const inHeader = sameToken(tokenOf(given), token);
    if (access === 'write') {
      if (!inHeader) return refuse(reply, 401, 'Writing needs the token: reload the page, or restart the server.');
      return;
    }
    const inAddress = sameToken(tokenInAddress(request), token);
    if (inAddress && request.method === 'GET' && given.accept?.includes('text/html')) {
      return moveToCookie(request, reply, `${cookie}=${token}; Path=/; HttpOnly; SameSite=Strict`);
    }
    if (!readsNeedToken || inHeader || inAddress || sameToken(cookieOf(given.cookie, cookie), token)) return;
    return refuse(reply, 401, 'Open the address with its token, as it was printed when the server started.');
  });

  let isStopping = false;
  app.addHook('preClose', async () => {
    isStopping = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    // A connection that is kept for further requests would keep the server from stopping.
    if (isStopping) reply.header('connection', 'close');
    for (const [name, value] of headers) if (!reply.hasHeader(name)) reply.header(name, value);
  });

  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'There is no such page.'));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error(error);
    // What failed inside may name files, which are nobody's business.
    return refuse(reply, status, status < 500 ? error.message : 'The server failed on this request.');
  });
  return { app, host, token, readsNeedToken };
}

function tokenInAddress({ url }: FastifyRequest): string | undefined {
  return new URLSearchParams(url.split('?', 2)[1] ?? '').get('token') ?? undefined;
}

/**
 * Answers with the cookie and a page that opens the same address without the token. After a redirect, a browser that
 * came by a link of another site would not send a `SameSite=Strict` cookie.
 */
function moveToCookie({ url }: FastifyRequest, reply: FastifyReply, cookie: string): FastifyReply {
  const [path, query] = url.split('?', 2);
  const rest = new URLSearchParams(query);
  rest.delete('token');
  const target = `${path!.replace(/^\/*/, '/')}${rest.size > 0 ? `?${rest}` : ''}`;
  return reply
    .header('set-cookie', cookie)
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><meta http-equiv="refresh" content="0;url=${escapeHtml(target)}"><link rel="icon" href="data:,"><title>evenhand</title>`,
    );
}

const refuseAsText = (reply: FastifyReply, status: number, message: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(`${message}\n`);
