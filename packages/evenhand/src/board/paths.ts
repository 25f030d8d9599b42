import { createHash } from 'node:crypto';
import { relative, resolve } from 'node:path';

/** Names a folder in addresses: 48 bits of a hash, so that no address can name a folder that was not found. */
export const idOf = (path: string): string =>
  createHash('sha256').update(resolve(path)).digest('base64url').slice(0, 8);

/** A path as it is shown: relative to the current folder if it is inside. */
export function shownPath(path: string): string {
  const inside = relative(process.cwd(), path);
  return inside === '' ? '.' : inside.startsWith('..') ? path : inside;
}
