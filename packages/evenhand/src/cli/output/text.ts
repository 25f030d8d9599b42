import { basename, extname, resolve } from 'node:path';
import { printable } from '../../printable.js';

/** Columns of help and reports. */
export const WIDTH = 80;

/** Of a path that a file system allows. */
export const LONGEST_PATH = 4096;

/** `text` in lines of at most `width` characters, each after `indent` spaces; `prefix` starts the first line. */
export function wrap(text: string, { width = WIDTH, indent = 0, prefix = '' } = {}): string {
  const margin = ' '.repeat(indent);
  const lines: string[] = [];
  // A start that is as long as the margin leaves no room for a space.
  let line = prefix.padEnd(indent);
  if (prefix.length >= indent && prefix !== '') {
    lines.push(prefix);
    line = margin;
  }
  let empty = true;
  for (const word of text.split(/[ \n]+/)) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = margin;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line].join('\n');
}

/** A name from a file on one line, cut to `width` characters, with control characters made visible. */
export function shorten(name: string, width: number): string {
  const text = printable(name, width);
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** One line per image that is missing or cannot be read. */
export const listBadImages = (bad: readonly { readonly file: string; readonly reason: string }[]): string =>
  bad.map(({ file, reason }) => `  ${printable(file, LONGEST_PATH)}: ${printable(reason)}`).join('\n');

/** Rows as columns of equal width, two spaces apart; `right` lists the columns that are aligned right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1:05` or `2:01:05`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A bar of `width` characters, filled in proportion to `share`. */
export function bar(share: number, width: number, empty = ' '): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return '█'.repeat(full) + empty.repeat(width - full);
}

/** A path or word as it must be typed in a shell. Control characters are typed as escapes. */
export function quoted(word: string): string {
  if (/^[\w./:@%+=,-]+$/.test(word)) return word;
  if (printable(word, Number.POSITIVE_INFINITY) === word) return `'${word.replaceAll("'", "'\\''")}'`;
  return `$'${printable(word.replace(/[\\']/g, '\\$&'), Number.POSITIVE_INFINITY)}'`;
}

/** A name for results on `data`: that of its folder or file, without characters that are special in a shell. */
export function nameOf(data: string): string {
  const last = basename(resolve(data));
  return basename(last, extname(last)).replace(/[^\w.-]+/g, '-');
}
