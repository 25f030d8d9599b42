/// <reference lib="dom" preserve="true" />
import { receiveWhileVisible } from '../../page/visible-events.js';

/** Lines of the log that are kept in the page. */
const MAX_LINES = 1000;

/** Keeps a page up to date by the events of the server, which sends parts of pages. */
export function followEvents(address: string): void {
  receiveWhileVisible(address, listen);
}

function listen(source: EventSource): void {
  const connection = document.getElementById('connection')!;
  const say = (text: string): void => {
    if (connection.textContent !== text) connection.textContent = text;
  };
  source.addEventListener('open', () => say('This page follows the run folders.'));
  source.addEventListener('error', () => say('The board does not answer; the page continues when it does.'));
  const on = <T>(event: string, action: (value: T) => void): void =>
    source.addEventListener(event, ({ data }) => action(JSON.parse(data)));

  on<{ part: string; html: string }>('part', ({ part, html }) => {
    const element = document.querySelector<HTMLElement>(`[data-part="${part}"]`);
    if (element !== null) element.innerHTML = html;
  });
  on<string>('now', (html) => {
    const now = document.getElementById('now')!;
    // A link that has the focus keeps it.
    const focused = now.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : undefined;
    now.innerHTML = html;
    if (focused) now.querySelector<HTMLElement>(`a[href="${focused}"]`)?.focus();
  });
  on<{ changed: string[]; gone: string[] }>('rows', ({ changed, gone }) => {
    for (const id of gone) document.querySelector(`tr[data-run="${id}"]`)?.remove();
    for (const row of changed) replaceRow(row);
  });
  on<{ lines: string[]; all: boolean }>('log', ({ lines, all }) => appendToLog(lines, all));
}

/** Replaces a row but its first cell, which has the box that may be ticked; adds one that is new. */
function replaceRow(html: string): void {
  const body = document.querySelector<HTMLTableSectionElement>('#class-table tbody');
  // The first run makes the table.
  if (body === null) {
    location.reload();
    return;
  }
  const template = document.createElement('template');
  template.innerHTML = html;
  const row = template.content.firstElementChild as HTMLTableRowElement;
  const old = body.querySelector<HTMLTableRowElement>(`tr[data-run="${row.dataset.run}"]`);
  if (old === null) {
    body.prepend(row);
    return;
  }
  for (const [i, cell] of [...row.cells].entries()) if (i > 0) old.cells[i]!.replaceWith(cell);
}

function appendToLog(lines: readonly string[], all: boolean): void {
  const log = document.getElementById('log');
  if (log === null) return;
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
  const before = all ? [] : log.textContent!.split('\n');
  log.textContent = [...before, ...lines].slice(-MAX_LINES).join('\n');
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}
