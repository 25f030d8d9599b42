import { plural } from '../../../format.js';
import { html } from '../../page/markup.js';
import { showCount } from '../../page/numbers.js';
import { type Analysis, confidentMistakes, confusedPairs, type Image } from '../analysis/analyse-run.js';
import { imageCard } from '../image-card.js';
import type { ListedImage } from '../payload.js';
import { IMAGES_PER_PAIR, imagesOfCell, MAX_PAIRS } from './confusion.js';
import type { ReportSection } from './section.js';

const MAX_SHOWN = 48;

export function mistakesSection({ classes, scores }: Analysis): ReportSection | null {
  if (scores === null) return null;
  const mistakes = confidentMistakes(scores.images);
  const shown = mistakes.slice(0, MAX_SHOWN);
  const body =
    shown.length === 0
      ? html`<p class="empty">All validation images were predicted correctly.</p>`
      : html`<p class="lead">${plural(mistakes.length, 'wrong prediction')} of ${showCount(scores.images.length)}${mistakes.length > shown.length && `, the ${shown.length} most confident of them`}. If an image
shows the predicted class, its label may be wrong.</p>
<div class="gallery">${shown.map((image) => imageCard(listImage(image), classes))}</div>
<details><summary>File names to copy</summary><pre class="files">${shown.map(({ file }) => `${file}\n`)}</pre></details>`;
  return { id: 'mistakes', name: 'Mistakes', title: 'Most confident mistakes', body };
}

/** An image as the page's script gets it. */
export function listImage(image: Image): ListedImage {
  const { id, file, truth, predicted, confidence, labelProbability, labelWrong } = image;
  const listed = [id, file, truth, predicted, rounded(confidence), rounded(labelProbability)] as const;
  return labelWrong === undefined ? listed : [...listed, rounded(labelWrong)];
}

const rounded = (probability: number): number => Math.round(probability * 1e4) / 1e4;

/** The validation images, those that most need a thumbnail first. */
export function imagesByImportance({ scores }: Analysis): Image[] {
  if (scores === null) return [];
  const { images, matrix } = scores;
  const mistakes = confidentMistakes(images);
  const inPairs = confusedPairs(matrix, MAX_PAIRS).flatMap(({ a, b }) =>
    [
      [a, a],
      [b, b],
      [a, b],
      [b, a],
    ].flatMap(([truth, predicted]) => imagesOfCell(images, truth!, predicted!).slice(0, IMAGES_PER_PAIR)),
  );
  // The first image of each class comes before the second of any.
  const seen = new Map<number, number>();
  const correct = images
    .filter(({ truth, predicted }) => truth === predicted)
    .sort((x, y) => y.confidence - x.confidence || x.id - y.id)
    .map((image) => {
      const rank = seen.get(image.truth) ?? 0;
      seen.set(image.truth, rank + 1);
      return { image, rank };
    })
    .sort((x, y) => x.rank - y.rank)
    .map(({ image }) => image);
  const onePerClass = correct.slice(0, seen.size);
  return [...new Set([...inPairs, ...mistakes.slice(0, MAX_SHOWN), ...onePerClass, ...mistakes, ...correct])];
}
