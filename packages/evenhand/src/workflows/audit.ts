import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { keep, nn, openWeights, ops, readTensors, saveTensors, scope, type Tensor, tensor } from '@evenhand/torch';
import {
  applyCorrections,
  type BadImage,
  type Dataset,
  fingerprintOf,
  type ReadOptions,
  readDataset,
  requireCacheFolder,
  type Sample,
  type Scan,
  scanImages,
} from '../data/index.js';
import { hashFile, type ModelSpec } from '../models/index.js';
import { estimateLabels, type LabelEstimate } from '../noise/index.js';
import { describeValue } from '../printable.js';
import type { TrainEvent } from '../train/index.js';
import {
  buildModel,
  type Config,
  ConfigError,
  chooseHalfType,
  evaluationLoader,
  extractFeatures,
  findSpec,
  hashesOf,
  loadBackbone,
  NOISE_FOUND,
  openEvaluationCache,
  prepareMachine,
  presetAt,
  reportProgress,
  resolveConfig,
  scanCacheFolder,
  splitGroups,
} from '../train/index.js';

export interface AuditOptions {
  /** A folder or CSV file, in any layout that training reads. */
  readonly data: string;
  readonly read?: ReadOptions;
  /** The backbone whose features are used [mobilenet_v2], its weights [pretrained], its image size, and the machine. */
  readonly values?: Partial<
    Pick<
      Config,
      'model' | 'pool' | 'weights' | 'imageSize' | 'device' | 'threads' | 'workers' | 'cache' | 'seed' | 'batchSize'
    >
  >;
  /** A corrections.csv with verdicts on labels; see `applyCorrections`. */
  readonly corrections?: string;
  /** A file that caches features, so that the next audit computes only those of new images. */
  readonly cache?: string;
  /** Further such files, of `cacheFeatures`; with them, `cache` is written anew. */
  readonly parts?: readonly string[];
  readonly onEvent?: (event: TrainEvent) => void;
}

/** The result of an audit. */
export interface Audit {
  /** The data set without unreadable images, after corrections. */
  readonly dataset: Dataset;
  readonly bad: readonly BadImage[];
  readonly fingerprint: string;
  /** The backbone whose features were used. */
  readonly model: string;
  readonly train: LabelEstimate;
  /** Null if there are no validation images. */
  readonly val: LabelEstimate | null;
  /** Whether label errors were found among the training images. */
  readonly noisy: boolean;
}

/** Seconds after which the features computed so far are written to the cache. */
const SAVE_SECONDS = 60;

/**
 * Finds likely label errors by the features of a pretrained backbone.
 *
 * @throws DataError if the data or the corrections cannot be used, ConfigError if there are too few images or the backbone
 * is unknown, WeightsError and WeightsFileError if its weights cannot be downloaded or read
 */
export async function auditLabels(options: AuditOptions): Promise<Audit> {
  const { data, onEvent = () => {} } = options;
  const { config, spec, device, corrected, confirmed } = await beginAudit(options);
  const scan = await scanSamples(config, [...corrected.train, ...corrected.val], onEvent);
  const readable = (samples: readonly Sample[]) => samples.filter(({ file }) => scan.images.has(file));
  const dataset = { ...corrected, train: readable(corrected.train), val: readable(corrected.val) };
  if (dataset.train.length < 2)
    throw new ConfigError(`${data} has fewer than 2 readable training images, too few for an audit`);
  if (dataset.classes.length < 2) {
    throw new ConfigError(
      `All images of ${data} have the label ${describeValue(dataset.classes[0])}, but an audit needs at least 2 classes`,
    );
  }
  const fingerprint = await fingerprintOf(corrected, scan);
  const groups = await splitGroups(dataset.train, scan, reportProgress('duplicates', onEvent));
  const features = await featuresOf(spec, config, device, [...dataset.train, ...dataset.val], scan, options);
  try {
    const labelled = (samples: readonly Sample[], firstRow: number) => ({
      features: ops.narrow(features, 0, firstRow, samples.length),
      given: Int32Array.from(samples, ({ label }) => label),
      confirmed: samples.map((sample) => (confirmed.has(sample) ? 1 : 0)),
    });
    return scope(() => {
      const { train, val, classes } = dataset;
      const total = train.length + val.length;
      const report = reportProgress('labels', onEvent);
      const { labels, heldOut } = estimateLabels({
        ...labelled(train, 0),
        numClasses: classes.length,
        groups,
        seed: config.seed,
        heldOut: labelled(val, train.length),
        onProgress: (done) => report(Math.round(done * total), total),
      });
      return {
        dataset,
        bad: scan.bad,
        fingerprint,
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

/**
 * Computes the features of a part of the images, from `start` to before `end` of the training images and the validation
 * images after them, and writes them to `cache`, for an audit that finds them there.
 *
 * @throws as `auditLabels`
 */
export async function cacheFeatures(
  options: Omit<AuditOptions, 'parts'> & { readonly cache: string },
  rangeOf: (total: number) => { start: number; end: number },
): Promise<number> {
  const { config, spec, device, corrected } = await beginAudit(options);
  const all = [...corrected.train, ...corrected.val];
  const { start, end } = rangeOf(all.length);
  const part = all.slice(start, end);
  const scan = await scanSamples(config, part, options.onEvent);
  const readable = part.filter(({ file }) => scan.images.has(file));
  const features = await featuresOf(spec, config, device, readable, scan, options);
  features.dispose();
  return readable.length;
}

/** The data, the backbone and the machine of an audit. */
async function beginAudit(options: AuditOptions) {
  const { data, onEvent = () => {} } = options;
  const values = { model: 'mobilenet_v2', ...options.values, data };
  const config = resolveConfig('competition', [{ source: 'the audit', values }]);
  if (config.weights === 'none')
    throw new ConfigError(
      'weights is none, but an audit needs a pretrained backbone: set weights to pretrained or to a file',
    );
  const spec = await findSpec(config.model, onEvent);
  const device = prepareMachine(config);
  requireCacheFolder(config.cache);
  const read = await readDataset(data, options.read);
  const corrections = options.corrections;
  const { dataset: corrected, confirmed } =
    corrections === undefined
      ? { dataset: read, confirmed: new Set<Sample>() }
      : await applyCorrections(read, data, corrections);
  return { config, spec, device, corrected, confirmed };
}

const scanSamples = (
  config: Config,
  samples: readonly Sample[],
  onEvent: (event: TrainEvent) => void = () => {},
): Promise<Scan> =>
  scanImages(
    samples.map(({ file }) => file),
    reportProgress('scan', onEvent),
    scanCacheFolder(config.cache),
  );

/** The features [N,F] of the samples, computed if they are not in the cache. The caller frees them. */
async function featuresOf(
  spec: ModelSpec,
  config: Config,
  device: string,
  samples: readonly Sample[],
  scan: Scan,
  { cache, parts = [], onEvent = () => {} }: AuditOptions,
): Promise<Tensor> {
  const model = buildModel(spec, config, 2, device);
  try {
    const loaded = await loadBackbone(model, spec, config, onEvent);
    nn.setTraining(model, false);
    const preset = presetAt(spec.preset, config.imageSize);
    const width = model.featureCount;
    const weights = loaded!.sha256?.length === 64 ? loaded!.sha256 : await hashFile(loaded!.path, 'sha256');
    const key = hash(JSON.stringify([config.model, config.pool, preset, weights]));
    const idOf = ({ file }: Sample): string => scan.images.get(file)!.sha256;
    const files = [...(cache === undefined ? [] : [cache]), ...parts];
    const cached = new Map(files.flatMap((file) => [...readCache(file, key)]));
    const missingById = new Map<string, Sample>();
    for (const sample of samples) if (!cached.has(idOf(sample))) missingById.set(idOf(sample), sample);
    const missing = [...missingById.values()];
    if (missing.length > 0) {
      const images = openEvaluationCache(config, preset, missing, hashesOf(scan), onEvent);
      const loader = evaluationLoader(config, preset, missing, device, images);
      const report = reportProgress('features', onEvent);
      let lastSaved = performance.now();
      let next = 0;
      try {
        const computed = await extractFeatures({
          model,
          loader,
          preset,
          device,
          half: chooseHalfType(config, device),
          count: missing.length,
          mirrored: true,
          onBatch: (done, rows) => {
            const values = ops.to(rows, { device: 'cpu' }).toArray() as Float32Array;
            for (let row = 0; next < done; row++, next++) {
              cached.set(idOf(missing[next]!), values.slice(row * width, (row + 1) * width));
            }
            report(done, missing.length);
            if (cache !== undefined && performance.now() - lastSaved > SAVE_SECONDS * 1000) {
              writeCache(cache, key, cached, width);
              lastSaved = performance.now();
            }
            return true;
          },
        });
        computed?.dispose();
      } finally {
        await loader.close();
      }
    }
    if (cache !== undefined && (missing.length > 0 || parts.length > 0)) {
      // Features of images that are no longer in the data are dropped.
      const used = new Map(samples.map((sample) => [idOf(sample), cached.get(idOf(sample))!]));
      writeCache(cache, key, used, width);
    }
    const rows = new Float32Array(samples.length * width);
    for (const [i, sample] of samples.entries()) rows.set(cached.get(idOf(sample))!, i * width);
    return keep(tensor(rows, [samples.length, width]));
  } finally {
    nn.disposeModule(model);
  }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Features by the SHA-256 of their image; empty if the file is missing, damaged or of another backbone. */
function readCache(path: string, key: string): Map<string, Float32Array> {
  const cached = new Map<string, Float32Array>();
  if (!existsSync(path)) return cached;
  try {
    const file = openWeights(path);
    try {
      if (file.metadata.get('key') !== key) return cached;
      const ids: string[] = JSON.parse(file.metadata.get('images')!);
      scope(() => {
        const all = readTensors(file).get('features')!;
        const width = all.shape[1]!;
        const values = all.toArray() as Float32Array;
        for (const [i, id] of ids.entries()) cached.set(id, values.slice(i * width, (i + 1) * width));
      });
    } finally {
      file.close();
    }
  } catch {
    return new Map();
  }
  return cached;
}

function writeCache(path: string, key: string, cached: ReadonlyMap<string, Float32Array>, width: number): void {
  const values = new Float32Array(cached.size * width);
  for (const [i, row] of [...cached.values()].entries()) values.set(row, i * width);
  scope(() => {
    const features = tensor(values, [cached.size, width]);
    saveTensors(path, new Map([['features', features]]), { key, images: JSON.stringify([...cached.keys()]) });
  });
}
