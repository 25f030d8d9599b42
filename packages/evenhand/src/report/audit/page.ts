import { plural } from '../../format.js';
import { isLikelyError } from '../label-errors.js';
import { buildPage, bundleScript, type Page } from '../page/document.js';
import { showCount } from '../page/numbers.js';
import { type Detail, makeThumbnails, unreadNotes } from '../page/thumbnails.js';
import type { AuditFacts, AuditImage } from './facts.js';
import type { AuditPayload } from './payload.js';
import { progressBar, reviewSection } from './review-section.js';
import { auditStyle } from './style.js';
import { classesSection, overviewSection } from './summary-sections.js';

/** The number of likely label errors with a thumbnail, and in the page at all: the most probable ones. */
const MAX_WITH_THUMBNAIL = 600;
const MAX_LISTED = 4000;
/** Typical images per class. */
const TYPICAL = 4;

/**
 * The page on which a person reviews likely label errors. It is self-contained; verdicts are stored in the browser and
 * saved as corrections.csv.
 */
export async function auditPage(facts: AuditFacts): Promise<Page> {
  const { classes, data, fingerprint, model, name, images, trainCommand } = facts;
  const likelyErrors = images.filter(isLikelyError);
  const listed = likelyErrors.slice(0, MAX_LISTED);
  const withThumbnail = listed.slice(0, MAX_WITH_THUMBNAIL);
  const { wanted, typical } = chooseThumbnails(withThumbnail, listed.length, typicalImages(facts));
  const payload: AuditPayload = {
    classes,
    fingerprint,
    likelyErrors: listed.map(({ file, given, wrong, candidates }) => [
      file,
      given,
      rounded(wrong),
      candidates.map(({ label, probability }) => [label, rounded(probability)] as const),
    ]),
    typical: classes.map((_, label) => typical.get(label) ?? []),
  };
  const contents = {
    kind: 'audit',
    name,
    about: [plural(images.length, 'image'), plural(classes.length, 'class', 'classes'), `features of ${model}`],
    skipLink: { to: 'review', text: 'Skip to the likely label errors' },
    sections: [
      overviewSection(facts, likelyErrors),
      classesSection(facts, likelyErrors),
      reviewSection(payload, trainCommand),
    ],
    navigationExtra: listed.length > 0 && progressBar(listed.length),
    source: 'the audited data',
    style: auditStyle,
    payload,
    script: await bundleScript(new URL('./browser/main.js', import.meta.url)),
  };
  return buildPage(contents, async (maxBytes) => {
    const isError = ({ id }: { readonly id: number }): boolean => id < listed.length;
    const [large, small] = detailsFor(withThumbnail.length, wanted.length - withThumbnail.length, maxBytes);
    const thumbnails = await makeThumbnails(
      wanted.map((image) => ({ ...image, detail: isError(image) ? large : small })),
      data,
      maxBytes,
    );
    const leftOut = wanted.slice(wanted.length - thumbnails.leftOut).filter(isError).length;
    const notes = [
      ...(wanted.length > 0 && thumbnails.unread.length === wanted.length
        ? [`The images are not in ${data}, so the page has placeholders instead.`]
        : unreadNotes(thumbnails.unread)),
      ...leftOutNotes(likelyErrors.length, listed.length, leftOut + listed.length - withThumbnail.length),
    ];
    return { css: thumbnails.css, notes };
  });
}

function leftOutNotes(numErrors: number, numListed: number, withoutThumbnail: number): string[] {
  const notes: string[] = [];
  if (withoutThumbnail > 0) {
    notes.push(
      `${showCount(numListed - withoutThumbnail)} of ${plural(numListed, 'likely label error')} have their image in the page, most probable first; the other ${showCount(withoutThumbnail)} can be reviewed by their file names.`,
    );
  }
  if (numErrors > numListed) {
    notes.push(
      `${plural(numErrors - numListed, 'more likely label error')} ${numErrors - numListed === 1 ? 'was' : 'were'} left out to keep the page small: review these first, then audit again with --corrections.`,
    );
  }
  return notes;
}

/** By class, the training images whose label is least doubtful. */
function typicalImages({ images }: AuditFacts): Map<number, AuditImage[]> {
  const typical = new Map<number, AuditImage[]>();
  for (let i = images.length - 1; i >= 0 && !isLikelyError(images[i]!); i--) {
    const image = images[i]!;
    if (image.part !== 'train') continue;
    const list = typical.get(image.given) ?? [];
    if (list.length < TYPICAL) typical.set(image.given, [...list, image]);
  }
  return typical;
}

interface ChosenThumbnails {
  readonly wanted: readonly { readonly id: number; readonly file: string }[];
  /** By class, the numbers of the thumbnails of its typical images. */
  readonly typical: ReadonlyMap<number, readonly number[]>;
}

/**
 * Each likely label error is followed by the typical images of its label and of the likeliest class, so that none lacks
 * only these if the page has no room for all. Those of less likely classes come last.
 */
function chooseThumbnails(
  errors: readonly AuditImage[],
  firstId: number,
  images: ReadonlyMap<number, readonly AuditImage[]>,
): ChosenThumbnails {
  let nextId = firstId;
  const wanted: { id: number; file: string }[] = [];
  const typical = new Map<number, number[]>();
  const addTypical = (label: number): void => {
    if (typical.has(label)) return;
    const ids = (images.get(label) ?? []).map(({ file }) => {
      wanted.push({ id: nextId, file });
      return nextId++;
    });
    typical.set(label, ids);
  };
  for (const [id, { file, given, candidates }] of errors.entries()) {
    wanted.push({ id, file });
    addTypical(given);
    addTypical(candidates[0]!.label);
  }
  for (const { candidates } of errors) for (const { label } of candidates) addTypical(label);
  return { wanted, typical };
}

/** Sides in pixels of the thumbnails of likely label errors and of typical images. */
const SIDES = [
  [400, 176],
  [320, 160],
  [256, 128],
  [208, 104],
  [176, 96],
  [144, 80],
] as const;

/** Approximate bytes per pixel of a photo as WebP in base64. */
const BYTES_PER_PIXEL = 0.16;

/** The largest thumbnails that fit. */
function detailsFor(numErrors: number, numTypical: number, maxBytes: number): [Detail, Detail] {
  const fitting = SIDES.find(
    ([large, small]) => (numErrors * large ** 2 + numTypical * small ** 2) * BYTES_PER_PIXEL <= maxBytes,
  );
  const [large, small] = fitting ?? SIDES.at(-1)!;
  return [
    { size: large, quality: 62, whole: true },
    { size: small, quality: 58 },
  ];
}

const rounded = (probability: number): number => Number(probability.toFixed(4));
