import { html } from '../../page/markup.js';
import { showCount, showScore } from '../../page/numbers.js';
import type { Analysis } from '../analysis/analyse-run.js';
import { confidenceChart, reliabilityChart } from '../charts/calibration-charts.js';
import { drawChart } from '../charts/draw-chart.js';
import type { ReportSection } from './section.js';

export function calibrationSection({ scores }: Analysis): ReportSection | null {
  if (scores === null) return null;
  const { raw, fitted } = scores.calibration;
  const { temperature } = scores.decision.rule;
  const isScaled = temperature !== 1;
  const charts = [
    reliabilityChart(raw.bins, isScaled ? fitted.bins : null),
    confidenceChart(isScaled ? fitted.bins : raw.bins),
  ];
  const [reliability, confidence] = charts.map(drawChart);
  const change = fitted.error < raw.error ? 'lowers' : fitted.error > raw.error ? 'raises' : 'does not change';
  const verdict = isScaled
    ? html`The model is ${temperature > 1 ? 'overconfident' : 'underconfident'} by its log loss. The exported model divides its logits by the
temperature <b>${temperature.toFixed(2)}</b>, which was fitted to these images by log loss. On the same images it ${change} the expected calibration
error (<b>${showScore(raw.error)}</b> as trained, <b>${showScore(fitted.error)}</b> with it).`
    : html`The expected calibration error is <b>${showScore(raw.error)}</b>. Temperature scaling skipped: no cross-validated gain in log loss, or too few images.`;
  const rows = raw.bins.map((bin, i) => {
    const other = fitted.bins[i]!;
    return html`<tr><th scope="row">${bin.low.toFixed(2)} to ${bin.high.toFixed(2)}</th><td>${showCount(bin.count)}</td><td>${showScore(bin.confidence)}</td><td>${showScore(bin.accuracy)}</td>
<td>${showCount(other.count)}</td><td>${showScore(other.confidence)}</td><td>${showScore(other.accuracy)}</td></tr>`;
  });
  return {
    id: 'calibration',
    name: 'Calibration',
    title: 'Calibration',
    charts,
    body: html`<p class="lead">A model is calibrated if, of the predictions with a confidence of 70 %, seven in ten are correct. ${verdict}</p>
<div class="two"><figure>${reliability}<figcaption class="key">${isScaled && html`<span><i class="f1"></i>calibrated</span>`}<span><i class="acc"></i>as trained</span><span>dotted: perfect calibration</span></figcaption></figure>
<figure>${confidence}<figcaption class="key"><span><i class="swatch right-3"></i>correct</span><span><i class="swatch wrong-3"></i>wrong</span><span>${isScaled ? 'calibrated confidence' : 'confidence'}</span></figcaption></figure></div>
<details><summary>All bins as a table</summary><div class="scroll"><table class="plain"><thead><tr><th>Bin</th><th>Images, as trained</th><th>Confidence</th><th>Accuracy</th><th>Images, calibrated</th><th>Confidence</th><th>Accuracy</th></tr></thead><tbody>${rows}</tbody></table></div></details>`,
  };
}
