/// <reference lib="dom" preserve="true" />
// The audit page's script. Without it the page shows the estimates, but takes no verdicts.
import { enableClassTable } from '../../page/class-table.js';
import { enableThemeButton } from '../../page/theme-button.js';
import type { AuditPayload } from '../payload.js';
import { connectCorrectionsFile } from './corrections-file.js';
import { Review } from './review.js';
import { ServedVerdicts } from './served-verdicts.js';
import { StoredVerdicts } from './verdicts.js';

const payload: AuditPayload = JSON.parse(document.getElementById('data')!.textContent!);
document.documentElement.classList.add('scripted');
enableThemeButton();
enableClassTable();

if (payload.likelyErrors.length > 0) {
  const verdicts = ServedVerdicts.open(payload.fingerprint) ?? new StoredVerdicts(payload.fingerprint);
  const review = new Review(payload, verdicts);
  connectCorrectionsFile(payload, verdicts, () => review.update());
  document.getElementById('class-table')!.addEventListener('click', ({ target }) => {
    const label = (target as Element).closest<HTMLElement>('[data-class]')?.dataset.class;
    if (label !== undefined) review.showClass(label);
  });
}
