// Asks a model about images: node examples/predict.mjs model.onnx photo.jpg more.jpg
import { ImageError, load } from '@evenhand/predict';

const [file, ...images] = process.argv.slice(2);
const model = await load(file);
for await (const outcome of model.predictAll(images, { tta: 'flip', topK: 3 })) {
  if (outcome instanceof ImageError) console.log(outcome.message);
  else if ('label' in outcome) {
    console.log(outcome.top.map(({ label, probability }) => `${label} ${(probability * 100).toFixed(1)} %`).join(', '));
  }
}
await model.close();
