import { plural } from '../../format.js';
import type { Interval } from '../../metrics/index.js';
import { baseName } from '../page/image.js';
import { type Content, html, type Markup } from '../page/markup.js';
import { NONE, showCount, showScore } from '../page/numbers.js';
import { comparedCurves, runMark } from './charts.js';
import { section, servedPage } from './document.js';
import type { ChangedClass, ComparedRun, Comparison } from './facts.js';
import { breakable, showDifference } from './text.js';

export function comparePage(comparison: Comparison): string {
  const { runs, settings, classes } = comparison;
  const few =
    runs.length < 2 &&
    html`<p class="empty">Tick two runs or more in the <a href="/">list of runs</a> to compare them.</p>`;
  return servedPage({
    title: 'Comparison',
    eyebrow: html`<a href="/">evenhand board</a>`,
    heading: runs.length === 0 ? 'Comparison' : `Comparison of ${plural(runs.length, 'run')}`,
    about: runs.length > 0 && runs.length <= 6 && runs.map(({ summary }) => summary.name).join(' · '),
    navigation: [
      { href: '/', name: 'All runs' },
      { href: '#scores', name: 'Scores' },
      { href: '#curves', name: 'Curves' },
      { href: '#settings', name: 'Settings' },
      ...(classes === undefined ? [] : [{ href: '#classes', name: 'Classes' }]),
    ],
    main:
      few ||
      html`${section('scores', 'Scores', scores(runs))}${section('curves', 'Curves', comparedCurves(runs))}
${section('settings', 'Settings that differ', settingTable(runs, settings))}${classes !== undefined && section('classes', 'Classes that changed', classSection(comparison, classes))}`,
  });
}

function scores(runs: readonly ComparedRun[]): Markup {
  const first = runs[0]!;
  const widest = Math.max(
    0.01,
    ...runs.flatMap(({ difference }) =>
      difference === undefined ? [] : [Math.abs(difference.low), Math.abs(difference.high)],
    ),
  );
  const rows = runs.map((run, i) => {
    const { summary, score, accuracy, images, difference, reason } = run;
    const name = html`<th scope="row"><span class="key"><span><i class="${runMark(i)}"></i><a href="/run/${summary.id}">${breakable(summary.name)}</a></span></span></th>`;
    if (score === undefined) return html`<tr>${name}<td colspan="5" class="reason">${reason}</td></tr>`;
    return html`<tr>${name}<td class="number" data-name="Macro F1"><b>${showScore(score.value)}</b> <small>${showScore(score.low)} to ${showScore(score.high)}</small></td>
<td class="number detail">${accuracy === undefined ? NONE : showScore(accuracy)}</td><td class="number detail">${showCount(images ?? Number.NaN)}</td>
${difference === undefined ? html`<td colspan="2" class="faint">the others are compared with it</td>` : differenceCells(difference, widest)}</tr>`;
  });
  return html`<p class="lead">Macro F1 over all classes on the validation images that a run shares with <b>${first.summary.name}</b>, and its difference from that run. Both are scored on the same images, so what is hard for both cancels out, and the 95 % interval of the difference is narrower than those of the scores. Only labels as given are used.</p>
<div class="scroll"><table class="compared"><thead><tr><th scope="col">Run</th><th scope="col" class="number">Macro F1</th><th scope="col" class="number detail">Accuracy</th><th scope="col" class="number detail">Images</th><th scope="col">Difference</th><th scope="col">Its 95 % interval</th></tr></thead><tbody>${rows}</tbody></table></div>
${runs.length > 1 && choice(runs, 'first', 'Compare with', first.summary.id, runs)}`;
}

/** A choice of one of the runs for a parameter of this page. */
function choice(
  runs: readonly ComparedRun[],
  parameter: 'first' | 'with',
  label: string,
  chosen: string,
  choices: readonly ComparedRun[],
): Markup {
  const ids = runs.map(({ summary }) => html`<input type="hidden" name="run" value="${summary.id}">`);
  const options = choices.map(
    ({ summary: { id, name } }) => html`<option value="${id}"${id === chosen && ' selected'}>${name}</option>`,
  );
  return html`<form action="/compare${parameter === 'with' && '#classes'}" class="tools choice">${ids}<label>${label} <select name="${parameter}">${options}</select></label><button class="plainbutton">Show</button></form>`;
}

function differenceCells({ value, low, high }: Interval, widest: number): Markup {
  const verdict = low > 0 ? 'better' : high < 0 ? 'worse' : '';
  const at = (x: number): string => `${(50 + (50 * x) / widest).toFixed(2)}%`;
  return html`<td data-name="Difference"><span class="verdict-word ${verdict}">${showDifference(value)}</span> <small>${verdict || 'no clear difference'}</small></td>
<td><span class="gain ${verdict}" role="img" aria-label="${showDifference(low)} to ${showDifference(high)}"><i style="left:${at(low)};right:calc(100% - ${at(high)})"></i><b style="left:${at(value)}"></b></span><small>${showDifference(low)} to ${showDifference(high)}</small></td>`;
}

function settingTable(runs: readonly ComparedRun[], settings: Comparison['settings']): Markup {
  if (settings.length === 0) return html`<p class="empty">All settings are the same.</p>`;
  const rows = settings.map(
    ({ name, values }) =>
      html`<tr><th scope="row"><code>${name}</code></th>${values.map((value) => html`<td><code>${value === '' ? NONE : breakable(value)}</code></td>`)}</tr>`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table of settings"><table class="different"><thead><tr><th scope="col">Setting</th>${runs.map(({ summary }, i) => html`<th scope="col"><span class="key"><span><i class="${runMark(i)}"></i>${breakable(summary.name)}</span></span></th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function classSection({ runs }: Comparison, classes: NonNullable<Comparison['classes']>): Markup {
  const { second, better, worse, numBetter, numWorse } = classes;
  const first = runs[0]!.summary;
  const others = runs.slice(1).filter(({ difference }) => difference !== undefined);
  const chooseOther = others.length > 1 && choice(runs, 'with', 'Classes of', second.id, others);
  const list = (title: string, changed: readonly ChangedClass[], count: number): Content =>
    html`<h3>${title}: ${plural(count, 'class', 'classes')}${count > changed.length && html` <small>the ${changed.length} that changed most</small>`}</h3>
${changed.length === 0 ? html`<p class="empty">None.</p>` : html`<div class="changes">${changed.map((each) => changeCard(each, first.id))}</div>`}`;
  return html`${chooseOther}<p class="lead">F1 of <b>${second.name}</b> beside that of <b>${first.name}</b>, with images that only one of them predicts right: what ${first.name} says, then what ${second.name} says.</p>
${list('Better', better, numBetter)}${list('Worse', worse, numWorse)}`;
}

function changeCard({ name, support, first, second, images }: ChangedClass, runId: string): Markup {
  const shown = images.map(({ index, file, label, first: one, second: other }) => {
    const said = (text: string): Markup =>
      html`<span class="outcome ${text === label ? 'right' : 'wrong'}"><b>${text === label ? '✓' : '✗'} ${text}</b></span>`;
    return html`<figure class="card"><img class="thumb" src="/run/${runId}/image/${index}" alt="${baseName(file)}, label ${label}" loading="lazy" width="176" height="176"><figcaption>${said(one)}${said(other)}</figcaption></figure>`;
  });
  return html`<article class="change"><h4>${name}<small>F1 ${showScore(first)} → ${showScore(second)} on ${plural(support, 'image')}</small></h4><div class="gallery">${shown}</div></article>`;
}
