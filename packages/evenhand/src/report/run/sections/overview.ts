import { describeMacroF1 } from '../../../metrics/index.js';
import { chosenInterval, type EpochMetrics } from '../../../run/index.js';
import { count, html, type Markup, NONE, plural, score } from '../../page/markup.js';
import { type Tile, tileList } from '../../page/tiles.js';
import type { Analysis } from '../analysis.js';
import { epochName, lossChart, scoreChart } from './curves.js';
import { type Chart, drawChart } from './draw.js';

/** A part of the page, with the charts in it. */
export interface Section {
  readonly id: string;
  /** In the navigation. */
  readonly name: string;
  readonly body: Markup;
  readonly charts?: readonly Chart[];
}

interface Headline {
  readonly macroF1: number;
  readonly low: number;
  readonly high: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  readonly numClasses: number;
  readonly numPresent: number;
  /** On the labels as given, where the score above is against posterior labels. */
  readonly asGiven?: number;
}

/** Of the chosen epoch as the run recorded it, or from its validation logits. */
function headlineOf({ best, scores }: Analysis): Headline | null {
  if (best !== null) {
    const { value, low, high } = chosenInterval(best);
    const asGiven = best.macroF1Posterior === undefined ? {} : { asGiven: best.macroF1 };
    return { ...best, macroF1: value, low, high, ...asGiven };
  }
  if (scores === null) return null;
  return { ...scores.report, low: scores.interval.low, high: scores.interval.high };
}

export function overviewSection(analysis: Analysis): Section {
  const headline = headlineOf(analysis);
  const body =
    headline === null
      ? html`<p class="empty">No epoch of this run has ended yet, so it has no scores. Train on with
          <code>evenhand train --resume</code> and write the report again.</p>`
      : html`<div class="hero">${heroScore(headline)}${tiles(analysis, headline)}</div>${findings(analysis, headline)}`;
  return { id: 'overview', name: 'Overview', body };
}

function heroScore(headline: Headline): Markup {
  const { macroF1, low, high, accuracy } = headline;
  const at = (x: number): string => `${(Math.min(1, Math.max(0, Number.isFinite(x) ? x : 0)) * 100).toFixed(2)}%`;
  return html`<div class="headline">
<p class="label">${describeMacroF1(headline, 'all')}${headline.asGiven !== undefined && ', against posterior labels'}</p>
<p class="big">${score(macroF1)}</p>
<p class="interval">95 % interval ${score(low)} to ${score(high)}</p>
<div class="scale" role="img" aria-label="Macro F1 ${score(macroF1)} with its interval, beside accuracy ${score(accuracy)}, on a scale from 0 to 1">
<span class="band" style="left:${at(low)};right:calc(100% - ${at(high)})"></span>
<span class="tick f1" style="left:${at(macroF1)}"></span><span class="tick acc" style="left:${at(accuracy)}"></span>
</div>
<p class="ends" aria-hidden="true"><span>0</span><span class="key"><span><i class="f1"></i>Macro F1</span><span><i class="acc"></i>accuracy</span></span><span>1</span></p>
</div>`;
}

function tiles({ best, scores, environment, epochs }: Analysis, headline: Headline): Markup {
  const seconds = epochs.reduce((sum, each) => sum + (Number.isFinite(each.seconds) ? each.seconds : 0), 0);
  const list: Tile[] = [
    ['Accuracy', score(headline.accuracy), 'share of all images that are right'],
    ['Balanced accuracy', score(headline.balancedAccuracy), 'mean recall of the classes'],
    ...(scores?.top5 == null ? [] : [['Top-5 accuracy', score(scores.top5), 'label among the first five'] as Tile]),
    ...(scores === null
      ? []
      : [['Calibration error', score(scores.calibration.raw.error), 'confidence against accuracy'] as Tile]),
    [
      'Validation images',
      count(environment.dataset.val),
      scores === null ? '' : `of ${plural(scores.report.numSupported, 'class', 'classes')}`,
    ],
    [
      'Chosen epoch',
      best === null ? NONE : epochName(best),
      `of ${plural(epochs.length, 'epoch')}${seconds > 0 ? `, ${duration(seconds)}` : ''}`,
    ],
  ];
  return tileList(list);
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a reader should not overlook, in sentences. */
function findings({ scores, epochs, best, unusable, labels, config }: Analysis, headline: Headline): Markup | false {
  const list: string[] = [];
  if (headline.asGiven !== undefined) {
    list.push(
      `Labels are noisy, among the validation images too: on their labels as given Macro F1 is ${score(headline.asGiven)}. None was changed; the checkpoint was chosen by Macro F1 against posterior labels, and accuracy and all below are on the labels as given.`,
    );
  }
  if (labels !== null) {
    list.push(
      `${plural(labels.suspects, 'training label')} of ${labels.images} ${labels.suspects === 1 ? 'is' : 'are'} more probably wrong than not, by the run's own posterior labels (labels.jsonl).`,
    );
  }
  const gap = headline.accuracy - headline.macroF1;
  if (gap > 0.03 && headline.asGiven === undefined) {
    list.push(
      `Accuracy is ${score(gap)} above Macro F1: frequent classes are answered better than rare ones, and only Macro F1 shows it.`,
    );
  }
  if (scores !== null) {
    const { perClass, numClasses, numSupported } = scores.report;
    const zero = perClass.filter(({ f1, support }) => f1 === 0 && support > 0).length;
    if (zero > 0)
      list.push(
        `${plural(zero, 'class', 'classes')} with validation images ${zero === 1 ? 'has' : 'have'} an F1 of 0.`,
      );
    if (numSupported < numClasses) {
      const absent = numClasses - numSupported;
      list.push(
        `${plural(absent, 'class', 'classes')} of ${numClasses} ${absent === 1 ? 'has' : 'have'} no validation image and can only count 0.`,
      );
    }
    const sure = scores.images.filter(
      ({ truth, predicted, confidence }) => truth !== predicted && confidence >= 0.9,
    ).length;
    if (sure > 0) {
      list.push(
        `${plural(sure, 'wrong answer')} ${sure === 1 ? 'was' : 'were'} given with a calibrated confidence of 90 % or more: look at ${sure === 1 ? 'its label' : 'their labels'} first.`,
      );
    }
    if (scores.byRule !== null) {
      const { value, low, high } = scores.byRule;
      list.push(
        `The exported model answers by a rule for Macro F1 in place of the most probable class, which brings ${score(value)} (${score(low)} to ${score(high)}) on images held out of its fit.`,
      );
    }
  }
  if (headline.high - headline.low > 0.1) {
    list.push(
      `The interval is ${score(headline.high - headline.low)} wide: runs whose Macro F1 differ by less cannot be told apart on these validation images.`,
    );
  }
  if (best !== null && epochs.length > 2 && best === epochs.at(-1) && config.keep !== 'last') {
    list.push('The last epoch is the best: more epochs may bring more.');
  }
  if (epochs.some(({ trainLoss, valLoss }) => !Number.isFinite(trainLoss + valLoss))) {
    list.push('Some losses are not numbers: the training diverged there. A lower learning rate prevents it.');
  }
  if (unusable > 0) {
    list.push(
      `${plural(unusable, 'prediction')} could not be scored: ${unusable === 1 ? 'it has' : 'they have'} a label that the run does not know, or logits that are not numbers.`,
    );
  }
  return (
    list.length > 0 &&
    html`<h3>What stands out</h3><ul class="findings">${list.map((each) => html`<li>${each}</li>`)}</ul>`
  );
}

export function curvesSection({ epochs, best, config }: Analysis): Section | null {
  if (epochs.length === 0) return null;
  const charts = [scoreChart(epochs, best), lossChart(epochs, best)];
  const [scores, losses] = charts.map(drawChart);
  const head = epochs.filter(({ phase }) => phase === 'head').length;
  const noisy = best?.macroF1Posterior !== undefined;
  const rows = epochs.map(
    (
      epoch,
    ) => html`<tr${epoch === best && html` class="chosen"`}><th scope="row">${epochName(epoch)}${epoch === best && ' (chosen)'}</th>
${[epoch.trainLoss, epoch.valLoss, epoch.accuracy, epoch.balancedAccuracy, ...(noisy ? [epoch.macroF1] : []), chosenInterval(epoch).value].map((x) => html`<td>${score(x)}</td>`)}
<td>${score(chosenInterval(epoch).low)} to ${score(chosenInterval(epoch).high)}</td><td>${epoch.size}</td><td>${seconds(epoch)}</td></tr>`,
  );
  return {
    id: 'curves',
    name: 'Training',
    charts,
    body: html`<p class="lead">${phases(epochs.length - head, head)} The checkpoint that is kept is ${
      config.keep === 'last'
        ? 'that of the last epoch, as was asked for'
        : html`the one with the best Macro F1 on the validation images${noisy && ', against posterior labels,'}`
    }${best !== null && html`: epoch <b>${epochName(best)}</b>`}.</p>
<div class="two"><figure>${scores}<figcaption class="key"><span><i class="f1"></i>Macro F1${noisy && ' against posterior labels'} with its 95 % interval</span><span><i class="acc dashed"></i>accuracy</span></figcaption></figure>
<figure>${losses}<figcaption class="key"><span><i class="f1"></i>validation loss</span><span><i class="acc dashed"></i>training loss, of what training sees: changed, mixed and balanced images</span></figcaption></figure></div>
<details><summary>The numbers of every epoch</summary><div class="scroll"><table class="plain"><thead><tr><th>Epoch</th><th>Train loss</th><th>Val loss</th><th>Accuracy</th><th>Balanced</th>${noisy && html`<th>Macro F1, labels as given</th>`}<th>Macro F1${noisy && ', posterior labels'}</th><th>95 % interval</th><th>Pixels</th><th>Seconds</th></tr></thead><tbody>${rows}</tbody></table></div></details>`,
  };
}

const seconds = ({ seconds: s }: EpochMetrics): string => (Number.isFinite(s) ? s.toFixed(0) : NONE);

function phases(full: number, head: number): string {
  if (head === 0) return `${plural(full, 'epoch')} trained the whole network.`;
  const first = `${plural(head, 'epoch')} trained only the head, on frozen features`;
  return full === 0 ? `${first}.` : `${first}, then ${full} the whole network.`;
}
