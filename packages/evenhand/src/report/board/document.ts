import { version } from '../../version.js';
import { type Content, html, type Markup } from '../page/markup.js';

/** A page that the board's server sends: its style and scripts are files of the server. */
export interface ServedPage {
  readonly title: string;
  readonly eyebrow: Content;
  readonly heading: Content;
  readonly about: Content;
  readonly navigation: readonly { readonly href: string; readonly name: string; readonly current?: boolean }[];
  readonly main: Content;
  /** The address of the events that keep the page up to date. */
  readonly events?: string;
}

export function servedPage({ title, eyebrow, heading, about, navigation, main, events }: ServedPage): string {
  const links = navigation.map(
    ({ href, name, current }) =>
      html`<li><a href="${href}"${current === true && html` aria-current="page"`}>${name}</a></li>`,
  );
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}: evenhand board</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/board.css">
<script src="/board.js" defer></script>
</head><body${events !== undefined && html` data-events="${events}"`}>
<a class="skip" href="#main">Skip to the content</a>
<header><div class="inside"><div><p class="eyebrow">${eyebrow}</p><h1>${heading}</h1><p class="about">${about}</p></div>
<button type="button" id="theme" class="plainbutton script" aria-pressed="false">Dark</button></div></header>
<nav aria-label="Pages and sections"><ul>${links}</ul></nav>
<main id="main">${main}</main>
<footer><p>evenhand ${version()}. <span id="connection" role="status">${events !== undefined && html`<span class="script">This page follows the run folders.</span>`}</span></p></footer>
<div id="tip" role="tooltip" hidden></div>
</body></html>`.text
  }\n`;
}

export const section = (id: string, title: Content, body: Content): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>`;
