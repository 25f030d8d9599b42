import type { Part } from '../page/document.js';
import { baseName, thumbnail } from '../page/image.js';
import { count, html, type Markup, percent, plural, probability } from '../page/markup.js';
import type { AuditPayload, Suspect } from './payload.js';

/** How far the reader is, wherever in the page. */
export const progressBar = (suspects: number): Markup =>
  html`<div class="progress script"><span id="progress">0 of ${count(suspects)} decided</span><progress id="progress-bar" max="${suspects}" value="0" aria-labelledby="progress"></progress>
<button type="button" id="download" class="plainbutton">Download corrections.csv</button></div>`;

export function reviewPart(payload: AuditPayload): Part {
  const about = { id: 'review', name: 'Review', title: 'Labels to look at' };
  const { suspects, classes } = payload;
  if (suspects.length === 0) {
    return { ...about, body: html`<p class="empty">No label looks wrong, so there is nothing to decide.</p>` };
  }
  return {
    ...about,
    body: html`<p class="lead">Each image with its label, and below that the label that it more probably has.<span class="script"> Beside it are images that
are surely of either. A verdict changes no file: all of them go into <code>corrections.csv</code>.</span></p>
<p id="storage" class="warning script" role="alert" hidden></p>
${tools(payload)}${pane(classes)}
<p id="none" class="empty script" hidden></p>
<ol id="suspects" class="suspects" aria-label="Suspects">${suspects.map((suspect, id) => card(suspect, id, classes))}</ol>
<div class="tools script"><button type="button" id="load" class="plainbutton">Go on from a corrections.csv</button>
<input type="file" id="load-file" accept=".csv,text/csv" tabindex="-1" hidden aria-label="A corrections.csv">
<p id="loaded" role="status"></p></div>`,
  };
}

function tools({ suspects, classes }: AuditPayload): Markup {
  const counts = new Map<number, number>();
  for (const [, given] of suspects) counts.set(given, (counts.get(given) ?? 0) + 1);
  const labels = [...counts.keys()].sort((a, b) => classes[a]!.localeCompare(classes[b]!, 'en', { numeric: true }));
  return html`<div class="tools script">
<label>Label <select id="filter-class"><option value="">all</option>${labels.map((label) => html`<option value="${label}">${classes[label]} (${counts.get(label)})</option>`)}</select></label>
<label>Order <select id="filter-order"><option value="wrong">most doubtful first</option><option value="class">by label</option></select></label>
<label class="range">At least <input type="range" id="filter-least" min="50" max="99" value="50"> <output id="least" for="filter-least">${percent(0.5)}</output></label>
<label><input type="checkbox" id="filter-undecided"> only those not yet decided</label>
<p id="found" role="status">${plural(suspects.length, 'image')}</p></div>`;
}

/** Where a suspect is judged; the script fills it. */
function pane(classes: readonly string[]): Markup {
  const side = (id: string, title: string, verdict: string, key: string, says: string): Markup =>
    html`<div class="side ${id}"><p class="side-name">${title} · <span id="${id}-probability"></span><b id="${id}-name"></b></p>
<div class="typical" id="${id}-typical"></div>
<button type="button" class="verdict" data-verdict="${verdict}"><kbd>${key}</kbd> <span>${says}</span></button></div>`;
  const hints: [string, string][] = [
    ['← →', 'or j k: move'],
    ['a', 'change the label'],
    ['s', 'keep it'],
    ['d', 'leave the image out'],
    ['c', 'choose another label'],
    ['u', 'or Ctrl+Z: undo'],
  ];
  return html`<div id="pane" class="pane script" role="group" aria-labelledby="place" tabindex="-1">
<div class="subject"><span id="subject" class="thumb" role="img"></span><p id="file" class="file"></p><ul class="hints" aria-label="Keys">${hints.map(([key, says]) => html`<li><kbd>${key}</kbd> ${says}</li>`)}</ul></div>
<div class="judge"><div class="place"><p id="place"></p><div class="moves"><button type="button" id="previous" class="plainbutton" aria-label="Previous">←</button><button type="button" id="next" class="plainbutton" aria-label="Next">→</button></div></div>
<div class="choices">${side('given', 'Its label', 'keep', 's', 'Keep this label')}${side('suggested', 'More probably', 'accept', 'a', 'Change to this label')}</div>
<div class="others"><label>Another label <select id="label">${classes.map((name, label) => html`<option value="${label}">${name}</option>`)}</select></label>
<button type="button" class="plainbutton" data-verdict="drop"><kbd>d</kbd> Leave the image out</button><button type="button" id="undo" class="plainbutton" disabled><kbd>u</kbd> Undo</button></div>
<p id="said" role="status"></p></div></div>`;
}

function card(
  [file, given, wrong, suggested, suggestedProbability]: Suspect,
  id: number,
  classes: readonly string[],
): Markup {
  const name = baseName(file);
  return html`<li><button type="button" class="suspect" data-suspect="${id}">${thumbnail(id, `${name}, labelled ${classes[given]}, more probably ${classes[suggested]}`)}
<span class="said"><b>${classes[given]}</b> <span>${probability(1 - wrong)}</span></span>
<span class="said likely"><b>${classes[suggested]}</b> <span>${probability(suggestedProbability)}</span></span>
<span class="file" title="${file}">${name}</span><span class="badge" hidden></span></button></li>`;
}
