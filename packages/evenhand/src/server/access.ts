import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/**
 * What a request needs: `public` nothing, `read` the token unless the server is bound to loopback, `write` always the
 * token, in a header, so that no page of another site can send it.
 */
export type Access = 'public' | 'read' | 'write';

/** The header with the token, which a page's script sends; programs may send `Authorization: Bearer` instead. */
export const TOKEN_HEADER = 'x-evenhand-token';

/** Whether only this machine reaches an address: `localhost`, `127.0.0.1` to `127.255.255.255`, `::1`. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** The host of a Host header in lower case, without its port; undefined if it is not one. */
function hostOf(header: string | undefined): string | undefined {
  if (header === undefined || !/^[\w.:[\]-]+$/.test(header)) return undefined;
  try {
    return new URL(`http://${header}`).hostname.replace(/\.$/, '').replace(/^\[|\]$/g, '');
  } catch {
    return undefined;
  }
}

/**
 * Whether a server bound to `bound` answers for a Host header. A name whose owner lets it resolve to this machine (DNS
 * rebinding) is refused. An address cannot be rebound; a server bound to loopback answers only for loopback. Ports are
 * free, because a tunnel has another.
 *
 * @param allowed further names
 */
export function isOwnHost(header: string | undefined, bound: string, allowed: readonly string[]): boolean {
  const host = hostOf(header);
  if (host === undefined) return false;
  if (isLoopback(host) || allowed.some((name) => name.toLowerCase() === host)) return true;
  if (isLoopback(bound)) return false;
  const own = hostname().toLowerCase();
  return isIP(host) !== 0 || [bound.toLowerCase(), own, `${own}.local`].includes(host);
}

/** Whether a browser sent a request from a page of this server: a program sends neither header. */
export function isOwnOrigin(headers: {
  readonly origin?: string;
  readonly host?: string;
  readonly 'sec-fetch-site'?: string | string[];
}): boolean {
  const { origin, host } = headers;
  // `none` is an address that the user typed.
  if (!['same-origin', 'none', undefined].includes(headers['sec-fetch-site'] as string | undefined)) return false;
  // A proxy may add TLS, so the scheme is not compared.
  return origin === undefined || (/^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, '') === host);
}

/** Compares two tokens in a time that does not depend on where they differ. */
export function sameToken(given: string | undefined, token: string): boolean {
  if (given === undefined) return false;
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}

/** Browsers send a cookie to every port of a host: its name is the server's own. */
export const cookieName = (token: string): string =>
  `evenhand-${createHash('sha256').update(token).digest('hex').slice(0, 12)}`;

/** The token in the headers of a request that may write. */
export function tokenOf(headers: {
  readonly authorization?: string;
  readonly [TOKEN_HEADER]?: string | string[];
}): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const own = headers[TOKEN_HEADER];
  return bearer ?? (typeof own === 'string' ? own : undefined);
}

/** The value of a cookie. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  return header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}
