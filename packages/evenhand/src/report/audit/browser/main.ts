/// <reference lib="dom" preserve="true" />
// The page's script: verdicts and what serves them. Without it the page shows all that was estimated.
import { classTable } from '../../page/class-table.js';
import { themeButton } from '../../page/theme-button.js';
import type { AuditPayload } from '../payload.js';
import { exchange } from './exchange.js';
import { Review } from './review.js';
import { Verdicts } from './verdicts.js';

const payload: AuditPayload = JSON.parse(document.getElementById('data')!.textContent!);
document.documentElement.classList.add('scripted');
themeButton();
classTable();

if (payload.suspects.length > 0) {
  const verdicts = new Verdicts(payload.fingerprint);
  const review = new Review(payload, verdicts);
  exchange(payload, verdicts, () => review.update());
  document.getElementById('class-table')!.addEventListener('click', ({ target }) => {
    const label = (target as Element).closest<HTMLElement>('[data-class]')?.dataset.class;
    if (label !== undefined) review.showClass(label);
  });
}
