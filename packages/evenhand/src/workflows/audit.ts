import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { keep, nn, openWeights, ops, readTensors, saveTensors, scope, type Tensor, tensor } from '@evenhand/torch';
import {
  applyCorrections,
  type BadImage,
  type Dataset,
  fingerprintOf,
  type ReadOptions,
  readDataset,
  type Sample,
  type Scan,
  scanImages,
} from '../data/index.js';
import { estimateLabels, type LabelEstimate } from '../noise/index.js';
import type { Progress, TrainEvent } from '../train/index.js';
import {
  buildModel,
  type Config,
  ConfigError,
  chooseDevice,
  chooseThreads,
  evaluationLoader,
  extractFeatures,
  loadBackbone,
  NOISE_FOUND,
  presetAt,
  resolveConfig,
  splitGroups,
} from '../train/index.js';

export interface AuditOptions {
  /** A folder or CSV file, in any layout that training takes. */
  readonly data: string;
  readonly read?: ReadOptions;
  /** What judges: the backbone [mobilenet_v2], its weights [pretrained] and the pixels of a side. */
  readonly values?: Partial<
    Pick<Config, 'model' | 'weights' | 'imageSize' | 'device' | 'threads' | 'workers' | 'seed' | 'batchSize'>
  >;
  /** Verdicts on labels: see `applyCorrections`. */
  readonly corrections?: string;
  /** A file that keeps features, so that the next audit computes only those of new images. */
  readonly cache?: string;
  readonly onEvent?: (event: TrainEvent) => void;
}

/** What is known of the labels of a data set. */
export interface Audit {
  /** Without the unreadable images, and after corrections. */
  readonly dataset: Dataset;
  readonly bad: readonly BadImage[];
  readonly fingerprint: string;
  /** The backbone whose features judged. */
  readonly model: string;
  readonly train: LabelEstimate;
  /** Null where there are no validation images. */
  readonly val: LabelEstimate | null;
  /** Whether wrong labels were found in training. */
  readonly noisy: boolean;
}

/** Seconds between writes of the features computed so far. */
const SAVE_SECONDS = 60;

/**
 * Finds labels that are probably wrong, by the features of a pretrained backbone.
 *
 * @throws DataError where the data or the corrections cannot be used, ConfigError where there are too few images or the
 * backbone is none of ours, WeightsError and WeightsFileError where its weights cannot be had
 */
export async function auditLabels(options: AuditOptions): Promise<Audit> {
  const { data, onEvent = () => {} } = options;
  const values = { model: 'mobilenet_v2', ...options.values, data };
  const config = resolveConfig('competition', [{ source: 'the audit', values }]);
  if (config.weights === 'none') throw new ConfigError('weights is none: labels are judged by a pretrained backbone');
  const device = chooseDevice(config.device);
  chooseThreads(config.threads);
  const read = await readDataset(data, options.read);
  const corrections = options.corrections;
  const { dataset: whole, confirmed } =
    corrections === undefined
      ? { dataset: read, confirmed: new Set<Sample>() }
      : await applyCorrections(read, data, corrections);
  const all = [...whole.train, ...whole.val];
  const begin = performance.now();
  const tell = (stage: Progress['stage'], done: number, total: number, since: number): void => {
    const imagesPerSecond = (done * 1000) / (performance.now() - since);
    onEvent({ type: 'progress', stage, epoch: 0, epochs: 0, done, total, imagesPerSecond });
  };
  const scan = await scanImages(
    all.map(({ file }) => file),
    (done, total) => tell('scan', done, total, begin),
  );
  const readable = (samples: readonly Sample[]) => samples.filter(({ file }) => scan.images.has(file));
  const dataset = { ...whole, train: readable(whole.train), val: readable(whole.val) };
  if (dataset.train.length < 2) throw new ConfigError(`${data} has too few readable images to judge their labels by`);
  if (dataset.classes.length < 2) {
    throw new ConfigError(`All images of ${data} have the label ${dataset.classes[0]}: there is nothing to mix up`);
  }
  const features = await featuresOf(config, device, [...dataset.train, ...dataset.val], scan, options, tell);
  try {
    const labelled = (samples: readonly Sample[], from: number) => ({
      features: ops.narrow(features, 0, from, samples.length),
      given: Int32Array.from(samples, ({ label }) => label),
      confirmed: samples.map((sample) => (confirmed.has(sample) ? 1 : 0)),
    });
    return scope(() => {
      const { train, val, classes } = dataset;
      const { labels, heldOut } = estimateLabels({
        ...labelled(train, 0),
        numClasses: classes.length,
        groups: splitGroups(train, scan),
        seed: config.seed,
        heldOut: labelled(val, train.length),
      });
      return {
        dataset,
        bad: scan.bad,
        fingerprint: fingerprintOf(whole, scan),
        model: config.model,
        train: labels,
        val: heldOut,
        noisy: labels.rate.low > NOISE_FOUND,
      };
    });
  } finally {
    features.dispose();
  }
}

type Tell = (stage: Progress['stage'], done: number, total: number, since: number) => void;

/** The features [N,F] of the samples, from the cache where it has them. The caller frees them. */
async function featuresOf(
  config: Config,
  device: string,
  samples: readonly Sample[],
  scan: Scan,
  { cache, onEvent = () => {} }: AuditOptions,
  tell: Tell,
): Promise<Tensor> {
  const model = buildModel(config, 2, device);
  try {
    const weights = await loadBackbone(model, config, onEvent);
    nn.setTraining(model, false);
    const preset = presetAt(config);
    const width = model.featureCount;
    const key = hash(JSON.stringify([config.model, preset, hash(readFileSync(weights!))]));
    const idOf = ({ file }: Sample): string => scan.images.get(file)!.sha256;
    const known = cache === undefined ? new Map<string, Float32Array>() : readCache(cache, key);
    const missing = new Map<string, Sample>();
    for (const sample of samples) if (!known.has(idOf(sample))) missing.set(idOf(sample), sample);
    const fresh = [...missing.values()];
    if (fresh.length > 0) {
      const loader = evaluationLoader(config, fresh);
      const begin = performance.now();
      let saved = begin;
      let told = 0;
      try {
        const computed = await extractFeatures({
          model,
          loader,
          preset,
          device,
          count: fresh.length,
          mirrored: true,
          onBatch: (done, rows) => {
            const values = ops.to(rows, { device: 'cpu' }).toArray() as Float32Array;
            for (let row = 0; told < done; row++, told++) {
              known.set(idOf(fresh[told]!), values.slice(row * width, (row + 1) * width));
            }
            tell('features', done, fresh.length, begin);
            if (cache !== undefined && performance.now() - saved > SAVE_SECONDS * 1000) {
              writeCache(cache, key, known, width);
              saved = performance.now();
            }
            return true;
          },
        });
        computed?.dispose();
      } finally {
        await loader.close();
      }
      if (cache !== undefined) {
        // What no image of the data has any more is let go.
        const wanted = new Map(samples.map((sample) => [idOf(sample), known.get(idOf(sample))!]));
        writeCache(cache, key, wanted, width);
      }
    }
    const rows = new Float32Array(samples.length * width);
    for (const [i, sample] of samples.entries()) rows.set(known.get(idOf(sample))!, i * width);
    return keep(tensor(rows, [samples.length, width]));
  } finally {
    nn.disposeModule(model);
  }
}

const hash = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** Features by the SHA-256 of their image; none where the file is missing, damaged or of another backbone. */
function readCache(path: string, key: string): Map<string, Float32Array> {
  const found = new Map<string, Float32Array>();
  if (!existsSync(path)) return found;
  try {
    const file = openWeights(path);
    try {
      if (file.metadata.get('key') !== key) return found;
      const ids: string[] = JSON.parse(file.metadata.get('images')!);
      scope(() => {
        const all = readTensors(file).get('features')!;
        const width = all.shape[1]!;
        const values = all.toArray() as Float32Array;
        for (const [i, id] of ids.entries()) found.set(id, values.slice(i * width, (i + 1) * width));
      });
    } finally {
      file.close();
    }
  } catch {
    return new Map();
  }
  return found;
}

function writeCache(path: string, key: string, known: ReadonlyMap<string, Float32Array>, width: number): void {
  const values = new Float32Array(known.size * width);
  for (const [i, row] of [...known.values()].entries()) values.set(row, i * width);
  scope(() => {
    const features = tensor(values, [known.size, width]);
    saveTensors(path, new Map([['features', features]]), { key, images: JSON.stringify([...known.keys()]) });
  });
}
