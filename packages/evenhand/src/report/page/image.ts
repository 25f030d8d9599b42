import { html, type Markup } from './markup.js';

/** A thumbnail. Its pixels are in the style sheet, so that an image shown several times is stored once. */
export function thumbnail(id: number, alt: string): Markup {
  return html`<span class="thumb t${id}" role="img" aria-label="${alt}"></span>`;
}

/** The last part of a path. */
export const baseName = (file: string): string =>
  file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
