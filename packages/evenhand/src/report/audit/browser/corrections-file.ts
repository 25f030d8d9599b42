/// <reference lib="dom" preserve="true" />
import { type Correction, correctionsCsv, correctionsOf } from '../../../corrections.js';
import { plural } from '../../../format.js';
import type { AuditPayload } from '../payload.js';
import { parseTable } from './parse-table.js';
import type { VerdictList } from './verdicts.js';

/** Saves verdicts as corrections.csv and loads them again. */
export function connectCorrectionsFile(payload: AuditPayload, verdicts: VerdictList, update: () => void): void {
  const download = (): void => {
    const url = URL.createObjectURL(new Blob([correctionsCsv(inOrder(payload, verdicts))], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = 'corrections.csv';
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    verdicts.downloaded = true;
    update();
  };
  for (const button of document.querySelectorAll('.download')) button.addEventListener('click', download);

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
      loaded.textContent = `Loaded ${plural(corrections.length, 'verdict')} from ${file.name}.`;
      loaded.classList.remove('bad');
      update();
    } catch (error) {
      loaded.textContent = (error as Error).message;
      loaded.classList.add('bad');
    }
    // Otherwise the same file could not be chosen again after it was fixed.
    input.value = '';
  });

  addEventListener('beforeunload', (event) => {
    if (!verdicts.saved && !verdicts.downloaded) event.preventDefault();
  });
  verdicts.listen(update);
}

/** Verdicts in the order of the page, then those loaded for images that the page does not list. */
function inOrder({ likelyErrors }: AuditPayload, verdicts: VerdictList): Correction[] {
  const files = new Set(likelyErrors.map(([file]) => file));
  const here = Array.from(files, (file) => verdicts.get(file)).filter((correction) => correction !== undefined);
  return [...here, ...Array.from(verdicts.all.values()).filter(({ file }) => !files.has(file))];
}

/** @throws Error if an image has another label in the file than in the page */
function refuseOthers({ likelyErrors, classes }: AuditPayload, corrections: readonly Correction[], name: string): void {
  const labels = new Map(likelyErrors.map(([file, given]) => [file, classes[given]]));
  for (const { file, given } of corrections) {
    const label = labels.get(file) ?? given;
    if (label !== given) {
      throw new Error(
        `${name} was made for other data: ${file} has the label "${given}" there and "${label}" in this page.`,
      );
    }
  }
}
