import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { likeliestCandidates } from './candidates.js';
import type { AuditFacts, AuditImage } from './facts.js';
import { auditPage } from './page.js';
import type { AuditPayload } from './payload.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-audit-'));
after(() => rmSync(root, { recursive: true }));

const HOSTILE = '</script><img src=x onerror=alert(1)>';
const classes = ['oak', 'elm', HOSTILE, 'fir'];
const rate = { value: 0.0812, low: 0.068, high: 0.1 };

const image = (file: string, given: number, wrong: number, suggested = (given + 1) % 3): AuditImage => ({
  file,
  part: 'train',
  given,
  wrong,
  candidates: [
    { label: suggested, probability: wrong * 0.9 },
    { label: 3, probability: wrong * 0.1 },
  ],
});

/** Four images of each of three classes, of which the first is a likely label error, and none of a fourth class. */
const images: readonly AuditImage[] = [0, 1, 2]
  .flatMap((label) => [0, 1, 2, 3].map((n) => image(`${label}-${n}.png`, label, n === 0 ? 0.9 - label / 10 : 0.1 / n)))
  .sort((a, b) => b.wrong - a.wrong);

const factsOf = (parts: Partial<AuditFacts> = {}): AuditFacts => ({
  data: root,
  name: 'trees',
  classes,
  images,
  rate,
  rateByLabel: [rate, { value: 0, low: 0, high: 0.2 }, rate, { value: 0, low: 0, high: 0 }],
  kind: 'pairs',
  model: 'mobilenet_v2',
  fingerprint: 'f00',
  trainCommand: 'evenhand train trees --corrections corrections.csv',
  ...parts,
});

const payloadOf = (page: string): AuditPayload =>
  JSON.parse(page.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)![1]!);

const cards = (page: string): number => page.split('data-error=').length - 1;
const rules = (page: string): number => page.match(/^\.t\d+\{|<style>\.t0\{/gm)?.length ?? 0;

describe('the audit page', () => {
  before(async () => {
    for (const { file, given } of images) {
      const background = { r: 80 * given, g: 120, b: 60 };
      await sharp({ create: { width: 60, height: 40, channels: 3, background } }).toFile(join(root, file));
    }
  });

  test('shows the error rate with its interval, the number of likely errors, and their distribution', async () => {
    const { html, notes } = await auditPage(factsOf());
    assert.deepEqual(notes, []);
    assert.match(html, /<p class="big">8\.1\u00a0%<\/p>\n<p class="interval">95 % interval 6\.8 to 10\.0\u00a0%/);
    assert.match(html, /<dt>Likely label errors<\/dt><dd>3</);
    assert.match(html, /<b>3 labels are more probably wrong than right\.<\/b> Some pairs of classes are mixed up/);
    assert.match((await auditPage(factsOf({ kind: 'uniform' }))).html, /Errors are spread evenly across classes/);
  });

  test('lists every class, and those with likely errors as buttons that filter', async () => {
    const { html } = await auditPage(factsOf());
    const body = html.slice(html.indexOf('<tbody>'), html.indexOf('</tbody>'));
    assert.equal(body.split('<tr>').length - 1, 4);
    assert.match(body, /data-class="0">oak<\/button><\/th><td class="number">4<\/td>/);
    assert.match(body, /8\.1\u00a0% <small>7 to 10\u00a0%<\/small>/);
    assert.match(
      body,
      /<th scope="row">fir<\/th><td class="number">0<\/td>\s*<td class="number" data-value="-1">–<\/td>/,
    );
  });

  test('has a card and a thumbnail per likely error, and the least doubtful images of each class as typical ones', async () => {
    const { html } = await auditPage(factsOf());
    const { likelyErrors, typical, fingerprint } = payloadOf(html);
    assert.equal(fingerprint, 'f00');
    assert.deepEqual(
      likelyErrors.map(([file]) => file),
      ['0-0.png', '1-0.png', '2-0.png'],
    );
    assert.deepEqual(likelyErrors[0], [
      '0-0.png',
      0,
      0.9,
      [
        [1, 0.81],
        [3, 0.09],
      ],
    ]);
    assert.deepEqual(
      typical.map((ids) => ids.length),
      [3, 3, 3, 0],
    );
    assert.deepEqual(
      [...typical.flat()].sort((a, b) => a - b),
      [3, 4, 5, 6, 7, 8, 9, 10, 11],
    );
    assert.equal(cards(html), 3);
    assert.equal(rules(html), 12);
  });

  test('uses no likely error and no validation image as a typical one', async () => {
    const changed = images.map((other) => (other.given === 1 ? { ...other, part: 'val' as const } : other));
    const { typical } = payloadOf((await auditPage(factsOf({ images: changed }))).html);
    assert.deepEqual(
      typical.map((ids) => ids.length),
      [3, 0, 3, 0],
    );
  });

  test('escapes names, shows no missing number, and has a script that its policy allows', async () => {
    const { html } = await auditPage(factsOf());
    assert.ok(!html.includes(HOSTILE));
    assert.ok(html.includes('&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;'));
    assert.equal(payloadOf(html).classes[2], HOSTILE);
    const [markup] = html.split('<script type="application/json"');
    assert.doesNotMatch(markup!.replaceAll(/base64,[^)]*/g, ''), /\b(NaN|undefined|Infinity|null)\b/);
    assert.match(html, /default-src &#39;none&#39;; img-src data:; .*script-src &#39;sha256-/);
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
  });

  test('says that there are no likely label errors', async () => {
    const sure = images.map((other) => ({ ...other, wrong: other.wrong / 2 }));
    const { html, notes } = await auditPage(factsOf({ images: sure }));
    assert.deepEqual(notes, []);
    assert.match(html, /<b>No likely label errors\.<\/b>/);
    assert.equal(cards(html), 0);
    assert.doesNotMatch(html, /class="plainbutton download"|id="pane"|data-class=/);
  });

  test('can be written without a rate and without images', async () => {
    const none = { value: Number.NaN, low: Number.NaN, high: Number.NaN };
    const { html } = await auditPage(factsOf({ images: [], rate: none, rateByLabel: [none, none, none, none] }));
    assert.match(html, /<p class="big">–<\/p>/);
    assert.doesNotMatch(html.split('<script')[0]!, /NaN/);
  });

  test('notes images that are missing', async () => {
    const one = [image('gone.png', 0, 0.99), ...images];
    assert.deepEqual((await auditPage(factsOf({ images: one }))).notes, [
      '1 image is missing or unreadable, such as gone.png.',
    ]);
    const elsewhere = await auditPage(factsOf({ data: join(root, 'nowhere') }));
    assert.equal(elsewhere.notes.length, 1);
    assert.match(elsewhere.notes[0]!, /^The images are not in \S+nowhere, so the page has placeholders/);
    assert.equal(cards(elsewhere.html), 3);
  });

  test('stays small: many likely errors have no thumbnail, and very many no card', async () => {
    const noise = Buffer.from(Array.from({ length: 128 * 128 * 3 }, (_, i) => (i * i * 7919) % 251));
    await sharp(noise, { raw: { width: 128, height: 128, channels: 3 } }).toFile(join(root, 'noise.png'));
    const many = (n: number): AuditImage[] => Array.from({ length: n }, (_, i) => image('noise.png', i % 3, 0.9));
    const some = await auditPage(factsOf({ images: many(700) }));
    assert.equal(cards(some.html), 700);
    assert.ok(rules(some.html) <= 600);
    assert.match(some.notes.join(), /^\d+ of 700 likely label errors have their image in the page, .* file names\.$/);
    const more = await auditPage(factsOf({ images: many(4100) }));
    assert.ok(Buffer.byteLength(more.html) < 5_000_000);
    assert.equal(cards(more.html), 4000);
    assert.match(more.notes.join(), /100 more likely label errors were left out .* audit again with --corrections\.$/);
  });

  test('works with classes whose names JavaScript objects know', async () => {
    const names = ['__proto__', 'constructor', '<script>', 'toString'];
    const { html } = await auditPage(factsOf({ classes: names }));
    assert.deepEqual(payloadOf(html).classes, names);
    const body = html.slice(html.indexOf('<tbody>'), html.indexOf('</tbody>'));
    assert.match(body, /data-class="0">__proto__<\/button><\/th><td class="number">4<\/td>/);
    assert.match(body, /<th scope="row">toString<\/th><td class="number">0<\/td>/);
  });

  test('shows the command that trains with the verdicts', async () => {
    assert.match(
      (await auditPage(factsOf())).html,
      /<code>evenhand train trees --corrections corrections\.csv<\/code>/,
    );
  });
});

describe('the likeliest candidates', () => {
  test('are the three most probable classes other than the label', () => {
    assert.deepEqual(likeliestCandidates([0.1, 0.4, 0.2, 0.25, 0.05], 1), [
      { label: 3, probability: 0.25 },
      { label: 2, probability: 0.2 },
      { label: 0, probability: 0.1 },
    ]);
    assert.deepEqual(likeliestCandidates([1, 0], 0), [{ label: 1, probability: 0 }]);
  });

  test('have the lower class index first on a tie', () => {
    assert.deepEqual(
      likeliestCandidates([0, 0, 1, 0, 0], 2).map(({ label }) => label),
      [0, 1, 3],
    );
  });
});
