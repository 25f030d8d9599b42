// Finds the most similar images by the features of a backbone, without training:
//   node examples/similar.mjs vit_small_patch14_dinov2.lvd142m photo.jpg more/*.jpg
// The first argument is any model that evenhand train --model takes: a name, hf-hub:ORG/REPO, or a folder.
import { decode, preprocess } from '@evenhand/predict';
import { nn, noGrad, ops, scope, tensor } from '@evenhand/torch';
import { createModel, loadPretrained, resolveModel } from 'evenhand';

const [name, photo, ...others] = process.argv.slice(2);
const spec = await resolveModel(name);
const { preset } = spec;
const model = createModel(spec, { numClasses: 1 });
await loadPretrained(model, spec, { onNote: (text) => console.error(text) });
nn.setTraining(model, false);
console.log(`${name}: ${model.featureCount} features, licence ${spec.license?.id ?? 'not stated'}`);

/** The features [F] of an image. */
async function featuresOf(path) {
  const pixels = preprocess(await decode(path), preset);
  return scope(() =>
    noGrad(() => {
      const bytes = tensor(pixels, [1, preset.crop, preset.crop, 3]);
      const scaled = ops.divScalar(ops.to(bytes, { dtype: 'float32' }), 255);
      const x = ops.div(ops.sub(scaled, tensor(preset.mean)), tensor(preset.std));
      return model.forwardFeatures(ops.permute(x, [0, 3, 1, 2])).toArray();
    }),
  );
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const query = await featuresOf(photo);
const similar = [];
for (const path of others) {
  const features = await featuresOf(path);
  similar.push({ path, cosine: dot(query, features) / Math.sqrt(dot(query, query) * dot(features, features)) });
}
similar.sort((a, b) => b.cosine - a.cosine);
for (const { path, cosine } of similar) console.log(`${cosine.toFixed(3)} ${path}`);
