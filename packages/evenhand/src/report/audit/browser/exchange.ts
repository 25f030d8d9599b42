/// <reference lib="dom" preserve="true" />
import { type Correction, correctionsCsv, correctionsOf } from '../../../corrections.js';
import { plural } from '../../page/markup.js';
import type { AuditPayload } from '../payload.js';
import { parseTable } from './parse-table.js';
import type { Verdicts } from './verdicts.js';

/** Verdicts out of the page as corrections.csv, and into it again. */
export function exchange(payload: AuditPayload, verdicts: Verdicts, update: () => void): void {
  document.getElementById('download')!.addEventListener('click', () => {
    const url = URL.createObjectURL(new Blob([correctionsCsv(inOrder(payload, verdicts))], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = 'corrections.csv';
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    verdicts.downloaded = true;
    update();
  });

  const input = document.getElementById('load-file') as HTMLInputElement;
  const loaded = document.getElementById('loaded')!;
  document.getElementById('load')!.addEventListener('click', () => input.click());
  input.addEventListener('change', async () => {
    const file = input.files?.[0];
    if (file === undefined) return;
    try {
      const table = parseTable(await file.text(), file.name);
      const corrections = correctionsOf(table, file.name, payload.classes).map(({ line, ...correction }) => correction);
      refuseOthers(payload, corrections, file.name);
      verdicts.add(corrections);
      loaded.textContent = `${plural(corrections.length, 'verdict')} read from ${file.name}.`;
      loaded.classList.remove('bad');
      update();
    } catch (error) {
      loaded.textContent = (error as Error).message;
      loaded.classList.add('bad');
    }
    // The same file may be chosen again, mended.
    input.value = '';
  });

  addEventListener('beforeunload', (event) => {
    if (!verdicts.saved && !verdicts.downloaded) event.preventDefault();
  });
  addEventListener('storage', ({ key }) => {
    if (!verdicts.isKey(key)) return;
    verdicts.reload();
    update();
  });
}

/** In the order of the suspects; then those that were decided before and are none any more. */
function inOrder({ suspects }: AuditPayload, verdicts: Verdicts): Correction[] {
  const files = new Set(suspects.map(([file]) => file));
  const here = Array.from(files, (file) => verdicts.of(file)).filter((each) => each !== undefined);
  return [...here, ...Array.from(verdicts.all.values()).filter(({ file }) => !files.has(file))];
}

/** @throws Error where an image has another label here than there */
function refuseOthers({ suspects, classes }: AuditPayload, corrections: readonly Correction[], name: string): void {
  const labels = new Map(suspects.map(([file, given]) => [file, classes[given]]));
  for (const { file, given } of corrections) {
    const label = labels.get(file) ?? given;
    if (label !== given) {
      throw new Error(
        `${name} was made for other data: ${file} has the label "${given}" there and "${label}" in this page.`,
      );
    }
  }
}
