import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { RunFolder } from '../../run/index.js';
import { version } from '../../version.js';
import { type Analysis, analyse } from './analysis.js';
import { classesSection, countsSection } from './classes.js';
import {
  calibrationSection,
  cellsOf,
  confusionSection,
  gallerySection,
  listed,
  ordersOf,
  pairsSection,
  wantedPictures,
} from './confusion.js';
import { html, Markup, plural } from './markup.js';
import { curvesSection, overviewSection, type Section } from './overview.js';
import type { ListedPicture, Payload } from './payload.js';
import { type RepeatCommand, repeatSection, type Setting } from './provenance.js';
import { style } from './style.js';
import { type Thumbnails, thumbnails } from './thumbnails.js';

export interface PageFacts {
  /** Where the run's data lie now, unless where it found them. */
  readonly data?: string;
  readonly settings: readonly Setting[];
  readonly commands: readonly RepeatCommand[];
}

export interface Page {
  readonly html: string;
  /** What is not in it, in sentences. */
  readonly notes: readonly string[];
}

/** Bytes of a page, thumbnails and all. */
const MOST_BYTES = 4_800_000;
const MOST_THUMBNAIL_BYTES = 3_800_000;
/** Pictures that the page's script knows of; mistakes come first. */
const MOST_LISTED = 15_000;

/**
 * A run folder as one HTML page that needs nothing besides itself: no network, and no script to be read or printed.
 *
 * @throws RunError where the folder cannot be read
 */
export async function htmlReport(run: RunFolder, facts: PageFacts): Promise<Page> {
  const analysis = analyse(run);
  const sections = [
    overviewSection(analysis),
    curvesSection(analysis),
    classesSection(analysis),
    countsSection(analysis),
    confusionSection(analysis),
    pairsSection(analysis),
    gallerySection(analysis),
    calibrationSection(analysis),
    repeatSection(analysis, facts.settings, facts.commands),
  ].filter((section) => section !== null);
  const wanted = wantedPictures(analysis);
  const payload = payloadOf(analysis, sections, wanted.slice(0, MOST_LISTED).map(listed));
  const script = await clientScript();
  const bare = pageMarkup(analysis, sections, payload, script, '', []);
  const room = Math.min(MOST_THUMBNAIL_BYTES, MOST_BYTES - Buffer.byteLength(bare));
  const made = await thumbnails(wanted, facts.data ?? analysis.environment.dataset.path, room);
  const notes = notesOf(made, wanted.length, facts.data ?? analysis.environment.dataset.path);
  return { html: pageMarkup(analysis, sections, payload, script, made.css, notes), notes };
}

function payloadOf(analysis: Analysis, sections: readonly Section[], pictures: readonly ListedPicture[]): Payload {
  const { classes, scores } = analysis;
  return {
    classes,
    pictures,
    cells: scores === null ? [] : cellsOf(scores),
    support: scores === null ? [] : scores.report.perClass.map(({ support }) => support),
    orders: ordersOf(analysis),
    points: Object.fromEntries(sections.flatMap(({ charts = [] }) => charts.map(({ id, points }) => [id, points]))),
  };
}

function notesOf({ shown, leftOut, unread }: Thumbnails, wanted: number, data: string): string[] {
  if (wanted > 0 && unread.length === wanted) {
    return [
      `The validation pictures are not in ${data}, so the page has placeholders in their place: give their folder with --data DIR.`,
    ];
  }
  const notes: string[] = [];
  if (unread.length > 0) {
    notes.push(
      `${plural(unread.length, 'picture')} ${unread.length === 1 ? 'is' : 'are'} missing or unreadable, such as ${unread[0]}.`,
    );
  }
  if (leftOut > 0) {
    notes.push(
      `${plural(shown, 'picture')} ${shown === 1 ? 'is' : 'are'} shown, mistakes first; ${leftOut} more are left out to keep the page small.`,
    );
  }
  return notes;
}

/** The page's own script, as one. */
async function clientScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./browser/main.js', import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  return outputFiles[0]!.text.trim();
}

function pageMarkup(
  { name, environment, config }: Analysis,
  sections: readonly Section[],
  payload: Payload,
  script: string,
  thumbnailCss: string,
  notes: readonly string[],
): string {
  const hash = createHash('sha256').update(script).digest('base64');
  // Should a name ever slip through unescaped, the browser still runs no script but this one, and asks nobody.
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  // In a script element only this would end the JSON.
  const json = JSON.stringify(payload).replaceAll('<', '\\u003c');
  const about = [
    typeof config.model === 'string' ? config.model : '',
    plural(environment.dataset.classes.length, 'class', 'classes'),
    dayOf(environment.started),
  ].filter(Boolean);
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="evenhand ${version()}">
<title>${name}: evenhand report</title>
<style>${new Markup(style)}</style>
<style>${new Markup(thumbnailCss)}</style>
</head><body>
<a class="skip" href="#overview">To the scores</a>
<header><div class="inside"><div><p class="eyebrow">evenhand report</p><h1>${name}</h1><p class="about">${about.join(' · ')}</p></div>
<button type="button" id="theme" class="plainbutton script" aria-pressed="false">Dark</button></div></header>
<nav aria-label="Sections"><ul>${sections.map(({ id, name: title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>${sections.map(({ id, body }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${titles[id]}</h2>${body}</section>`)}</main>
<footer>${notes.map((note) => html`<p>${note}</p>`)}<p>Written by evenhand ${version()} from the run's own records. This page needs no network.</p></footer>
<dialog id="pictures" aria-labelledby="pictures-title"><div class="bar-top"><h2 id="pictures-title"></h2><button type="button" id="pictures-close" class="plainbutton">Close</button></div><div class="inside" id="pictures-list"></div></dialog>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${new Markup(json)}</script>
<script>${new Markup(script)}</script>
</body></html>`.text
  }\n`;
}

const titles: Readonly<Record<string, string>> = {
  overview: 'How good it is',
  curves: 'How training went',
  classes: 'Every class',
  counts: 'Rare and frequent classes',
  confusion: 'What is taken for what',
  pairs: 'The most confused pairs',
  mistakes: 'The most confident mistakes',
  calibration: 'Whether its confidence can be believed',
  repeat: 'What it was made of, and how to repeat it',
};

function dayOf(started: string): string {
  const date = new Date(started);
  if (Number.isNaN(date.getTime())) return '';
  return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}
