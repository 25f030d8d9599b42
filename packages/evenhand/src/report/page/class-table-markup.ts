import { plural } from '../../format.js';
import { type Content, html, type Markup } from './markup.js';

export interface Column {
  readonly name: string;
  readonly kind: 'text' | 'number';
  /** The order after the first click: by default text ascending, numbers descending. */
  readonly first?: 'ascending' | 'descending';
  /** Left out on phones. The cells need the class `detail` too. */
  readonly detail?: boolean;
  /** The order of the rows as given. */
  readonly sorted?: 'ascending' | 'descending';
}

/** A search field and the table that `class-table.ts` filters and sorts. */
export function classTableMarkup(
  numClasses: number,
  description: string,
  columns: readonly Column[],
  rows: readonly Content[],
): Markup {
  return html`<div class="tools"><label class="search">Search <input type="search" id="class-search" placeholder="class name" autocomplete="off" aria-controls="class-table"></label>
<p id="class-count" role="status">${plural(numClasses, 'class', 'classes')}</p></div>
<div class="scroll tall" tabindex="0" role="region" aria-label="${description}"><table id="class-table" class="classes"><thead><tr>${sortableHeaders(columns)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** Headers whose buttons sort the table. */
export const sortableHeaders = (columns: readonly Column[]): Markup[] =>
  columns.map(
    ({ name, kind, detail = false, first = kind === 'number' ? 'descending' : 'ascending', sorted }, i) =>
      html`<th scope="col" class="${kind}${detail && ' detail'}"${sorted !== undefined && html` aria-sort="${sorted}"`}><button type="button" data-column="${i}" data-first="${first}">${name}</button></th>`,
  );
