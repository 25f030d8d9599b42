/// <reference lib="dom" preserve="true" />

/** Lets the reader search and sort the table of classes, to which rows may be added later. */
export function enableClassTable(): void {
  const table = document.getElementById('class-table') as HTMLTableElement | null;
  const search = document.getElementById('class-search') as HTMLInputElement | null;
  if (table === null || search === null) return;
  const body = table.tBodies[0]!;
  const count = document.getElementById('class-count')!;
  const countOfAll = count.textContent;

  search.addEventListener('input', () => {
    const words = search.value.trim().toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of body.rows) {
      const name = row.cells[0]!.textContent!.toLowerCase();
      row.hidden = !words.every((word) => name.includes(word));
      if (!row.hidden) shown++;
    }
    count.textContent = shown === body.rows.length ? countOfAll : `${shown} of ${countOfAll}`;
  });

  for (const button of table.tHead!.querySelectorAll('button')) {
    button.addEventListener('click', () => {
      const header = button.closest('th')!;
      const previous = header.getAttribute('aria-sort');
      const numeric = header.classList.contains('number');
      const direction =
        previous === null ? button.dataset.first! : previous === 'ascending' ? 'descending' : 'ascending';
      for (const other of table.querySelectorAll('th[aria-sort]')) other.removeAttribute('aria-sort');
      header.setAttribute('aria-sort', direction);
      const sign = direction === 'ascending' ? 1 : -1;
      const column = Number(button.dataset.column);
      const rows = Array.from(body.rows);
      rows.sort((a, b) => sign * compareCells(cellValue(a, column), cellValue(b, column), numeric));
      body.append(...rows);
    });
  }
}

/** What a cell is sorted by: its `data-value`, or its text if it has none. */
function cellValue(row: HTMLTableRowElement, column: number): string {
  const cell = row.cells[column]!;
  return cell.dataset.value ?? cell.textContent!.trim();
}

function compareCells(a: string, b: string, numeric: boolean): number {
  if (!numeric) return a.localeCompare(b, 'en', { numeric: true });
  const numberOf = (text: string): number => {
    const number = Number(text.replaceAll(',', ''));
    return Number.isNaN(number) ? -1 : number;
  };
  return numberOf(a) - numberOf(b);
}
