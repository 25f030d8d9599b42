import { type Content, html, type Markup, plural } from './markup.js';

export interface Column {
  readonly name: string;
  readonly kind: 'text' | 'number';
  /** Which way the first click orders: names from A, numbers from the greatest where nothing else is said. */
  readonly first?: 'ascending' | 'descending';
  /** How the rows stand to begin with. */
  readonly sorted?: 'ascending' | 'descending';
}

/** A field to search classes by, and the table that `class-table.ts` searches and orders. */
export function classTableMarkup(
  classes: number,
  about: string,
  columns: readonly Column[],
  rows: readonly Content[],
): Markup {
  const heads = columns.map(
    ({ name, kind, first = kind === 'number' ? 'descending' : 'ascending', sorted }, i) =>
      html`<th scope="col" class="${kind}"${sorted !== undefined && html` aria-sort="${sorted}"`}><button type="button" data-column="${i}" data-first="${first}">${name}</button></th>`,
  );
  return html`<div class="tools"><label class="search">Search <input type="search" id="class-search" placeholder="a class" autocomplete="off" aria-controls="class-table"></label>
<p id="class-found" role="status">${plural(classes, 'class', 'classes')}</p></div>
<div class="scroll tall" tabindex="0" role="region" aria-label="${about}"><table id="class-table" class="classes"><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
