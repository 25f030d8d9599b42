import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { version } from '../../version.js';
import { type Content, html, Markup } from './markup.js';

/** Maximum bytes of a page, and of its thumbnails. */
const MAX_BYTES = 4_800_000;
const MAX_THUMBNAIL_BYTES = 3_800_000;

export interface Page {
  readonly html: string;
  /** Its content security policy, for a server that sends it. */
  readonly policy: string;
  /** Sentences on what is missing from it. */
  readonly notes: readonly string[];
}

/** A section of a page. */
export interface Section {
  readonly id: string;
  /** Its name in the navigation. */
  readonly name: string;
  readonly title: string;
  readonly body: Markup;
}

/** A self-contained page: it needs no network, and no script to be read or printed. */
export interface PageContents {
  /** The type of page, shown in its title: `report`. */
  readonly kind: string;
  readonly name: string;
  /** Facts shown below the name. */
  readonly about: readonly string[];
  /** A link for keyboard users that skips the navigation. */
  readonly skipLink: { readonly to: string; readonly text: string };
  readonly sections: readonly Section[];
  /** Shown beside the navigation. */
  readonly navigationExtra?: Content;
  /** Dialogs and other elements after the main part. */
  readonly overlays?: Markup;
  /** What the page was made from, for the footer. */
  readonly source: string;
  readonly style: string;
  /** Data for the script, as JSON. */
  readonly payload: unknown;
  readonly script: string;
}

/**
 * Builds the page.
 *
 * @param makeThumbnails makes the thumbnails as CSS rules within a number of bytes, with notes on what it left out
 */
export async function buildPage(
  contents: PageContents,
  makeThumbnails: (maxBytes: number) => Promise<{ css: string; notes: readonly string[] }>,
): Promise<Page> {
  const bare = pageMarkup(contents, '', []);
  const { css, notes } = await makeThumbnails(Math.min(MAX_THUMBNAIL_BYTES, MAX_BYTES - Buffer.byteLength(bare)));
  return { html: pageMarkup(contents, css, notes), notes, policy: policyOf(contents.script) };
}

/**
 * A page's script and its imports as one minified script. In the published package it was bundled when the package was
 * packed, and is beside the entry: `main.js` and `main.bundle.js`.
 *
 * @param beside a module that is not bundled but a file beside the script, which is then a module itself
 */
export async function bundleScript(
  entry: URL,
  beside?: { readonly name: string; readonly file: string },
): Promise<string> {
  const bundled = new URL(entry.href.replace(/\.js$/, '.bundle.js'));
  if (existsSync(bundled)) return readFileSync(bundled, 'utf8');
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: beside === undefined ? 'iife' : 'esm',
    ...(beside === undefined ? {} : { alias: { [beside.name]: beside.file }, external: [beside.file] }),
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  return outputFiles[0]!.text.trim();
}

/** If a name ever slipped through unescaped, the browser would still run no other script and load nothing. */
function policyOf(script: string): string {
  const hash = createHash('sha256').update(script).digest('base64');
  return `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}

function pageMarkup(
  { kind, name, about, skipLink, sections, navigationExtra, overlays, source, style, payload, script }: PageContents,
  thumbnailCss: string,
  notes: readonly string[],
): string {
  // Only `</script` could end the script element.
  const json = JSON.stringify(payload).replaceAll('<', '\\u003c');
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="evenhand ${version()}">
<title>${name}: evenhand ${kind}</title>
<style>${new Markup(style)}</style>
<style>${new Markup(thumbnailCss)}</style>
</head><body>
<a class="skip" href="#${skipLink.to}">${skipLink.text}</a>
<header><div class="inside"><div><p class="eyebrow">evenhand ${kind}</p><h1>${name}</h1><p class="about">${about.filter(Boolean).join(' · ')}</p></div>
<button type="button" id="theme" class="plainbutton script" aria-pressed="false">Dark</button></div></header>
<nav aria-label="Sections"><ul>${sections.map(({ id, name: sectionName }) => html`<li><a href="#${id}">${sectionName}</a></li>`)}</ul>${navigationExtra}</nav>
<main>${sections.map(({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>`)}</main>
<footer>${notes.map((note) => html`<p>${note}</p>`)}<p>Written by evenhand ${version()} from ${source}. This page needs no network.</p></footer>
${overlays}
<script type="application/json" id="data">${new Markup(json)}</script>
<script>${new Markup(script)}</script>
</body></html>`.text
  }\n`;
}
