import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { version } from '../../version.js';
import { type Content, html, Markup } from './markup.js';

/** Bytes of a page, thumbnails and all. */
const MOST_BYTES = 4_800_000;
const MOST_THUMBNAIL_BYTES = 3_800_000;

export interface Page {
  readonly html: string;
  /** What is not in it, in sentences. */
  readonly notes: readonly string[];
}

/** A part of a page. */
export interface Part {
  readonly id: string;
  /** In the navigation. */
  readonly name: string;
  readonly title: string;
  readonly body: Markup;
}

/** A page that needs nothing besides itself: no network, and no script to be read or printed. */
export interface Document {
  /** What sort of page it is, as in its title. */
  readonly kind: string;
  readonly name: string;
  /** Facts below the name. */
  readonly about: readonly string[];
  /** For those who jump over the navigation. */
  readonly skip: { readonly to: string; readonly text: string };
  readonly parts: readonly Part[];
  /** Beside the navigation. */
  readonly bar?: Content;
  /** After the rest, such as dialogs. */
  readonly end?: Markup;
  /** What the page is made from. */
  readonly source: string;
  readonly style: string;
  /** What the script knows. */
  readonly payload: unknown;
  readonly script: string;
}

/**
 * The page with its thumbnails; `image` makes them as far as the bytes go that the page leaves to it, and says what
 * it left out.
 */
export async function withThumbnails(
  document: Document,
  image: (room: number) => Promise<{ css: string; notes: readonly string[] }>,
): Promise<Page> {
  const bare = documentMarkup(document, '', []);
  const { css, notes } = await image(Math.min(MOST_THUMBNAIL_BYTES, MOST_BYTES - Buffer.byteLength(bare)));
  return { html: documentMarkup(document, css, notes), notes };
}

/** A page's own script, as one, from what TypeScript made of it. */
export async function bundled(entry: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  return outputFiles[0]!.text.trim();
}

function documentMarkup(
  { kind, name, about, skip, parts, bar, end, source, style, payload, script }: Document,
  thumbnailCss: string,
  notes: readonly string[],
): string {
  const hash = createHash('sha256').update(script).digest('base64');
  // Should a name ever slip through unescaped, the browser still runs no script but this one, and asks nobody.
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  // In a script element only this would end the JSON.
  const json = JSON.stringify(payload).replaceAll('<', '\\u003c');
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="evenhand ${version()}">
<title>${name}: evenhand ${kind}</title>
<style>${new Markup(style)}</style>
<style>${new Markup(thumbnailCss)}</style>
</head><body>
<a class="skip" href="#${skip.to}">${skip.text}</a>
<header><div class="inside"><div><p class="eyebrow">evenhand ${kind}</p><h1>${name}</h1><p class="about">${about.filter(Boolean).join(' · ')}</p></div>
<button type="button" id="theme" class="plainbutton script" aria-pressed="false">Dark</button></div></header>
<nav aria-label="Sections"><ul>${parts.map(({ id, name: title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul>${bar}</nav>
<main>${parts.map(({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>`)}</main>
<footer>${notes.map((note) => html`<p>${note}</p>`)}<p>Written by evenhand ${version()} from ${source}. This page needs no network.</p></footer>
${end}
<script type="application/json" id="data">${new Markup(json)}</script>
<script>${new Markup(script)}</script>
</body></html>`.text
  }\n`;
}
