import type { License } from './spec.js';

const NON_COMMERCIAL = 'non-commercial use only';

/** Licences that demand no more than attribution and their own text. */
const PERMISSIVE =
  /^(apache-2\.0|mit|bsd(-[a-z0-9-]+)?|isc|unlicense|wtfpl|zlib|cc0-1\.0|cc-by-\d\.\d|cdla-permissive-[12]\.0|0bsd)$/;

const RESTRICTIONS: readonly (readonly [id: RegExp, restriction: string])[] = [
  [/^cc-by(-[a-z]+)*-nc|-nc-|noncommercial|non-commercial/, NON_COMMERCIAL],
  [/^apple-amlr$/, 'research use only'],
  [/^seer-license$/, NON_COMMERCIAL],
  [
    /^dinov3-license$/,
    'redistribution, also of models trained from them, only with the DINOv3 licence; some uses are prohibited',
  ],
  [/^cc-by-sa-\d\.\d$/, 'share-alike: what is made from them needs the same licence'],
  [/^(l|a)?gpl-/, 'copyleft: what is made from them may need the same licence'],
];

/** The licence with an id of the hub, `cc-by-nc-4.0`, and what it forbids; null if nobody says which it is. */
export function licenseOf(id: string | null | undefined): License | null {
  const name = id?.trim().toLowerCase();
  if (!name || name === 'unknown') return null;
  if (PERMISSIVE.test(name)) return { id: name };
  const known = RESTRICTIONS.find(([pattern]) => pattern.test(name));
  return { id: name, restriction: known?.[1] ?? 'its own terms: read them before you use or pass on what is trained' };
}
