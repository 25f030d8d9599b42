import { html } from '../page/markup.js';
import type { AuditPayload } from './payload.js';

/** What the server gives to the script of the page. */
export interface ServedAudit {
  /** The address of its verdicts. */
  readonly verdicts: string;
  readonly token: string;
}

const DATA = /<script type="application\/json" id="data">(.*?)<\/script>/s;

/**
 * An audit page that was written as a file, for a server: with the server's script in the place of its own, which the
 * server's content security policy forbids, so that it does not matter who wrote the file. Undefined if it is no such page.
 */
export function servedAudit(page: string, { verdicts, token }: ServedAudit): string | undefined {
  const data = DATA.exec(page);
  const head = '<head><meta charset="utf-8">';
  if (data === null || !page.includes(head)) return undefined;
  const told = html`<meta name="evenhand-verdicts" content="${verdicts}"><meta name="evenhand-token" content="${token}">
<link rel="icon" href="data:,"><script src="/audit.js" defer></script>`.text;
  return page
    .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '')
    .replace(/<script>.*?<\/script>/gs, '')
    .replace('<p class="eyebrow">', '<p class="eyebrow"><a href="/" class="back">evenhand board</a> · ')
    .replace(' This page needs no network.', '')
    .replace(head, () => `${head}\n${told}`);
}

/** The data of an audit page; undefined if it is no such page. */
export function payloadOfAudit(page: string): AuditPayload | undefined {
  try {
    const payload = JSON.parse(DATA.exec(page)?.[1] ?? '') as AuditPayload;
    return Array.isArray(payload.classes) && Array.isArray(payload.likelyErrors) ? payload : undefined;
  } catch {
    return undefined;
  }
}
