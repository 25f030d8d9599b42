// Fine-tuned networks of `npm run bench -- balance`.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadStateDict, nn, openWeights, type Tensor } from '@evenhand/torch';
import { type Config, evaluate, RunFolder, train } from 'evenhand';
import { buildModel, findSpec } from '#evenhand/train/index.js';
import type { Pool, Split } from './balance-data.js';
import { featuresOf, type Linear, linearOf, type Views } from './balance-heads.js';

export interface TrainedRun {
  readonly run: string;
  /** [n,K] of the validation and the test images. */
  readonly val: Float32Array;
  readonly test: Float32Array;
}

/** Trains on `given` labels of a split and scores it, or scores the finished run of an earlier call. */
export async function trainNetwork(
  folder: string,
  split: Split,
  given: Int32Array,
  config: Config,
): Promise<TrainedRun> {
  const { pool } = split;
  const run = join(folder, 'run');
  const root = join(pool.files[0]!.split('/train/images/')[0]!);
  const write = (name: string, rows: Int32Array, labels: ArrayLike<number>): string => {
    const lines = Array.from(rows, (row, i) => `${relative(root, pool.files[row]!)},${pool.classes[labels[i]!]}\n`);
    writeFileSync(join(folder, name), `filename,label\n${lines.join('')}`);
    return join(folder, name);
  };
  mkdirSync(folder, { recursive: true });
  const trueLabels = (rows: Int32Array) => rows.map((row) => pool.labels[row]!);
  const labelList = join(folder, 'label_list.txt');
  writeFileSync(labelList, pool.classes.map((name) => `${name}\n`).join(''));
  const data = write('train.csv', split.train, given);
  const valCsv = write('val.csv', split.val, trueLabels(split.val));
  const testCsv = write('test.csv', split.test, trueLabels(split.test));
  if (!existsSync(join(run, 'model.onnx'))) {
    rmSync(run, { recursive: true, force: true });
    await train({ run, config: { ...config, data, images: root, valCsv, valImages: root, labelList } });
  }
  const read = { images: root, labelList };
  const val = await evaluate({ run, data: valCsv, read });
  const test = await evaluate({ run, data: testCsv, read });
  if (test.classes.some((name, k) => name !== pool.classes[k])) throw new Error('The run has other classes.');
  return { run, val: val.logits, test: test.logits };
}

/** The classifier of a trained network, and the features [N,F] of all images of the pool, plain and augmented. */
export async function openNetwork(run: string, pool: Pool, config: Config): Promise<{ linear: Linear; views: Views }> {
  const model = buildModel(await findSpec(config.model), config, pool.classes.length, 'cpu');
  const weights = openWeights(RunFolder.open(run).best);
  try {
    loadStateDict(model, weights);
  } finally {
    weights.close();
  }
  nn.setTraining(model, false);
  const views: Tensor[] = [];
  for (let epoch = 0; epoch < config.headEpochs; epoch++) views.push(await featuresOf(model, pool, config, epoch));
  const linear = linearOf(model);
  nn.disposeModule(model);
  return { linear, views };
}
