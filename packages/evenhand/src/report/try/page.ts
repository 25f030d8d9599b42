import { formatInterval, plural } from '../../format.js';
import { version } from '../../version.js';
import { html, type Markup, Markup as Raw } from '../page/markup.js';
import { showPercent } from '../page/numbers.js';
import type { TryFacts, TryPayload } from './facts.js';

/**
 * Only the page's own files run and are loaded; ONNX Runtime Web compiles WebAssembly. It is stated in a page that lies in
 * a folder; a server sends its own.
 */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self' blob: data:; manifest-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'";

/** The page on which a person tries a model. Its files are `try.css`, `try.js` and `icon.svg` beside it. */
export function tryPage(facts: TryFacts): string {
  const { name, classes, computes, unsureBelow, similar } = facts;
  const inBrowser = computes === 'browser';
  const payload: TryPayload = { unsureBelow, similar, numClasses: classes.length };
  // Only `</script` could end the script element.
  const json = JSON.stringify(payload).replaceAll('<', '\\u003c');
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8">
${
  inBrowser &&
  html`<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<link rel="manifest" href="manifest.webmanifest">
<link rel="apple-touch-icon" href="icon-192.png">
<meta name="theme-color" media="(prefers-color-scheme: light)" content="#f7f7f4">
<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#12161b">`
}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="evenhand ${version()}">
<title>${name}: try it</title>
<link rel="icon" type="image/svg+xml" href="icon.svg">
<link rel="stylesheet" href="try.css">
<script src="try.js"${inBrowser ? html` type="module"` : html` defer`}></script>
</head><body>
<a class="skip" href="#choose">Skip to the image</a>
<header><div class="inside"><div><p class="eyebrow">evenhand · try the model</p><h1>${name}</h1><p class="about">${aboutOf(facts)}</p></div>
<button type="button" id="theme" class="plainbutton script" aria-pressed="false">Dark</button></div></header>
<main>
<noscript><p class="empty">This page needs JavaScript.</p></noscript>
<div class="workbench script">${imagePanel()}${answerPanel(facts)}</div>
<section aria-labelledby="classes-title"><h2 id="classes-title">Classes</h2>
<p class="lead">The model knows ${plural(classes.length, 'class', 'classes')} and answers with one of them, whatever the image shows.</p>
<details${classes.length <= 12 && html` open`}><summary>${classes.length <= 12 ? 'All of them' : `All ${classes.length.toLocaleString('en')}`}</summary><ul class="names">${[...classes].sort(byName).map((each) => html`<li>${each}</li>`)}</ul></details></section>
</main>
<footer><p>${inBrowser ? 'The image does not leave this device: the model runs in this page.' : 'The image is sent to the program that serves this page, which does not keep it.'} Made with evenhand ${version()}.${!inBrowser && html` <a href="openapi.json">The HTTP API</a>`}</p></footer>
<script type="application/json" id="data">${new Raw(json)}</script>
</body></html>`.text
  }\n`;
}

const byName = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function aboutOf({ name, model, classes, validation, license }: TryFacts): string {
  const score = validation && formatInterval(validation.macroF1, validation.low, validation.high);
  const facts = [
    model !== name && model !== 'unknown' && model,
    plural(classes.length, 'class', 'classes'),
    validation && `Macro F1 ${score} on ${plural(validation.images, 'validation image')}`,
    license?.restriction,
  ];
  return facts.filter(Boolean).join(' · ');
}

/** Where the image is chosen and shown. */
function imagePanel(): Markup {
  return html`<div class="panel image" id="drop">
<div id="choose" class="choose" tabindex="-1"><p class="big-hint">Choose an image</p>
<p class="hint"><span class="fine">Drop it here, paste it, or choose a file.</span><span class="coarse">From your photos, or take one.</span></p>
<div class="actions"><button type="button" id="file" class="mainbutton">Choose a file</button><button type="button" id="camera" class="plainbutton coarse">Take a photo</button></div></div>
<input type="file" id="file-input" accept="image/*" tabindex="-1" aria-label="An image" hidden>
<input type="file" id="camera-input" accept="image/*" capture="environment" tabindex="-1" aria-label="A photo" hidden>
<div id="preview" class="preview" hidden><div class="frame"><img id="picture" alt=""><canvas id="map" hidden></canvas></div>
<div class="actions"><button type="button" id="another" class="plainbutton">Another image</button><button type="button" id="explain" class="plainbutton" aria-pressed="false">What mattered?</button></div>
<p id="explanation" class="hint" role="status"></p></div>
</div>`;
}

/** Where the answer is shown. */
function answerPanel({ tuned, unsureBelow, similar, validation }: TryFacts): Markup {
  return html`<div class="panel answer" id="answer"><p id="status" class="hint" role="status"></p>
<p id="failure" class="failure" role="alert" hidden></p>
<div id="result" hidden><p id="verdict" class="verdict-line" tabindex="-1"></p><p id="unsure" class="hint" hidden></p>
<h2 class="small">Most likely classes</h2><ol id="top" class="top"></ol>
<p class="hint">${validation === null ? 'Probabilities are as the model gives them: the file has no score on validation images.' : 'Probabilities are calibrated on validation images.'} Below ${showPercent(unsureBelow)} the page says “not sure”.${tuned && ' The order follows the decision rule for Macro F1, which may put a rare class before a more probable one.'}</p>
${similar && html`<h2 class="small">Similar training images</h2><div id="similar" class="similar"></div><p id="similar-note" class="hint" role="status"></p>`}</div>
<div id="idle" class="idle"><p>The answer will be here.</p></div></div>`;
}
