// What comes from a file, a model or a label is never printed as it is: it may be long, or hold terminal sequences.

/** Control characters, line and paragraph separators, marks that reorder text, lone surrogates. */
const UNPRINTABLE =
  /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  return ESCAPES[character] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');

/** `text` on one line: at most `limit` characters, with control and bidirectional characters made visible. */
export function printable(text: string, limit = 200): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(UNPRINTABLE, escapeCharacter);
}

/**
 * A short description of any value for an error message, on one line: `"abc"`, `12`, `[1, 2, …]`, `{…}`. It looks at no
 * more than the first eight elements of a list and at nothing inside them, so it takes the same time for any input.
 */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value).replaceAll('"', '\\"')}"`;
  if (Array.isArray(value)) {
    const shown = value
      .slice(0, 8)
      .map((each) => (typeof each === 'object' && each !== null ? '…' : describeValue(each)));
    return `[${[...shown, ...(value.length > 8 ? ['…'] : [])].join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) return value instanceof Date ? printable(String(value)) : '{…}';
  return printable(String(value));
}
