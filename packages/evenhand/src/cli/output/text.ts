import { basename, extname, resolve } from 'node:path';

/** Width that help and reports are laid out for. */
export const WIDTH = 80;

/** `text` in lines of at most `width`, each after `indent`; a first line that is begun already is told by `begun`. */
export function wrap(text: string, { width = WIDTH, indent = 0, begun = '' } = {}): string {
  const margin = ' '.repeat(indent);
  const lines: string[] = [];
  // A begun line that is as long as the margin leaves no room for a space.
  let line = begun.padEnd(indent);
  if (begun.length >= indent && begun !== '') {
    lines.push(begun);
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

/** Rows as columns of equal width, two spaces apart; `right` names the columns that end flush. */
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

/** A bar of `width` characters of which `share` is full. */
export function bar(share: number, width: number, empty = ' '): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return '█'.repeat(full) + empty.repeat(width - full);
}

/** A path or word as it must be typed in a shell. */
export const quoted = (word: string): string =>
  /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A name for what is made of `data`: of its folder or file, without what shells find special. */
export function nameOf(data: string): string {
  const last = basename(resolve(data));
  return basename(last, extname(last)).replace(/[^\w.-]+/g, '-');
}
