import { bundled, type Page, withThumbnails } from '../page/document.js';
import { count, plural } from '../page/markup.js';
import { type Detail, thumbnails, unreadNotes } from '../page/thumbnails.js';
import { isSuspect } from '../suspect.js';
import type { AuditFacts, AuditImage } from './facts.js';
import type { AuditPayload } from './payload.js';
import { progressBar, reviewPart } from './review.js';
import { auditStyle } from './style.js';
import { classesPart, overviewPart } from './summary.js';

/** Suspects with a thumbnail, and suspects in the page at all: the most probable ones. */
const MOST_SHOWN = 600;
const MOST_LISTED = 4000;
/** Typical images of a class. */
const TYPICAL = 4;

/**
 * The page in which a person goes through the labels that are probably wrong and decides on each. It needs nothing
 * besides itself; verdicts stay in the reader's browser and leave it as a corrections.csv.
 */
export async function auditPage(facts: AuditFacts): Promise<Page> {
  const { classes, data, fingerprint, model, name, images } = facts;
  const suspects = images.filter(isSuspect);
  const listed = suspects.slice(0, MOST_LISTED);
  const shown = listed.slice(0, MOST_SHOWN);
  const { wanted, typical } = wantedThumbnails(shown, listed.length, typicalImages(facts));
  const payload: AuditPayload = {
    classes,
    fingerprint,
    suspects: listed.map(({ file, given, wrong, suggested, suggestedProbability }) => [
      file,
      given,
      rounded(wrong),
      suggested,
      rounded(suggestedProbability),
    ]),
    typical: classes.map((_, label) => typical.get(label) ?? []),
  };
  const document = {
    kind: 'audit',
    name,
    about: [plural(images.length, 'image'), plural(classes.length, 'class', 'classes'), `judged by ${model}`],
    skip: { to: 'review', text: 'To the labels to look at' },
    parts: [overviewPart(facts, suspects), classesPart(facts, suspects), reviewPart(payload)],
    bar: listed.length > 0 && progressBar(listed.length),
    source: 'what it estimated of the labels',
    style: auditStyle,
    payload,
    script: await bundled(new URL('./browser/main.js', import.meta.url)),
  };
  return withThumbnails(document, async (room) => {
    const [large, small] = details(shown.length, wanted.length - shown.length, room);
    const made = await thumbnails(
      wanted.map((each) => ({ ...each, detail: each.id < listed.length ? large : small })),
      data,
      room,
    );
    const left = wanted.slice(wanted.length - made.leftOut).filter(({ id }) => id < listed.length).length;
    const notes = [
      ...(wanted.length > 0 && made.unread.length === wanted.length
        ? [`The images are not in ${data}, so the page has placeholders in their place.`]
        : unreadNotes(made.unread)),
      ...leftOutNotes(suspects.length, listed.length, left + listed.length - shown.length),
    ];
    return { css: made.css, notes };
  });
}

function leftOutNotes(suspects: number, listed: number, withoutImage: number): string[] {
  const notes: string[] = [];
  if (withoutImage > 0) {
    notes.push(
      `${count(listed - withoutImage)} of ${plural(listed, 'suspect')} have their image in the page, the most probably wrong first; the other ${count(withoutImage)} can be decided by their file names.`,
    );
  }
  if (suspects > listed) {
    notes.push(
      `${count(suspects - listed)} more suspects are left out to keep the page small: decide on these first, then audit again.`,
    );
  }
  return notes;
}

/** By class, the training images that are most surely of it. */
function typicalImages({ images }: AuditFacts): Map<number, AuditImage[]> {
  const found = new Map<number, AuditImage[]>();
  for (let i = images.length - 1; i >= 0 && !isSuspect(images[i]!); i--) {
    const image = images[i]!;
    if (image.part !== 'train') continue;
    const list = found.get(image.given) ?? [];
    if (list.length < TYPICAL) found.set(image.given, [...list, image]);
  }
  return found;
}

interface WantedThumbnails {
  readonly wanted: readonly { readonly id: number; readonly file: string }[];
  /** The thumbnails of a class. */
  readonly typical: ReadonlyMap<number, readonly number[]>;
}

/** Each suspect is followed by what it is compared with, so that those at the end miss both and none lacks one. */
function wantedThumbnails(
  shown: readonly AuditImage[],
  firstId: number,
  images: ReadonlyMap<number, readonly AuditImage[]>,
): WantedThumbnails {
  let next = firstId;
  const wanted: { id: number; file: string }[] = [];
  const typical = new Map<number, number[]>();
  for (const [id, { file, given, suggested }] of shown.entries()) {
    wanted.push({ id, file });
    for (const label of [given, suggested]) {
      if (typical.has(label)) continue;
      const ids = (images.get(label) ?? []).map((image) => {
        wanted.push({ id: next, file: image.file });
        return next++;
      });
      typical.set(label, ids);
    }
  }
  return { wanted, typical };
}

/** Sides of a suspect's image and of a typical one. */
const SIDES = [
  [400, 176],
  [320, 160],
  [256, 128],
  [208, 104],
  [176, 96],
  [144, 80],
] as const;

/** Bytes of a photo's pixel as WebP in base64, about. */
const BYTES_PER_PIXEL = 0.16;

/** As large as the page has room for. */
function details(suspects: number, typical: number, room: number): [Detail, Detail] {
  const fitting = SIDES.find(
    ([large, small]) => (suspects * large ** 2 + typical * small ** 2) * BYTES_PER_PIXEL <= room,
  );
  const [large, small] = fitting ?? SIDES.at(-1)!;
  return [
    { size: large, quality: 62, whole: true },
    { size: small, quality: 58 },
  ];
}

const rounded = (probability: number): number => Number(probability.toFixed(4));
