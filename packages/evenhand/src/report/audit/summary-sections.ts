import { classCounts } from '../../metrics/index.js';
import { classTableMarkup } from '../page/class-table-markup.js';
import type { Section } from '../page/document.js';
import { html, type Markup } from '../page/markup.js';
import { NONE, showCount, showRate } from '../page/numbers.js';
import { type Tile, tileList } from '../page/tiles.js';
import type { AuditFacts, AuditImage, AuditRate } from './facts.js';

const showInterval = ({ low, high }: AuditRate, digits: number): string =>
  Number.isFinite(low) && Number.isFinite(high)
    ? `${(low * 100).toFixed(digits)} to ${(high * 100).toFixed(digits)}\u00a0%`
    : NONE;

const distribution = {
  uniform: 'Errors are spread evenly across classes.',
  pairs: 'Some pairs of classes are mixed up more often than others.',
} as const;

export function overviewSection(facts: AuditFacts, likelyErrors: readonly AuditImage[]): Section {
  const { kind, images, rate } = facts;
  const numTrain = images.filter(({ part }) => part === 'train').length;
  const numVal = images.length - numTrain;
  const errorsInTraining = likelyErrors.filter(({ part }) => part === 'train').length;
  const byPart = (train: number, val: number): string =>
    numVal === 0 ? '' : `${showCount(train)} in training, ${showCount(val)} in validation`;
  const estimate = (share: number): string => (Number.isFinite(share) ? showCount(Math.round(share * numTrain)) : NONE);
  const tiles = tileList([
    [
      'Likely label errors',
      showCount(likelyErrors.length),
      byPart(errorsInTraining, likelyErrors.length - errorsInTraining) || 'more probably wrong than right',
    ],
    ['Wrong labels, estimated', estimate(rate.value), `${estimate(rate.low)} to ${estimate(rate.high)} in training`],
    ['Images', showCount(images.length), byPart(numTrain, numVal) || 'in training'],
    ...(likelyErrors.length === 0 ? [] : [distributionTile(kind)]),
  ]);
  const body = html`<div class="hero"><div class="headline">
<p class="label">Estimated label error rate in training</p>
<p class="big">${showRate(rate.value)}</p>
<p class="interval">95 % interval ${showInterval(rate, 1)}</p></div>${tiles}</div>
<p class="lead finding">${verdict(likelyErrors.length)} ${likelyErrors.length > 0 && distribution[kind]}</p>`;
  return { id: 'overview', name: 'Overview', title: 'Label errors', body };
}

const distributionTile = (kind: AuditFacts['kind']): Tile =>
  kind === 'pairs'
    ? ['Distribution', 'in pairs', 'some pairs of classes are mixed up']
    : ['Distribution', 'even', 'across classes'];

function verdict(numErrors: number): Markup {
  if (numErrors === 0) return html`<b>No likely label errors.</b> No label is more probably wrong than right.`;
  return numErrors === 1
    ? html`<b>1 label is more probably wrong than right.</b>`
    : html`<b>${showCount(numErrors)} labels are more probably wrong than right.</b>`;
}

export function classesSection(
  { classes, images, rateByLabel }: AuditFacts,
  likelyErrors: readonly AuditImage[],
): Section {
  const countByLabel = (list: readonly AuditImage[]) =>
    classCounts(
      Int32Array.from(list, ({ given }) => given),
      classes.length,
    );
  const [numImages, numErrors] = [countByLabel(images), countByLabel(likelyErrors)];
  const rateOf = (label: number): number =>
    numImages[label] === 0 ? Number.NaN : (rateByLabel[label]?.value ?? Number.NaN);
  const order = [...classes.keys()].sort(
    (a, b) => numErrors[b]! - numErrors[a]! || (rateOf(b) || 0) - (rateOf(a) || 0) || a - b,
  );
  const rows = order.map((label) => {
    const rate = rateOf(label);
    const name =
      numErrors[label] === 0
        ? classes[label]
        : html`<button type="button" class="link" data-class="${label}">${classes[label]}</button>`;
    const interval = Number.isFinite(rate) && html` <small>${showInterval(rateByLabel[label]!, 0)}</small>`;
    return html`<tr><th scope="row">${name}</th><td class="number">${showCount(numImages[label]!)}</td>
<td class="number" data-value="${Number.isFinite(rate) ? rate.toFixed(6) : -1}">${showRate(rate)}${interval}</td>
<td class="number">${showCount(numErrors[label]!)}</td></tr>`;
  });
  const table = classTableMarkup(
    classes.length,
    'Label errors per class',
    [
      { name: 'Label', kind: 'text' },
      { name: 'Images', kind: 'number' },
      { name: 'Error rate', kind: 'number' },
      { name: 'Likely errors', kind: 'number', sorted: 'descending' },
    ],
    rows,
  );
  const lead =
    likelyErrors.length > 0 &&
    html`<p class="lead">The estimated label error rate among the training images with each label, with its 95 % interval.<span class="script"> Click a label to filter.</span></p>`;
  return { id: 'classes', name: 'Classes', title: 'Classes', body: html`${lead}${table}` };
}
