import { existsSync } from 'node:fs';
import { plural } from '../../format.js';
import type { RunFolder } from '../../run/index.js';
import { buildPage, bundleScript, type Page } from '../page/document.js';
import { html } from '../page/markup.js';
import { makeThumbnails, type Thumbnails, unreadNotes } from '../page/thumbnails.js';
import { type Analysis, analyseRun } from './analysis/analyse-run.js';
import { nextSteps, type ShellCommand, type ShellPaths, trainAgain } from './analysis/next-steps.js';
import type { ListedImage, Payload } from './payload.js';
import { calibrationSection } from './sections/calibration.js';
import { classesSection, countsSection } from './sections/classes.js';
import { cellsOf, confusionSection, ordersOf, pairsSection } from './sections/confusion.js';
import { foldsSection } from './sections/folds.js';
import { imagesByImportance, listImage, mistakesSection } from './sections/mistakes.js';
import { overviewSection } from './sections/overview.js';
import { repeatSection, type Setting } from './sections/repeat.js';
import type { ReportSection } from './sections/section.js';
import { trainingSection } from './sections/training.js';
import { reportStyle } from './style.js';

export interface PageFacts {
  /** Where the run's data is now, if it has moved since training. */
  readonly data?: string;
  readonly settings: readonly Setting[];
  /** For the commands that the page shows. */
  readonly paths: ShellPaths;
}

/** The number of images that the page's script knows; mistakes come first. */
const MAX_LISTED = 15_000;

/**
 * A run folder as one self-contained HTML page, which needs no network, and no script to be read or printed.
 *
 * @throws RunError if the folder cannot be read
 */
export async function htmlReport(run: RunFolder, { settings, paths, data: movedTo }: PageFacts): Promise<Page> {
  const analysis = analyseRun(run);
  const { name, environment, config } = analysis;
  const sections = [
    overviewSection(analysis, nextSteps(analysis, paths, existsSync(run.model))),
    trainingSection(analysis),
    foldsSection(analysis),
    classesSection(analysis),
    countsSection(analysis),
    confusionSection(analysis),
    pairsSection(analysis),
    mistakesSection(analysis),
    calibrationSection(analysis),
    repeatSection(analysis, settings, repeatCommands(paths)),
  ].filter((section) => section !== null);
  const images = imagesByImportance(analysis);
  const data = movedTo ?? environment.dataset.path;
  const contents = {
    kind: 'report',
    name,
    about: [
      typeof config.model === 'string' ? config.model : '',
      plural(environment.dataset.classes.length, 'class', 'classes'),
      showDay(environment.started),
    ],
    skipLink: { to: 'overview', text: 'Skip to the scores' },
    sections,
    overlays: html`<dialog id="images" aria-labelledby="images-title"><div class="bar-top"><h2 id="images-title"></h2><button type="button" id="images-close" class="plainbutton">Close</button></div><div class="inside" id="images-list"></div></dialog>
<div id="tip" role="tooltip" hidden></div>`,
    source: 'the files of the run folder',
    style: reportStyle,
    payload: payloadOf(analysis, sections, images.slice(0, MAX_LISTED).map(listImage)),
    script: await bundleScript(new URL('./browser/main.js', import.meta.url)),
  };
  return buildPage(contents, async (maxBytes) => {
    const thumbnails = await makeThumbnails(images, data, maxBytes);
    return { css: thumbnails.css, notes: thumbnailNotes(thumbnails, images.length, data) };
  });
}

const repeatCommands = (paths: ShellPaths): ShellCommand[] => [
  { why: 'Train again', command: `${trainAgain(paths)} --run ${paths.sibling('again')}` },
  { why: 'Write this report again', command: `evenhand report ${paths.run}` },
];

function payloadOf(analysis: Analysis, sections: readonly ReportSection[], images: readonly ListedImage[]): Payload {
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

function thumbnailNotes({ shown, leftOut, unread }: Thumbnails, numImages: number, data: string): string[] {
  if (numImages > 0 && unread.length === numImages) {
    return [
      `The validation images are not in ${data}, so the page has placeholders instead: name their folder with --data DIR.`,
    ];
  }
  const notes = unreadNotes(unread);
  if (leftOut > 0) {
    notes.push(
      `The page has ${plural(shown, 'image')}, mistakes first; ${plural(leftOut, 'image')} ${leftOut === 1 ? 'was' : 'were'} left out to keep it small.`,
    );
  }
  return notes;
}

function showDay(started: string): string {
  const date = new Date(started);
  if (Number.isNaN(date.getTime())) return '';
  return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}
