import { plural } from '../../../format.js';
import { describeMacroF1 } from '../../../metrics/index.js';
import { html, type Markup } from '../../page/markup.js';
import { NONE, showCount, showScore } from '../../page/numbers.js';
import { type Tile, tileList } from '../../page/tiles.js';
import type { Analysis } from '../analysis/analyse-run.js';
import { findings } from '../analysis/findings.js';
import { type Headline, headlineOf } from '../analysis/headline.js';
import type { ShellCommand } from '../analysis/next-steps.js';
import { epochName } from '../charts/epoch-charts.js';
import { commandList } from './command-list.js';
import { secondsOf, showDuration } from './duration.js';
import type { ReportSection } from './section.js';

export function overviewSection(analysis: Analysis, steps: readonly ShellCommand[]): ReportSection {
  const headline = headlineOf(analysis);
  const scores =
    headline === null
      ? html`<p class="empty">This run has no scores yet, because ${analysis.folds.length > 0 ? 'not all of its folds have' : 'no epoch has'} ended.</p>`
      : html`<div class="hero">${headlineMarkup(headline)}${tiles(analysis, headline)}</div>${findingsMarkup(findings(analysis, headline))}`;
  const next = html`<div class="next"><h3>Next steps</h3>${commandList(steps)}</div>`;
  return { id: 'overview', name: 'Overview', title: 'Scores', body: html`${scores}${next}` };
}

function headlineMarkup(headline: Headline): Markup {
  const { macroF1, low, high, accuracy, posterior } = headline;
  const position = (x: number): string => `${(Math.min(1, Math.max(0, Number.isFinite(x) ? x : 0)) * 100).toFixed(2)}%`;
  return html`<div class="headline">
<p class="label">${describeMacroF1(headline, 'all')}${posterior !== null && ', on the labels as given'}</p>
<p class="big">${showScore(macroF1)}</p>
<p class="interval">95 % interval ${showScore(low)} to ${showScore(high)}</p>
<div class="scale" role="img" aria-label="Macro F1 ${showScore(macroF1)} with its interval, and accuracy ${showScore(accuracy)}, on a scale from 0 to 1">
<span class="band" style="left:${position(low)};right:calc(100% - ${position(high)})"></span>
<span class="tick f1" style="left:${position(macroF1)}"></span><span class="tick acc" style="left:${position(accuracy)}"></span>
</div>
<p class="ends" aria-hidden="true"><span>0</span><span class="key"><span><i class="f1"></i>Macro F1</span><span><i class="acc"></i>accuracy</span></span><span>1</span></p>
</div>`;
}

function tiles({ best, scores, environment, epochs, folds }: Analysis, headline: Headline): Markup {
  const seconds = secondsOf([...epochs, ...folds.flatMap((fold) => fold.epochs)]);
  const list: Tile[] = [
    ['Accuracy', showScore(headline.accuracy), 'share of correct predictions'],
    ['Balanced accuracy', showScore(headline.balancedAccuracy), 'mean recall of the classes'],
    ...(headline.posterior === null
      ? []
      : [['Posterior Macro F1', showScore(headline.posterior.value), 'chose the checkpoint; not to publish'] as Tile]),
    ...(scores?.top5 == null ? [] : [['Top-5 accuracy', showScore(scores.top5), 'label among the first five'] as Tile]),
    ...(scores === null
      ? []
      : [['Calibration error', showScore(scores.calibration.raw.error), 'before temperature scaling'] as Tile]),
    [
      folds.length > 0 ? 'Images scored' : 'Validation images',
      showCount(folds.length > 0 && scores !== null ? scores.images.length : environment.dataset.val),
      scores === null ? '' : `of ${plural(scores.report.numSupported, 'class', 'classes')}`,
    ],
    folds.length > 0
      ? ['Folds', String(folds.length), seconds > 0 ? showDuration(seconds) : '']
      : [
          'Best epoch',
          best === null ? NONE : epochName(best),
          `of ${plural(epochs.length, 'epoch')}${seconds > 0 ? `, ${showDuration(seconds)}` : ''}`,
        ],
  ];
  return tileList(list);
}

const findingsMarkup = (sentences: readonly string[]): Markup | false =>
  sentences.length > 0 &&
  html`<h3>Findings</h3><ul class="findings">${sentences.map((sentence) => html`<li>${sentence}</li>`)}</ul>`;
