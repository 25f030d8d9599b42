import { plural } from '../../../format.js';
import { meanAndDeviation } from '../../../metrics/index.js';
import { describeCombinedModel } from '../../../run/index.js';
import { html, type Markup } from '../../page/markup.js';
import { NONE, showCount, showScore } from '../../page/numbers.js';
import type { Analysis, Fold } from '../analysis/analyse-run.js';
import { drawChart } from '../charts/draw-chart.js';
import { epochName } from '../charts/epoch-charts.js';
import { foldChart } from '../charts/fold-chart.js';
import { secondsOf, showDuration } from './duration.js';
import type { ReportSection } from './section.js';

/** The folds of a cross-validation side by side; null for other runs. */
export function foldsSection({ folds, config }: Analysis): ReportSection | null {
  if (folds.length === 0) return null;
  const planned = Number(config.folds);
  const ended = folds.filter(({ best }) => best !== null);
  const charts = ended.length > 0 ? [foldChart(ended)] : [];
  const rows = folds.map(rowOf);
  return {
    id: 'folds',
    name: 'Folds',
    title: 'Folds',
    charts,
    body: html`<p class="lead">The training images were divided into ${planned > 0 ? planned : folds.length} parts. For each part a network was trained on the others and scored on it, so that every image is scored by a network that did not train on it. ${spreadOf(ended)} ${describeCombinedModel(config.combine)}</p>
${folds.length < planned && html`<p class="lead">${plural(planned - folds.length, 'fold')} ${planned - folds.length === 1 ? 'has' : 'have'} not begun yet.</p>`}
<div class="scroll"><table class="plain"><thead><tr><th>Fold</th><th>Images</th><th>Macro F1</th><th>95 % interval</th><th>Accuracy</th><th>Epoch</th><th>Time</th></tr></thead><tbody>${rows}</tbody></table></div>
${charts.length > 0 && html`<div class="two"><figure>${charts.map(drawChart)}<figcaption>Macro F1 of each fold per epoch, on the images that it did not train on</figcaption></figure></div>`}`,
  };
}

function rowOf({ number, best, images, epochs, problem }: Fold): Markup {
  const head = html`<th scope="row">${number}</th>`;
  if (problem !== null) return html`<tr>${head}<td colspan="6">${problem}</td></tr>`;
  if (best === null)
    return html`<tr>${head}<td>${showCount(images)}</td><td colspan="5">no epoch has ended yet</td></tr>`;
  const seconds = secondsOf(epochs);
  return html`<tr>${head}<td>${showCount(images)}</td><td>${showScore(best.macroF1)}</td><td>${showScore(best.macroF1Low)} to ${showScore(best.macroF1High)}</td><td>${showScore(best.accuracy)}</td><td>${epochName(best)} of ${epochs.length}</td><td>${seconds > 0 ? showDuration(seconds) : NONE}</td></tr>`;
}

/** Mean and standard deviation of Macro F1 over the folds, in a sentence. */
function spreadOf(folds: readonly Fold[]): string {
  const scores = folds.map(({ best }) => best!.macroF1).filter(Number.isFinite);
  if (scores.length < 2) return '';
  const { mean, deviation } = meanAndDeviation(scores);
  return `Macro F1 of the folds has a mean of ${showScore(mean)} and a standard deviation of ${showScore(deviation)}: part of it is chance, because each fold is scored on few images.`;
}
