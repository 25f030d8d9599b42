import { plural } from '../../../format.js';
import type { EpochMetrics } from '../../../run/index.js';
import { html } from '../../page/markup.js';
import { NONE, showScore } from '../../page/numbers.js';
import type { Analysis } from '../analysis/analyse-run.js';
import { drawChart } from '../charts/draw-chart.js';
import { epochName, lossChart, scoreChart } from '../charts/epoch-charts.js';
import type { ReportSection } from './section.js';

export function trainingSection({ epochs, best, config }: Analysis): ReportSection | null {
  if (epochs.length === 0) return null;
  const charts = [scoreChart(epochs, best), lossChart(epochs, best)];
  const [scores, losses] = charts.map(drawChart);
  const hasPosterior = epochs.some(({ macroF1Posterior }) => macroF1Posterior !== undefined);
  const rows = epochs.map(
    (
      epoch,
    ) => html`<tr${epoch === best && html` class="chosen"`}><th scope="row">${epochName(epoch)}${epoch === best && ' (best)'}</th>
${scoresOf(epoch, hasPosterior).map((x) => html`<td>${showScore(x)}</td>`)}
<td>${showScore(epoch.macroF1Low)} to ${showScore(epoch.macroF1High)}</td><td>${epoch.size}</td><td>${seconds(epoch)}</td></tr>`,
  );
  const kept =
    config.keep === 'last'
      ? 'The checkpoint of the last epoch was kept'
      : `The checkpoint with the best Macro F1 on the validation images${hasPosterior ? ', against posterior labels,' : ''} was kept`;
  return {
    id: 'curves',
    name: 'Training',
    title: 'Training',
    charts,
    body: html`<p class="lead">${phases(epochs)} ${kept}${best !== null && html`: epoch <b>${epochName(best)}</b>`}.</p>
<div class="two"><figure>${scores}<figcaption class="key"><span><i class="f1"></i>Macro F1 with its 95 % interval</span><span><i class="acc dashed"></i>accuracy</span>${hasPosterior && html`<span><i class="soft dashed"></i>Macro F1 against posterior labels</span>`}</figcaption></figure>
<figure>${losses}<figcaption class="key"><span><i class="f1"></i>validation loss</span><span><i class="acc dashed"></i>training loss, on the batches as trained on</span></figcaption></figure></div>
<details><summary>All epochs as a table</summary><div class="scroll"><table class="plain"><thead><tr><th>Epoch</th><th>Train loss</th><th>Val loss</th><th>Accuracy</th><th>Balanced accuracy</th>${hasPosterior && html`<th>Posterior Macro F1</th>`}<th>Macro F1</th><th>95 % interval</th><th>Image size</th><th>Seconds</th></tr></thead><tbody>${rows}</tbody></table></div></details>`,
  };
}

const scoresOf = (epoch: EpochMetrics, hasPosterior: boolean): number[] => [
  epoch.trainLoss,
  epoch.valLoss,
  epoch.accuracy,
  epoch.balancedAccuracy,
  ...(hasPosterior ? [epoch.macroF1Posterior ?? Number.NaN] : []),
  epoch.macroF1,
];

const seconds = ({ seconds: s }: EpochMetrics): string => (Number.isFinite(s) ? s.toFixed(0) : NONE);

function phases(epochs: readonly EpochMetrics[]): string {
  const count = (name: EpochMetrics['phase']): string => {
    const { length } = epochs.filter(({ phase, averaged }) => phase === name && averaged === undefined);
    return length === 0 ? '' : `for ${plural(length, 'epoch')}`;
  };
  const [head, full, newHead] = [count('head'), count('full'), count('new-head')];
  if (!head)
    return `The whole network was trained ${full}${newHead && `, then a new head ${newHead} on its features`}.`;
  const first = `The head was trained ${head} on frozen features`;
  const second = full && `, then the whole network ${full}`;
  return `${first}${second}${newHead && `, and then a new head ${newHead} on its features`}.`;
}
