import { isLikelyError } from '../label-errors.js';
import { baseName, thumbnail } from '../page/image.js';
import { html, type Markup } from '../page/markup.js';
import { showProbability } from '../page/numbers.js';
import type { ListedImage } from './payload.js';

/** A validation image with its label and prediction. */
export function imageCard(
  [id, file, truth, predicted, confidence, labelProbability, labelWrong]: ListedImage,
  classes: readonly string[],
): Markup {
  const label = classes[truth] ?? '';
  const prediction = classes[predicted] ?? '';
  const isCorrect = truth === predicted;
  const result = isCorrect
    ? html`<span class="outcome right"><b>${label}</b> ${showProbability(confidence)}</span>`
    : html`<span class="outcome wrong"><b>${prediction}</b> ${showProbability(confidence)}</span>
<span class="outcome">label: <b>${label}</b> ${showProbability(labelProbability)}</span>`;
  const labelError =
    labelWrong !== undefined &&
    isLikelyError({ wrong: labelWrong }) &&
    html`<span class="outcome">likely label error ${showProbability(labelWrong)}</span>`;
  const name = baseName(file);
  return html`<figure class="card">${thumbnail(id, `${name}, label ${label}, prediction ${prediction}`)}
<figcaption>${result}${labelError}<span class="file" title="${file}">${name}</span></figcaption></figure>`;
}
