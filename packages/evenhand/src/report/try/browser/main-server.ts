/// <reference lib="dom" preserve="true" />
// The script of the page of `evenhand serve`: the server computes.
import type { TryPayload } from '../facts.js';
import type { Engine } from './engine.js';
import { startPage } from './page.js';

/** Sends an image to the server. @throws Error with the sentence of the answer if it is refused */
async function ask<T>(path: string, image: Blob): Promise<T> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': image.type.startsWith('image/') ? image.type : 'application/octet-stream' },
    body: image,
  }).catch(() => {
    throw new Error('The server cannot be reached; is it still running?');
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? `The server answered ${response.status}.`);
  return body;
}

const payload: TryPayload = JSON.parse(document.getElementById('data')!.textContent!);
const engine: Engine = {
  async predict(image) {
    const { predictions } = await ask<{ predictions: Awaited<ReturnType<Engine['predict']>>[] }>(
      'v1/predict?topK=5',
      image,
    );
    return predictions[0]!;
  },
  explain: (image) => ask('v1/explain', image),
  ...(payload.similar ? { similar: (image) => ask('v1/similar', image) } : {}),
};
startPage(payload, engine);
