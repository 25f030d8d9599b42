import { classCounts } from '../../metrics/index.js';
import { classTableMarkup } from '../page/class-table-markup.js';
import type { Part } from '../page/document.js';
import { count, html, type Markup, NONE } from '../page/markup.js';
import { type Tile, tileList } from '../page/tiles.js';
import type { AuditFacts, AuditImage, AuditRate } from './facts.js';

/** A share as per cent with a digit after the point, as shares of wrong labels are small. */
const share = (x: number): string => (Number.isFinite(x) ? `${(x * 100).toFixed(1)}\u00a0%` : NONE);

const between = ({ low, high }: AuditRate, digits: number): string =>
  Number.isFinite(low) && Number.isFinite(high)
    ? `${(low * 100).toFixed(digits)} to ${(high * 100).toFixed(digits)}\u00a0%`
    : NONE;

const spread = {
  uniform: 'Where a label is wrong, it might as well be any other: the mistakes keep to no pair of classes.',
  pairs: 'Wrong labels keep to certain pairs of classes, as happens where people mix up classes that look alike.',
};

export function overviewPart(facts: AuditFacts, suspects: readonly AuditImage[]): Part {
  const { kind, images, rate } = facts;
  const train = images.filter(({ part }) => part === 'train').length;
  const inTraining = suspects.filter(({ part }) => part === 'train').length;
  const val = images.length - train;
  const ofParts = (n: number, m: number): string =>
    val === 0 ? '' : `${count(n)} for training, ${count(m)} for validation`;
  const all = (share: number): string => (Number.isFinite(share) ? count(Math.round(share * train)) : NONE);
  const tiles = tileList([
    [
      'Labels to look at',
      count(suspects.length),
      ofParts(inTraining, suspects.length - inTraining) || 'more probably wrong than right',
    ],
    ['Wrong in all, about', all(rate.value), `${all(rate.low)} to ${all(rate.high)} training labels`],
    ['Images', count(images.length), ofParts(train, val) || 'for training'],
    ...(suspects.length === 0 ? [] : [spreadTile(kind)]),
  ]);
  const body = html`<div class="hero"><div class="headline">
<p class="label">Wrong labels among the training images</p>
<p class="big">${share(rate.value)}</p>
<p class="interval">95 % interval ${between(rate, 1)}</p></div>${tiles}</div>
<p class="lead finding">${verdict(suspects.length)} ${suspects.length > 0 && spread[kind]}</p>`;
  return { id: 'overview', name: 'Overview', title: 'How many labels are wrong', body };
}

const spreadTile = (kind: AuditFacts['kind']): Tile =>
  kind === 'pairs'
    ? ['Wrong labels are', 'in pairs', 'of classes that look alike']
    : ['Wrong labels are', 'spread evenly', 'over the other classes'];

function verdict(suspects: number): Markup {
  if (suspects === 0)
    return html`<b>No label looks wrong.</b> None is more probably wrong than right, so there is nothing to decide.`;
  return suspects === 1
    ? html`<b>1 label is more probably wrong than right.</b>`
    : html`<b>${count(suspects)} labels are each more probably wrong than right.</b>`;
}

export function classesPart({ classes, images, rateByLabel }: AuditFacts, suspects: readonly AuditImage[]): Part {
  const tally = (list: readonly AuditImage[]) =>
    classCounts(
      Int32Array.from(list, ({ given }) => given),
      classes.length,
    );
  const [all, doubtful] = [tally(images), tally(suspects)];
  const rateOf = (label: number): number => (all[label] === 0 ? Number.NaN : (rateByLabel[label]?.value ?? Number.NaN));
  const order = [...classes.keys()].sort(
    (a, b) => doubtful[b]! - doubtful[a]! || (rateOf(b) || 0) - (rateOf(a) || 0) || a - b,
  );
  const rows = order.map((label) => {
    const rate = rateOf(label);
    const name =
      doubtful[label] === 0
        ? classes[label]
        : html`<button type="button" class="link" data-class="${label}">${classes[label]}</button>`;
    const estimate = Number.isFinite(rate) && html` <small>${between(rateByLabel[label]!, 0)}</small>`;
    return html`<tr><th scope="row">${name}</th><td class="number">${count(all[label]!)}</td>
<td class="number" data-value="${Number.isFinite(rate) ? rate.toFixed(6) : -1}">${share(rate)}${estimate}</td>
<td class="number">${count(doubtful[label]!)}</td></tr>`;
  });
  const table = classTableMarkup(
    classes.length,
    'Labels of every class',
    [
      { name: 'Label', kind: 'text' },
      { name: 'Images', kind: 'number' },
      { name: 'Wrong, about', kind: 'number' },
      { name: 'To look at', kind: 'number', sorted: 'descending' },
    ],
    rows,
  );
  const lead =
    suspects.length > 0 &&
    html`<p class="lead">The share of wrong labels among the training images with each label, with its 95 % interval.<span class="script"> A
label's name shows its images alone.</span></p>`;
  return { id: 'classes', name: 'Classes', title: 'Every class', body: html`${lead}${table}` };
}
