const LONGEST = 60;

/** Control characters, line and paragraph separators, and marks that reorder text. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu;

/** The beginning of a text from a file, safe to print: its control characters are shown as `\u001b`. */
export function printable(text: string, length = LONGEST): string {
  return cut(text, length).replace(
    UNPRINTABLE,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}

/**
 * A short description of a value for an error message: `"256"`, `[0.5,0.5]`, `an object`. It looks at a few elements of a
 * list and at nothing inside them, so that a large or deeply nested value costs no more than a small one.
 */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return printable(JSON.stringify(cut(value, LONGEST)), Number.POSITIVE_INFINITY);
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map((item) => (typeof item === 'object' && item !== null ? '…' : describe(item)));
    return cut(`[${[...shown, ...(value.length > 8 ? ['…'] : [])].join(',')}]`, 2 * LONGEST);
  }
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The first line of an error's message, without the full stop. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return printable(text.slice(0, 2000).split('\n', 1)[0]!.trim().replace(/\.$/, ''), 300);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
