import { baseName, thumbnail } from '../page/image.js';
import { html, type Markup, probability } from '../page/markup.js';
import type { ListedImage } from './payload.js';

/** A validation image with its label and what the model said. */
export function card([id, file, truth, predicted, confidence, given]: ListedImage, classes: readonly string[]): Markup {
  const label = classes[truth] ?? '';
  const answer = classes[predicted] ?? '';
  const said =
    truth === predicted
      ? html`<span class="said right"><b>${label}</b> ${probability(confidence)}</span>`
      : html`<span class="said wrong"><b>${answer}</b> ${probability(confidence)}</span>
<span class="said">labelled <b>${label}</b> ${probability(given)}</span>`;
  const name = baseName(file);
  return html`<figure class="card">${thumbnail(id, `${name}, labelled ${label}, answered ${answer}`)}
<figcaption>${said}<span class="file" title="${file}">${name}</span></figcaption></figure>`;
}
