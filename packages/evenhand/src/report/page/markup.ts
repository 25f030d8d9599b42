/** Markup that needs no escaping any more. */
export class Markup {
  constructor(readonly text: string) {}
}

export type Content = Markup | string | number | false | null | undefined | readonly Content[];

/** A template of HTML: all that is put in is escaped but for what is `Markup` itself. Lists are joined. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => `${text}${textOf(contents[i - 1])}${part}`));
}

function textOf(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return content.map(textOf).join('');
  if (content === false || content === null || content === undefined) return '';
  return escapeHtml(String(content));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (each) => entities[each]!);

/** What stands where a number is missing. */
export const NONE = '–';

/** A score from 0 to 1 with three digits. */
export const score = (x: number): string => (Number.isFinite(x) ? x.toFixed(3) : NONE);

/** A share as per cent. Its parts stay on one line. */
export const percent = (x: number): string => (Number.isFinite(x) ? `${Math.round(x * 100)}\u00a0%` : NONE);

/** A probability as per cent; none is told as certain. */
export function probability(x: number): string {
  if (x < 0.01) return '<\u00a01\u00a0%';
  return x > 0.99 ? '>\u00a099\u00a0%' : percent(x);
}

export const count = (n: number): string => (Number.isFinite(n) ? n.toLocaleString('en') : NONE);

/** `1 image`, `2 images`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;
