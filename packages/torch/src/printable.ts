// Names and values that come from a file may be long, deeply nested, or contain terminal sequences. A message shows a
// short, escaped part of them, and builds it in constant time.

/** Control characters, line and paragraph separators, marks that reorder text, lone surrogates. */
const unprintable =
  /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/** Characters that a message shows of one text. */
const maxCharacters = 200;
/** Items that a message shows of one list. */
const maxItems = 8;

/** The text on one line: control characters become visible, such as `\x1b`. */
export function escapeControls(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0)!;
    if (character === '\n') return '\\n';
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The text on one line, cut to 200 characters. */
export function printable(text: string): string {
  return escapeControls(text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text);
}

/** The text in quotation marks, on one line, cut to 200 characters. */
export function quote(text: string): string {
  return `"${printable(text)}"`;
}

/**
 * A short description of any value, on one line: `"abc"`, `12`, `[1, 2, [...]]`, `{...}`. Looks at the first items of a
 * list and never inside them, so deep, circular and shared values take no longer than flat ones.
 */
export function describeValue(value: unknown): string {
  if (!Array.isArray(value)) return describeItem(value);
  const items = value.slice(0, maxItems).map(describeItem);
  return `[${items.join(', ')}${value.length > maxItems ? ', …' : ''}]`;
}

function describeItem(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  // An integer of a pickle may have thousands of digits, and printing it takes quadratic time.
  if (typeof value === 'bigint') return value === BigInt.asIntN(128, value) ? String(value) : 'a large integer';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : '[…]';
  if (typeof value === 'object' && value !== null) return '{…}';
  if (typeof value === 'function') return 'a function';
  return printable(String(value));
}
