/**
 * The first key that occurs twice in an object, anywhere in a **valid** JSON text. `JSON.parse` silently keeps the last
 * one, so another reader could see different tensors in the same file.
 */
export function repeatedKey(text: string): string | undefined {
  // A set of keys for each open object, null for each open array.
  const open: (Set<string> | null)[] = [];
  let position = 0;
  while (position < text.length) {
    const start = position++;
    switch (text[start]) {
      case '{':
        open.push(new Set());
        break;
      case '[':
        open.push(null);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        position = endOfString(text, position);
        const keys = open.at(-1);
        if (keys && isKey(text, position)) {
          const key = JSON.parse(text.slice(start, position)) as string;
          if (keys.has(key)) return key;
          keys.add(key);
        }
        break;
      }
    }
  }
  return undefined;
}

/** The position after the closing quotation mark of the string whose content begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let from = start; ; ) {
    const quote = text.indexOf('"', from);
    let first = quote;
    while (text[first - 1] === '\\' && first > from) first--;
    // An odd number of backslashes escapes the quotation mark.
    if ((quote - first) % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

/** Whether the string that ends before `position` is a key: nothing else in JSON is followed by a colon. */
function isKey(text: string, position: number): boolean {
  while (' \t\n\r'.includes(text[position]!)) position++;
  return text[position] === ':';
}
