import { escapeHtml } from '../../escape-html.js';

/** HTML that is already escaped. */
export class Markup {
  constructor(readonly text: string) {}
}

export type Content = Markup | string | number | false | null | undefined | readonly Content[];

/** An HTML template: escapes every value except `Markup`, and joins lists. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => `${text}${textOf(contents[i - 1])}${part}`));
}

function textOf(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return content.map(textOf).join('');
  if (content === false || content === null || content === undefined) return '';
  return escapeHtml(String(content));
}
