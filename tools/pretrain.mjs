// Writes packages/evenhand/weights/efficientnet_mini.safetensors: the small network of the demo. evenhand trains it from
// scratch on drawn flowers of another world than the demo's, so it has never seen the demo's species.
//
//   npm run setup && node tools/pretrain.mjs FOLDER        (about an hour on two cores)
//
// The configuration is written next to the weights.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeHerbarium } from '@evenhand/herbarium';
import { ops, readTensors, saveTensors, scope } from '@evenhand/torch';
import { resolveConfig, resume, train } from 'evenhand';

const [folder = 'pretraining'] = process.argv.slice(2);
const out = join(dirname(fileURLToPath(import.meta.url)), '../packages/evenhand/weights');
const herbarium = {
  world: 1,
  species: 360,
  mostImages: 40,
  fewestImages: 40,
  valPerClass: 2,
  testPerClass: 0,
  noise: 0,
  brokenFiles: 0,
  size: 160,
};
const settings = {
  model: 'efficientnet_mini',
  weights: 'none',
  imageSize: 128,
  epochs: 16,
  batchSize: 32,
  backboneRate: 2e-3,
  headRate: 2e-3,
  warmupEpochs: 1,
  weightDecay: 0.02,
  cropScale: [0.3, 1],
  mixProbability: 0,
  clipNorm: 1,
  balance: ['none'],
  patience: 0,
  onBadImage: 'skip',
};

const data = join(folder, 'herbarium');
if (!existsSync(join(data, 'label_list.txt'))) await writeHerbarium(data, herbarium);
let lastReport = performance.now();
const onEvent = (event) => {
  if (event.type === 'epoch') {
    const { epoch, macroF1, seconds } = event.metrics;
    console.log(`epoch ${epoch}: Macro F1 ${macroF1.toFixed(3)}, ${seconds.toFixed(0)} s`);
  } else if (event.type === 'progress' && performance.now() - lastReport > 30_000) {
    lastReport = performance.now();
    console.log(`${event.stage} ${event.done} of ${event.total}, ${event.imagesPerSecond.toFixed(0)} img/s`);
  }
};

const run = join(folder, 'run');
const config = resolveConfig('fast', [{ source: 'tools/pretrain.mjs', values: { ...settings, startSize: 0, data } }]);
const started = existsSync(join(run, 'config.json'));
const { best } = started ? await resume({ run, onEvent }) : await train({ run, config, onEvent });

mkdirSync(out, { recursive: true });
scope(() => {
  const tensors = readTensors(join(run, 'best.safetensors'));
  // No user has the species of the head. 16 bits are sufficient for pretrained weights and halve the file.
  const kept = [...tensors].filter(([key]) => !key.startsWith('classifier') && !key.endsWith('num_batches_tracked'));
  const half = kept.map(([key, tensor]) => [key, ops.to(tensor, { dtype: 'float16' })]);
  saveTensors(join(out, 'efficientnet_mini.safetensors'), new Map(half));
});
const { data: _, ...portable } = config;
const about = { madeBy: 'tools/pretrain.mjs', herbarium, config: portable, macroF1: best.macroF1 };
writeFileSync(join(out, 'efficientnet_mini.json'), `${JSON.stringify(about, null, 2)}\n`);
