import { escapeHtml } from '../escape-html.js';
import type { Png } from './events.js';

/** Side of the image in pixels without labels; at least one pixel per class. */
const SIDE = 800;
/** More classes have no labels, which would not be readable. */
const MOST_LABELS = 60;
const LABEL_ROOM = 150;
const SHADES = 5;

export interface Confusion {
  readonly classes: readonly string[];
  /** Class indices. */
  readonly truth: ArrayLike<number>;
  readonly predicted: ArrayLike<number>;
}

/**
 * Draws a confusion matrix: a row for each label, a column for each prediction, shaded by the share of the row. Correct
 * predictions are green, mistakes are red.
 */
export async function confusionImage(confusion: Confusion): Promise<Png> {
  const { classes } = confusion;
  const cell = Math.max(1, Math.min(40, Math.floor(SIDE / classes.length)));
  const room = classes.length <= MOST_LABELS ? LABEL_ROOM : 0;
  const size = room + cell * classes.length;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">
<rect width="${size}" height="${size}" fill="#fff"/>
${room > 0 ? labelsOf(classes, room, cell) : ''}
<g transform="translate(${room} ${room}) scale(${cell})" shape-rendering="crispEdges">${cellsOf(confusion)}</g>
<rect x="${room}" y="${room}" width="${size - room}" height="${size - room}" fill="none" stroke="#888"/></svg>`;
  // Loaded here, as every start of the command line would wait for libvips.
  const { default: sharp } = await import('sharp');
  const { data, info } = await sharp(Buffer.from(svg)).removeAlpha().png().toBuffer({ resolveWithObject: true });
  return { bytes: data, width: info.width, height: info.height };
}

/** All cells of one shade are one path, so that the drawing of many classes stays small. */
function cellsOf({ classes, truth, predicted }: Confusion): string {
  const [k, n] = [classes.length, truth.length];
  const support = new Float64Array(k);
  const counts = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    support[truth[i]!]!++;
    const cell = truth[i]! * k + predicted[i]!;
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  const paths = new Map<string, string>();
  for (const [cell, count] of counts) {
    const [row, column] = [Math.floor(cell / k), cell % k];
    const lightness = 92 - 12 * Math.ceil((SHADES * count) / support[row]!);
    const colour = `hsl(${row === column ? 150 : 10} 60% ${lightness}%)`;
    paths.set(colour, `${paths.get(colour) ?? ''}M${column} ${row}h1v1h-1z`);
  }
  return [...paths].map(([colour, d]) => `<path fill="${colour}" d="${d}"/>`).join('');
}

function labelsOf(classes: readonly string[], room: number, cell: number): string {
  const font = Math.min(13, cell - 1);
  const longest = Math.floor((room - 12) / (font * 0.55));
  const text = classes.map((name, i) => {
    const short = escaped(name.length > longest ? `${name.slice(0, longest - 1)}…` : name);
    const middle = room + (i + 0.5) * cell;
    return `<text x="${room - 6}" y="${middle}" dominant-baseline="central">${short}</text>
<text transform="translate(${middle} ${room - 6}) rotate(90)" dominant-baseline="central">${short}</text>`;
  });
  return `<g font-family="sans-serif" font-size="${font}" text-anchor="end" fill="#333">
<text x="${room - 12}" y="20" font-weight="bold">predictions →</text><text x="${room - 12}" y="40" font-weight="bold">labels ↓</text>
${text.join('')}</g>`;
}

const escaped = (text: string): string => escapeHtml(text).replace(/\p{Cc}/gu, ' ');
