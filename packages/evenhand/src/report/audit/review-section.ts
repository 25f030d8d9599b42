import { plural } from '../../format.js';
import type { Section } from '../page/document.js';
import { baseName, thumbnail } from '../page/image.js';
import { html, type Markup } from '../page/markup.js';
import { showCount, showPercent, showProbability } from '../page/numbers.js';
import type { AuditPayload, LikelyError } from './payload.js';

/** The number of verdicts and the download button, visible everywhere on the page. */
export const progressBar = (numErrors: number): Markup =>
  html`<div class="progress script"><span id="progress">0 of ${showCount(numErrors)} reviewed</span><progress id="progress-bar" max="${numErrors}" value="0" aria-labelledby="progress"></progress>
<button type="button" class="plainbutton download">Download corrections.csv</button></div>`;

export function reviewSection(payload: AuditPayload, trainCommand: string): Section {
  const about = { id: 'review', name: 'Review', title: 'Likely label errors (P\u00a0>\u00a00.5)' };
  const { likelyErrors, classes } = payload;
  if (likelyErrors.length === 0) {
    return { ...about, body: html`<p class="empty">There are no likely label errors to review.</p>` };
  }
  return {
    ...about,
    body: html`<p class="lead">Each image with its label and the likeliest other labels.<span class="script"> Typical images of both classes are
shown beside it. Verdicts change no file: they are saved in <code>corrections.csv</code>.</span></p>
<p id="storage" class="warning script" role="alert" hidden></p>
${filters(payload)}${pane(classes)}
<div id="finished" class="finished script" role="status" hidden><p><b>All ${showCount(likelyErrors.length)} reviewed.</b> Download corrections.csv, then train with it:</p>
<p><code>${trainCommand}</code></p><button type="button" class="plainbutton download">Download corrections.csv</button></div>
<p id="none" class="empty script" hidden></p>
<ol id="likely-errors" class="likely-errors" aria-label="Likely label errors">${likelyErrors.map((error, id) => errorCard(error, id, classes))}</ol>
<div class="tools script"><button type="button" id="load" class="plainbutton">Load corrections.csv</button>
<input type="file" id="load-file" accept=".csv,text/csv" tabindex="-1" hidden aria-label="A corrections.csv">
<p id="loaded" role="status"></p></div>`,
  };
}

function filters({ likelyErrors, classes }: AuditPayload): Markup {
  const counts = new Map<number, number>();
  for (const [, given] of likelyErrors) counts.set(given, (counts.get(given) ?? 0) + 1);
  const labels = [...counts.keys()].sort((a, b) => classes[a]!.localeCompare(classes[b]!, 'en', { numeric: true }));
  return html`<div class="tools script">
<label>Label <select id="filter-class"><option value="">all</option>${labels.map((label) => html`<option value="${label}">${classes[label]} (${counts.get(label)})</option>`)}</select></label>
<label>Order <select id="filter-order"><option value="wrong">most probable errors first</option><option value="class">by label</option></select></label>
<label class="range">P(error) at least <input type="range" id="filter-minimum" min="50" max="99" value="50"> <output id="minimum" for="filter-minimum">${showPercent(0.5)}</output></label>
<label><input type="checkbox" id="filter-unreviewed"> unreviewed only</label>
<p id="shown-count" role="status">${plural(likelyErrors.length, 'image')}</p></div>`;
}

/** Where one image is reviewed; the script fills it. */
function pane(classes: readonly string[]): Markup {
  const side = (id: string, title: string, choices: Markup): Markup =>
    html`<div class="side ${id}"><p class="side-name">${title} · <span id="${id}-probability"></span><b id="${id}-name"></b></p>
<div class="typical" id="${id}-typical"></div>${choices}</div>`;
  const keep = html`<button type="button" class="verdict" data-verdict="keep"><kbd>s</kbd> <span>Keep this label</span></button>`;
  const accept = html`<button type="button" class="verdict" data-verdict="accept"><kbd>a</kbd> <span>Accept this label</span></button>`;
  const hints: [string, string][] = [
    ['← →', 'or j k: previous, next'],
    ['a', 'accept the likeliest label'],
    ['1 2 3', 'accept this label'],
    ['s', 'keep the label'],
    ['d', 'drop the image'],
    ['c', 'choose another label'],
    ['u', 'or Ctrl+Z: undo'],
  ];
  return html`<div id="pane" class="pane script" role="group" aria-labelledby="place" tabindex="-1">
<div class="subject"><span id="subject" class="thumb" role="img"></span><p id="file" class="file"></p><ul class="hints" aria-label="Keys">${hints.map(([key, action]) => html`<li><kbd>${key}</kbd> ${action}</li>`)}</ul></div>
<div class="judge"><div class="place"><p id="place"></p><div class="moves"><button type="button" id="previous" class="plainbutton" aria-label="Previous">←</button><button type="button" id="next" class="plainbutton" aria-label="Next">→</button></div></div>
<div class="choices">${side('given', 'Label', keep)}${side('suggested', 'Likelier', accept)}</div>
<div id="candidates" class="candidates" role="group" aria-label="Likeliest labels"></div>
<div class="others"><label>Another label <select id="label">${classes.map((name, label) => html`<option value="${label}">${name}</option>`)}</select></label>
<button type="button" class="plainbutton" data-verdict="drop"><kbd>d</kbd> Drop the image</button><button type="button" id="undo" class="plainbutton" disabled><kbd>u</kbd> Undo</button></div>
<p id="last-verdict" role="status"></p></div></div>`;
}

function errorCard([file, given, wrong, candidates]: LikelyError, id: number, classes: readonly string[]): Markup {
  const name = baseName(file);
  const [suggested, probability] = candidates[0]!;
  return html`<li><button type="button" class="likely-error" data-error="${id}">${thumbnail(id, `${name}, label ${classes[given]}, likelier ${classes[suggested]}`)}
<span class="outcome"><b>${classes[given]}</b> <span>${showProbability(1 - wrong)}</span></span>
<span class="outcome likelier"><b>${classes[suggested]}</b> <span>${showProbability(probability)}</span></span>
<span class="file" title="${file}">${name}</span><span class="badge" hidden></span></button></li>`;
}
