import { plural } from '../../format.js';
import { html, type Markup } from '../page/markup.js';
import { NONE, showScore } from '../page/numbers.js';
import type { RunState, RunSummary } from './facts.js';

const states: Readonly<Record<RunState, string>> = {
  training: 'Training',
  finished: 'Finished',
  stopped: 'Stopped',
  failed: 'Failed',
  interrupted: 'Interrupted',
  unknown: 'Incomplete',
  damaged: 'Damaged',
};

export const stateName = (state: RunState): string => states[state];

export const stateMark = (state: RunState): Markup => html`<span class="state ${state}"><i></i>${states[state]}</span>`;

const stages: Readonly<Record<string, string>> = {
  scan: 'Reading images',
  duplicates: 'Searching for duplicates',
  features: 'Computing features',
  labels: 'Judging labels',
  head: 'Head',
  full: 'Whole network',
  validate: 'Validating',
};

/** What a training does now: `Training the whole network, epoch 3 of 20`. */
export function stageText({ progress }: RunSummary): string {
  if (progress?.stage == null) return '';
  const { fold, folds, epoch, epochs } = progress;
  const stage = stages[progress.stage] ?? progress.stage;
  return [
    fold != null && folds != null ? `Fold ${fold} of ${folds}` : '',
    epochs ? `${stage}, epoch ${epoch} of ${epochs}` : stage,
  ]
    .filter(Boolean)
    .join(': ');
}

/** `45 s`, `12 min`, `2 h 5 min` or `3 d 4 h`. */
export function showTime(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `2026-03-01 14:05`, UTC; a dash if unknown. */
export function showStart(started: string): string {
  const date = new Date(started);
  return Number.isNaN(date.getTime()) ? NONE : date.toISOString().slice(0, 16).replace('T', ' ');
}

export const showSpeed = (imagesPerSecond: number | null | undefined): string =>
  imagesPerSecond == null || !Number.isFinite(imagesPerSecond)
    ? NONE
    : `${imagesPerSecond.toFixed(imagesPerSecond < 100 ? 1 : 0)} img/s`;

export const showMemory = (megabytes: number | null | undefined): string =>
  megabytes == null || !Number.isFinite(megabytes) ? NONE : `${(megabytes / 1000).toFixed(1)} GB`;

export const showClasses = (n: number): string => (n > 0 ? plural(n, 'class', 'classes') : '');

/** A name with places where it may be broken: `convnext_tiny.in12k_ft_in1k` has no spaces. */
export const breakable = (name: string): Markup[] =>
  name.split(/(?<=[_./-])/).map((part, i) => html`${i > 0 && html`<wbr>`}${part}`);

/** A difference of scores with its sign: `+0.012`. */
export const showDifference = (x: number): string =>
  Number.isFinite(x) ? `${x < 0 ? '−' : '+'}${showScore(Math.abs(x))}` : NONE;

/** A progress bar of the epoch under way. */
export function progressBar({ progress, name }: RunSummary): Markup {
  const done = progress?.total ? Math.min(1, (progress.done ?? 0) / progress.total) : 0;
  const label = `Progress of ${name} in this stage`;
  return html`<progress max="1" value="${done.toFixed(4)}" aria-label="${label}"></progress>`;
}
