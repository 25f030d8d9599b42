// Classifies an image that the user chooses; browser.html loads this script.
import { load } from '@evenhand/predict/browser';

const model = await load('model.onnx', { wasmPaths: './wasm/' });
const output = document.querySelector('#prediction');

document.querySelector('input').addEventListener('change', async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  output.textContent = 'Predicting...';
  try {
    const { top } = await model.predict(file, { tta: 'flip', topK: 3 });
    const image = Object.assign(new Image(), { src: URL.createObjectURL(file), alt: top[0].label });
    const rows = top.flatMap(({ label, probability }) => [
      Object.assign(document.createElement('div'), { textContent: `${label}, ${(probability * 100).toFixed(1)} %` }),
      Object.assign(document.createElement('meter'), { value: probability }),
    ]);
    output.replaceChildren(image, ...rows);
  } catch (error) {
    output.textContent = error.message;
  }
});
