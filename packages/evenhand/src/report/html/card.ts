import { html, type Markup, probability } from './markup.js';
import type { ListedPicture } from './payload.js';

/** A thumbnail; its pixels are in the style sheet, so that one picture may stand in several places. */
export function thumbnail(id: number, alt: string): Markup {
  return html`<span class="thumb t${id}" role="img" aria-label="${alt}"></span>`;
}

/** A validation picture with its label and what the model said. */
export function card(
  [id, file, truth, predicted, confidence, given]: ListedPicture,
  classes: readonly string[],
): Markup {
  const label = classes[truth] ?? '';
  const answer = classes[predicted] ?? '';
  const said =
    truth === predicted
      ? html`<span class="said right"><b>${label}</b> ${probability(confidence)}</span>`
      : html`<span class="said wrong"><b>${answer}</b> ${probability(confidence)}</span>
<span class="said">labelled <b>${label}</b> ${probability(given)}</span>`;
  const name = file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
  return html`<figure class="card">${thumbnail(id, `${name}, labelled ${label}, answered ${answer}`)}
<figcaption>${said}<span class="file" title="${file}">${name}</span></figcaption></figure>`;
}
