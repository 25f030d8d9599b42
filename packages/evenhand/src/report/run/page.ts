import type { RunFolder } from '../../run/index.js';
import { bundled, type Page, withThumbnails } from '../page/document.js';
import { html, plural } from '../page/markup.js';
import { type Thumbnails, thumbnails, unreadNotes } from '../page/thumbnails.js';
import { type Analysis, analyse } from './analysis.js';
import type { ListedImage, Payload } from './payload.js';
import { classesSection, countsSection } from './sections/classes.js';
import {
  calibrationSection,
  cellsOf,
  confusionSection,
  gallerySection,
  listed,
  ordersOf,
  pairsSection,
  wantedImages,
} from './sections/confusion.js';
import { curvesSection, overviewSection, type Section } from './sections/overview.js';
import { type RepeatCommand, repeatSection, type Setting } from './sections/provenance.js';
import { style } from './style.js';

export interface PageFacts {
  /** Where the run's data lie now, unless where it found them. */
  readonly data?: string;
  readonly settings: readonly Setting[];
  readonly commands: readonly RepeatCommand[];
}

/** Images that the page's script knows of; mistakes come first. */
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
  const wanted = wantedImages(analysis);
  const { name, environment, config } = analysis;
  const data = facts.data ?? environment.dataset.path;
  const document = {
    kind: 'report',
    name,
    about: [
      typeof config.model === 'string' ? config.model : '',
      plural(environment.dataset.classes.length, 'class', 'classes'),
      dayOf(environment.started),
    ],
    skip: { to: 'overview', text: 'To the scores' },
    parts: sections.map((section) => ({ ...section, title: titles[section.id]! })),
    end: html`<dialog id="images" aria-labelledby="images-title"><div class="bar-top"><h2 id="images-title"></h2><button type="button" id="images-close" class="plainbutton">Close</button></div><div class="inside" id="images-list"></div></dialog>
<div id="tip" role="tooltip" hidden></div>`,
    source: "the run's own records",
    style,
    payload: payloadOf(analysis, sections, wanted.slice(0, MOST_LISTED).map(listed)),
    script: await bundled(new URL('./browser/main.js', import.meta.url)),
  };
  return withThumbnails(document, async (room) => {
    const made = await thumbnails(wanted, data, room);
    return { css: made.css, notes: notesOf(made, wanted.length, data) };
  });
}

function payloadOf(analysis: Analysis, sections: readonly Section[], images: readonly ListedImage[]): Payload {
  const { classes, scores } = analysis;
  return {
    classes,
    images,
    cells: scores === null ? [] : cellsOf(scores),
    support: scores === null ? [] : scores.report.perClass.map(({ support }) => support),
    orders: ordersOf(analysis),
    points: Object.fromEntries(sections.flatMap(({ charts = [] }) => charts.map(({ id, points }) => [id, points]))),
  };
}

function notesOf({ shown, leftOut, unread }: Thumbnails, wanted: number, data: string): string[] {
  if (wanted > 0 && unread.length === wanted) {
    return [
      `The validation images are not in ${data}, so the page has placeholders in their place: give their folder with --data DIR.`,
    ];
  }
  const notes = unreadNotes(unread);
  if (leftOut > 0) {
    notes.push(
      `${plural(shown, 'image')} ${shown === 1 ? 'is' : 'are'} shown, mistakes first; ${leftOut} more are left out to keep the page small.`,
    );
  }
  return notes;
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
