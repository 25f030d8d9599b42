// A page that answers what a chosen image shows; browser.html loads it.
import { load } from '@evenhand/predict/browser';

const model = await load('model.onnx', { wasmPaths: './wasm/' });
const place = document.querySelector('#answer');

document.querySelector('input').addEventListener('change', async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  place.textContent = 'Looking...';
  try {
    const { top } = await model.predict(file, { tta: 'flip', topK: 3 });
    const image = Object.assign(new Image(), { src: URL.createObjectURL(file), alt: top[0].label });
    const answers = top.flatMap(({ label, probability }) => [
      Object.assign(document.createElement('div'), { textContent: `${label}, ${(probability * 100).toFixed(1)} %` }),
      Object.assign(document.createElement('meter'), { value: probability }),
    ]);
    place.replaceChildren(image, ...answers);
  } catch (error) {
    place.textContent = error.message;
  }
});
