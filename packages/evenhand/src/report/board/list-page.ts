import { plural } from '../../format.js';
import { type Column, sortableHeaders } from '../page/class-table-markup.js';
import { html, type Markup } from '../page/markup.js';
import { NONE, showCount, showScore } from '../page/numbers.js';
import { section, servedPage } from './document.js';
import type { AuditEntry, RunSummary } from './facts.js';
import {
  breakable,
  progressBar,
  showClasses,
  showSpeed,
  showStart,
  showTime,
  stageText,
  stateMark,
  stateName,
} from './text.js';

const columns: readonly Column[] = [
  { name: 'Run', kind: 'text' },
  { name: 'State', kind: 'text' },
  { name: 'Macro F1', kind: 'number' },
  { name: 'Accuracy', kind: 'number', detail: true },
  { name: 'Model', kind: 'text', detail: true },
  { name: 'Data', kind: 'text', detail: true },
  { name: 'Epochs', kind: 'number', detail: true },
  { name: 'Time', kind: 'number', detail: true },
  { name: 'Started', kind: 'text', detail: true, first: 'descending', sorted: 'descending' },
];

export interface ListFacts {
  readonly runs: readonly RunSummary[];
  readonly audits: readonly AuditEntry[];
  /** The folders that were searched, as they are shown. */
  readonly roots: readonly string[];
  /** Runs whose box is ticked. */
  readonly selected: ReadonlySet<string>;
}

export function listPage({ runs, audits, roots, selected }: ListFacts): string {
  const table =
    runs.length === 0
      ? html`<p class="empty">There are no runs in ${roots.join(', ')} yet. A training that begins there appears by itself.</p>`
      : html`<form action="/compare"><div class="tools"><label class="search script">Search <input type="search" id="class-search" placeholder="name, model, data" autocomplete="off" aria-controls="class-table"></label>
<button id="compare" class="plainbutton primary">Compare the ticked runs</button><p id="class-count" role="status">${plural(runs.length, 'run')}</p></div>
<div class="scroll tall runs" tabindex="0" role="region" aria-label="Runs"><table id="class-table" class="classes"><thead><tr>${sortableHeaders(columns)}</tr></thead><tbody>${runs.map((run) => runRow(run, selected.has(run.id)))}</tbody></table></div></form>`;
  return servedPage({
    title: 'Runs',
    eyebrow: 'evenhand board',
    heading: 'Runs',
    about: html`<span class="path">${roots.join(' · ')}</span>`,
    navigation: [
      { href: '/', name: 'Runs', current: true },
      ...(audits.length > 0 ? [{ href: '#audits', name: 'Audits' }] : []),
    ],
    events: '/events',
    main: html`<div id="now">${trainingNow(runs)}</div>${section('runs', 'All runs', table)}${audits.length > 0 && auditsSection(audits)}`,
  });
}

/** The runs that train now. */
export function trainingNow(runs: readonly RunSummary[]): Markup | false {
  const training = runs.filter(({ state }) => state === 'training');
  if (training.length === 0) return false;
  const cards = training.map((run) => {
    const facts: [string, string][] = [
      ['Speed', showSpeed(run.progress?.imagesPerSecond)],
      ['Time left', showTime(run.progress?.secondsLeft)],
      ['Macro F1 so far', run.score === undefined ? NONE : showScore(run.score.value)],
    ];
    return html`<article><h3><a href="/run/${run.id}">${run.name}</a></h3><p>${stageText(run) || 'Training'}</p>${progressBar(run)}
<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></article>`;
  });
  return section('training', 'Training now', html`<div class="now">${cards}</div>`);
}

/** A row of the table of runs. */
export function runRow(run: RunSummary, isTicked = false): Markup {
  const { id, name, path, state, score, scoreOf, accuracy, model, data, numClasses, epochs, seconds, started } = run;
  const interval =
    score !== undefined && Number.isFinite(score.low)
      ? html`<small>${showScore(score.low)} to ${showScore(score.high)}</small>`
      : scoreOf !== '' && html`<small>${scoreOf}</small>`;
  const [date, time] = showStart(started).split(' ');
  const isDamaged = run.problem !== undefined && state !== 'failed' && state !== 'damaged';
  const sortable = (value: number | undefined): string =>
    value === undefined || !Number.isFinite(value) ? '-1' : String(value);
  return html`<tr data-run="${id}"><th scope="row"><label><input type="checkbox" name="run" value="${id}" aria-label="Compare ${path}"${isTicked && ' checked'}><a href="/run/${id}">${name}</a><small>${folderOf(path)}<span class="only-phone">${breakable(model)} ${breakable(data)}</span></small></label></th>
<td data-value="${stateName(state)}">${stateMark(state)}${isDamaged && html`<small>a file is damaged</small>`}${run.folds !== undefined && html`<small>${run.folds.begun} of ${run.folds.planned} folds</small>`}</td>
<td class="number" data-value="${sortable(score?.value)}">${score === undefined ? NONE : html`<b>${showScore(score.value)}</b>`}${interval}</td>
<td class="number detail" data-value="${sortable(accuracy)}">${accuracy === undefined ? NONE : showScore(accuracy)}</td>
<td class="detail wrap">${model ? breakable(model) : NONE}</td>
<td class="detail wrap">${data ? breakable(data) : NONE}<small>${showClasses(numClasses)}</small></td>
<td class="number detail">${epochs}</td>
<td class="number detail" data-value="${seconds.toFixed(0)}">${seconds > 0 ? showTime(seconds) : NONE}</td>
<td class="detail" data-value="${started}">${date}<small>${time}</small></td></tr>`;
}

/** The folder that a run is in, as it is shown; empty if it is one of the current folder. */
function folderOf(path: string): string {
  const folder = path.slice(0, Math.max(0, path.search(/[\\/][^\\/]*$/)));
  return /[\\/]/.test(folder) ? folder : '';
}

function auditsSection(audits: readonly AuditEntry[]): Markup {
  const rows = audits.map(
    ({ id, name, path, written, likelyErrors, verdicts }) =>
      html`<tr><th scope="row"><a href="/audit/${id}">${name}</a> <small class="path">${path}</small></th><td class="number">${showCount(likelyErrors)}</td><td class="number">${showCount(verdicts)}</td><td class="detail">${showStart(written)}</td></tr>`,
  );
  return section(
    'audits',
    'Audits of labels',
    html`<p class="lead">Verdicts on an audit that is opened here are saved to <code>corrections.csv</code> in the folder of its data.</p>
<div class="scroll"><table><thead><tr><th scope="col">Data</th><th scope="col" class="number">Likely label errors</th><th scope="col" class="number">Verdicts</th><th scope="col" class="detail">Written</th></tr></thead><tbody>${rows}</tbody></table></div>`,
  );
}
