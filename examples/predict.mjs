// Classifies images with a model file: node examples/predict.mjs model.onnx photo.jpg more.jpg
import { load } from '@evenhand/predict';

const [file, ...images] = process.argv.slice(2);
const model = await load(file);
let i = 0;
for await (const outcome of model.predictAll(images, { tta: 'flip', topK: 3 })) {
  const image = images[i++];
  if ('label' in outcome) {
    const classes = outcome.top.map(({ label, probability }) => `${label} ${(probability * 100).toFixed(1)} %`);
    console.log(`${image}: ${classes.join(', ')}`);
  } else {
    console.log(`${image}: ${outcome.reason}`);
  }
}
await model.close();
