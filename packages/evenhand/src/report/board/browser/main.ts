/// <reference lib="dom" preserve="true" />
// The script of the board's pages. They can be read, sorted by the server's order and compared without it.
import { enableClassTable } from '../../page/class-table.js';
import { enableThemeButton } from '../../page/theme-button.js';
import { Tip } from '../../run/browser/tips.js';
import { followEvents } from './follow.js';

document.documentElement.classList.add('scripted');
enableThemeButton();
enableClassTable();
enableTips(new Tip(document.getElementById('tip')!));
enableCompareButton();
scrollLogToEnd();
const { events } = document.body.dataset;
if (events !== undefined) followEvents(events);

/** Describes the point below the pointer in charts, which may be drawn anew at any time. */
function enableTips(tip: Tip): void {
  document.addEventListener('pointermove', ({ target, clientX, clientY }) => {
    const shape = (target as Element).closest('[ecmeta_data_index]');
    const chart = shape?.closest<HTMLElement>('[data-points]');
    if (!shape || !chart) return tip.hide();
    const [series, index] = ['ecmeta_series_index', 'ecmeta_data_index'].map((name) =>
      Number(shape.getAttribute(name)),
    );
    const points: (string[] | undefined)[] = JSON.parse(chart.dataset.points!);
    const text = points[series!]?.[index!];
    if (text === undefined) tip.hide();
    else tip.show(text, clientX, clientY);
  });
}

/** Two runs or more can be compared. */
function enableCompareButton(): void {
  const button = document.getElementById('compare') as HTMLButtonElement | null;
  if (button === null) return;
  const form = button.form!;
  const update = (): void => {
    const ticked = form.querySelectorAll('input[name=run]:checked').length;
    button.disabled = ticked < 2;
    button.textContent = ticked < 2 ? 'Tick runs to compare them' : `Compare ${ticked} runs`;
  };
  form.addEventListener('change', update);
  update();
}

function scrollLogToEnd(): void {
  const log = document.getElementById('log');
  if (log !== null) log.scrollTop = log.scrollHeight;
}
