/// <reference lib="dom" preserve="true" />

/** Search and order of the table of classes. */
export function classTable(): void {
  const table = document.getElementById('class-table') as HTMLTableElement | null;
  const search = document.getElementById('class-search') as HTMLInputElement | null;
  if (table === null || search === null) return;
  const body = table.tBodies[0]!;
  const rows = Array.from(body.rows);
  const found = document.getElementById('class-found')!;
  const all = found.textContent;

  search.addEventListener('input', () => {
    const words = search.value.trim().toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const name = row.cells[0]!.textContent!.toLowerCase();
      row.hidden = !words.every((word) => name.includes(word));
      if (!row.hidden) shown++;
    }
    found.textContent = shown === rows.length ? all : `${shown} of ${all}`;
  });

  for (const button of table.tHead!.querySelectorAll('button')) {
    button.addEventListener('click', () => {
      const head = button.closest('th')!;
      const before = head.getAttribute('aria-sort');
      const numeric = head.classList.contains('number');
      const direction = before === null ? button.dataset.first! : before === 'ascending' ? 'descending' : 'ascending';
      for (const other of table.querySelectorAll('th[aria-sort]')) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', direction);
      const sign = direction === 'ascending' ? 1 : -1;
      const column = Number(button.dataset.column);
      rows.sort((a, b) => sign * compare(text(a, column), text(b, column), numeric));
      body.append(...rows);
    });
  }
}

/** What a cell is ordered by: its value where it shows more than that. */
function text(row: HTMLTableRowElement, column: number): string {
  const cell = row.cells[column]!;
  return cell.dataset.value ?? cell.textContent!.trim();
}

function compare(a: string, b: string, numeric: boolean): number {
  if (!numeric) return a.localeCompare(b, 'en', { numeric: true });
  const value = (each: string): number => {
    const number = Number(each.replaceAll(',', ''));
    return Number.isNaN(number) ? -1 : number;
  };
  return value(a) - value(b);
}
