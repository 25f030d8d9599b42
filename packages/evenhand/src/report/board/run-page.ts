import { environmentFacts } from '../environment-facts.js';
import { factList } from '../page/fact-list.js';
import { html, type Markup } from '../page/markup.js';
import { NONE, showScore } from '../page/numbers.js';
import { type Tile, tileList } from '../page/tiles.js';
import { overlaidCurves, runCurves } from './charts.js';
import { section, servedPage } from './document.js';
import type { RunFacts, RunSummary } from './facts.js';
import { progressBar, showClasses, showMemory, showSpeed, showStart, showTime, stageText, stateMark } from './text.js';

export function runPage(facts: RunFacts): string {
  const { summary, settings, environment, parts, parent, log } = facts;
  const isScored = summary.state !== 'damaged' && (facts.best !== null || summary.score !== undefined);
  const more = [
    section('curves', 'Curves', html`<div data-part="curves">${curves(facts)}</div>`),
    parts.length > 0 && section('folds', 'Folds', html`<div data-part="folds">${foldTable(facts)}</div>`),
    section('log-section', 'Log', logMarkup(log)),
    settings.length > 0 && section('settings', 'Settings', settingList(settings)),
    environment !== null && section('environment', 'Environment', factList(environmentFacts(environment))),
  ];
  const { state, model, data, numClasses, started } = summary;
  const about = [model, data, showClasses(numClasses), started && `started ${showStart(started)} UTC`].filter(Boolean);
  return servedPage({
    title: summary.name,
    eyebrow: html`<a href="/">evenhand board</a>${parent !== undefined && html` · <a href="/run/${parent.id}">${parent.name}</a>`}`,
    heading: summary.name,
    about: html`${about.join(' · ')}<br><span class="path">${summary.path}</span>`,
    navigation: [
      { href: '/', name: 'All runs' },
      { href: '#status', name: 'Status' },
      { href: '#curves', name: 'Curves' },
      ...(parts.length > 0 ? [{ href: '#folds', name: 'Folds' }] : []),
      { href: '#log-section', name: 'Log' },
      ...(settings.length > 0 ? [{ href: '#settings', name: 'Settings' }] : []),
    ],
    events: `/run/${summary.id}/events`,
    main: html`${section(
      'status',
      'Status',
      html`<div class="actions">${isScored && html`<a class="plainbutton" href="/run/${summary.id}/report">Open the report</a>`}${state !== 'damaged' && html`<a class="plainbutton" href="/?select=${summary.id}#runs">Compare with others</a>`}</div>
<div data-part="status" class="status">${statusPart(facts)}</div>`,
    )}${more}`,
  });
}

/** What changes every second: state, progress, score, speed. */
export function statusPart({ summary, epochs }: Pick<RunFacts, 'summary' | 'epochs'>): Markup {
  const { state, problem, progress, score, scoreOf, accuracy } = summary;
  const isTraining = state === 'training';
  const last = epochs.at(-1);
  const stage = html`<div class="stage"><p><span>${stateMark(state)}${isTraining && stageText(summary) && html` <b>${stageText(summary)}</b>`}</span>${isTraining && progress?.total ? html`<span class="faint">${(progress.done ?? 0).toLocaleString('en')} of ${progress.total.toLocaleString('en')} images</span>` : endText(summary)}</p>${isTraining && progressBar(summary)}</div>`;
  const tile = (isShown: boolean, ...texts: Tile): Tile[] => (isShown ? [texts] : []);
  const now: Tile[] = [
    ['Time left', showTime(progress?.secondsLeft), timeLeftNote(summary)],
    ['Speed', showSpeed(progress?.imagesPerSecond), 'in this stage'],
    ...tile(progress?.loss != null, 'Training loss', showScore(progress?.loss ?? 0), 'of this epoch so far'),
    ...tile(
      progress?.learningRate != null,
      'Learning rate',
      (progress?.learningRate ?? 0).toExponential(1),
      'of the head',
    ),
  ];
  const tiles: Tile[] = [
    ...(isTraining ? now : tile(last !== undefined, 'Speed', showSpeed(last?.imagesPerSecond), 'in the last epoch')),
    ['Epochs', String(summary.epochs), summary.seconds > 0 ? showTime(summary.seconds) : 'ended'],
    ...tile(accuracy !== undefined, 'Accuracy', showScore(accuracy ?? Number.NaN), scoreOf),
    ...tile(last !== undefined, 'Memory', showMemory(last?.peakMemoryMB), 'peak of the process'),
    ...tile(last?.peakGpuMemoryMB != null, 'GPU memory', showMemory(last?.peakGpuMemoryMB), 'peak of tensors'),
  ];
  return html`${problem !== undefined && html`<p class="problem">${problem}</p>`}${stage}
<div class="hero${score === undefined && ' single'}">${score !== undefined && headline(summary)}${tileList(tiles)}</div>`;
}

const timeLeftNote = ({ progress }: RunSummary): string =>
  ['full', 'validate'].includes(progress?.stage ?? '') ? 'until the last epoch ends' : 'until this stage ends';

function endText({ state, progress }: RunSummary): Markup | false {
  if (progress === undefined || !['stopped', 'failed', 'interrupted', 'finished'].includes(state)) return false;
  const word = state === 'interrupted' ? 'last sign of life' : 'ended';
  return html`<span class="faint">${word} ${showStart(progress.updated)} UTC</span>`;
}

function headline({ score, scoreOf, accuracy }: RunSummary): Markup {
  const { value, low, high } = score!;
  const position = (x: number): string => `${(Math.min(1, Math.max(0, x)) * 100).toFixed(2)}%`;
  const hasInterval = Number.isFinite(low) && Number.isFinite(high);
  return html`<div class="headline"><p class="label">Macro F1 over all classes, ${scoreOf}</p>
<p class="big">${showScore(value)}</p><p class="interval">${hasInterval ? html`95 % interval ${showScore(low)} to ${showScore(high)}` : 'no interval yet'}</p>
<div class="scale" role="img" aria-label="Macro F1 ${showScore(value)} on a scale from 0 to 1">${hasInterval && html`<span class="band" style="left:${position(low)};right:calc(100% - ${position(high)})"></span>`}
<span class="tick f1" style="left:${position(value)}"></span>${accuracy !== undefined && html`<span class="tick acc" style="left:${position(accuracy)}"></span>`}</div>
<p class="ends" aria-hidden="true"><span>0</span><span class="key"><span><i class="f1"></i>Macro F1</span>${accuracy !== undefined && html`<span><i class="acc"></i>accuracy</span>`}</span><span>1</span></p></div>`;
}

export const curves = ({ epochs, best, foldEpochs }: RunFacts): Markup =>
  foldEpochs.length > 0
    ? overlaidCurves(foldEpochs.map((each, place) => ({ name: `fold ${place + 1}`, place, epochs: each })))
    : runCurves(epochs, best);

export function foldTable({ parts }: RunFacts): Markup {
  const rows = parts.map(
    (
      part,
    ) => html`<tr><th scope="row"><a href="/run/${part.id}">${/^\d+$/.test(part.name) ? `Fold ${Number(part.name) + 1}` : 'All images'}</a></th><td>${stateMark(part.state)}</td>
<td class="number">${part.score === undefined ? NONE : showScore(part.score.value)}</td><td class="number">${part.accuracy === undefined ? NONE : showScore(part.accuracy)}</td><td class="number">${part.epochs}</td><td class="number detail">${showTime(part.seconds)}</td></tr>`,
  );
  return html`<div class="scroll"><table class="plain"><thead><tr><th scope="col">Run</th><th scope="col">State</th><th scope="col" class="number">Macro F1</th><th scope="col" class="number">Accuracy</th><th scope="col" class="number">Epochs</th><th scope="col" class="number detail">Time</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

const logMarkup = (lines: readonly string[]): Markup =>
  html`<pre id="log" tabindex="0" role="log" aria-live="off" aria-label="The last lines of train.log">${lines.length > 0 ? lines.join('\n') : 'The run has no log yet.'}</pre>`;

const settingList = (settings: RunFacts['settings']): Markup =>
  factList(settings.map(([name, value]) => [name, html`<code>${value === '' ? NONE : value}</code>`]));
