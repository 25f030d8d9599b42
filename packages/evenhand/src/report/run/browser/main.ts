/// <reference lib="dom" preserve="true" />
// The report's script. The page can be read and printed without it.

import { enableClassTable } from '../../page/class-table.js';
import { enableThemeButton } from '../../page/theme-button.js';
import type { Payload } from '../payload.js';
import { ImageDialog } from './image-dialog.js';
import { MatrixControl } from './matrix-control.js';
import { enableChartTips, Tip } from './tips.js';

const payload: Payload = JSON.parse(document.getElementById('data')!.textContent!);
document.documentElement.classList.add('scripted');

const tip = new Tip(document.getElementById('tip')!);
const dialog = new ImageDialog(payload);
enableThemeButton();
enableClassTable();
enableChartTips(payload, tip, (label) => dialog.showClass(label));
const matrix = document.getElementById('matrix');
if (matrix !== null) new MatrixControl(payload, matrix, tip, (truth, predicted) => dialog.showCell(truth, predicted));

document.addEventListener('click', ({ target }) => {
  const button = (target as Element).closest<HTMLElement>('[data-truth],[data-class]');
  if (button === null) return;
  const { truth, predicted, class: label } = button.dataset;
  if (label !== undefined) dialog.showClass(Number(label));
  else dialog.showCell(Number(truth), Number(predicted));
});

// Marks the section in view in the navigation.
const links = new Map(
  Array.from(document.querySelectorAll<HTMLAnchorElement>('nav a'), (link) => [link.hash.slice(1), link]),
);
const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute('aria-current');
      links.get(target.id)?.setAttribute('aria-current', 'true');
    }
  },
  { rootMargin: '-20% 0px -70% 0px' },
);
for (const section of document.querySelectorAll('main section')) observer.observe(section);
