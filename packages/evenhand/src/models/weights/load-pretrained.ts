import { loadStateDict, nn, openWeights, readTensors, scope, type Tensor, type WeightsFile } from '@evenhand/torch';
import { familyOf } from '../families.js';
import type { ImageModel } from '../model.js';
import type { ModelSpec } from '../spec.js';
import { type FetchOptions, fetchWeights } from './fetch-weights.js';
import { fetchHubFile, type HubOptions } from './hub.js';
import { noteProgress } from './note-progress.js';
import { WeightsError } from './weights-error.js';

/** The names of the weights file of a repository on the hub, in timm's order. */
export const HUB_FILES: readonly string[] = ['model.safetensors', 'pytorch_model.bin'];

export interface LoadOptions extends FetchOptions, Pick<HubOptions, 'onNote' | 'env'> {}

/** Where loaded weights are from: what a run records. */
export interface LoadedWeights {
  readonly path: string;
  /** `organisation/name` on the hub; null for a file that is not from there. */
  readonly repository: string | null;
  /** The commit of the repository. */
  readonly commit: string | null;
  /** Null if it is unknown; of a source with a short hash, its beginning. */
  readonly sha256: string | null;
}

/** What of a spec loading needs. The architecture may be left out if the file has the keys of the model. */
export type WeightsOf = Pick<ModelSpec, 'weights'> &
  Partial<Pick<ModelSpec, 'architecture' | 'classifiers' | 'license'>>;

/**
 * Loads pretrained weights into the backbone of `model`. The head stays as it is, because its classes are not those of the
 * file. `onNote` gets the licence when weights are downloaded from the hub.
 *
 * @param spec the spec of the model; its `weights` are the path of a file (safetensors or `.pth`) or where to download one
 * @throws WeightsError if the file cannot be downloaded (see `fetchWeights` and `fetchHubFile`), WeightsFileError if it
 * cannot be read, and TorchError, with the names of the keys, if it belongs to another model; the model is then unchanged
 */
export async function loadPretrained(
  model: ImageModel,
  spec: WeightsOf,
  options: LoadOptions = {},
): Promise<LoadedWeights> {
  const loaded = await fetchPretrained(spec, options);
  loadPublished(model, spec, loaded.path, [model.classifierKey, ...otherClassifiers(model, spec)]);
  return loaded;
}

/**
 * Loads the weights of a published file, whose keys and sizes may be those of another implementation: see
 * `Family.convert`. Keys under the prefixes `without` are left out.
 *
 * @throws as `loadPretrained`
 */
export function loadPublished(
  model: ImageModel,
  spec: Pick<WeightsOf, 'architecture'>,
  path: string,
  without: readonly string[] = [],
): void {
  const file = openWeights(path);
  try {
    const convert = spec.architecture === undefined ? undefined : familyOf(spec.architecture).convert;
    if (convert === undefined && !isOpenClip(file)) {
      loadStateDict(model, file, { without });
    } else {
      scope(() => {
        const tensors = isOpenClip(file) ? visionTensors(file) : readTensors(file);
        loadStateDict(model, convert?.(tensors, model) ?? tensors, { without, name: path });
      });
    }
  } finally {
    file.close();
  }
}

/** Downloads the weights of a spec, unless they are here; see `loadPretrained`. */
export async function fetchPretrained(spec: WeightsOf, options: LoadOptions = {}): Promise<LoadedWeights> {
  const { weights } = spec;
  if (typeof weights === 'string') return { path: weights, repository: null, commit: null, sha256: null };
  if (!('repository' in weights)) {
    const name = new URL(weights.url).pathname.split('/').at(-1)!;
    const { settings, isDownloaded } = withNotes(name, options);
    const path = await fetchWeights(weights, settings);
    if (isDownloaded()) noteLicense(name, spec, options);
    return { path, repository: null, commit: null, sha256: weights.sha256 };
  }
  const { repository, files = HUB_FILES } = weights;
  const what = `the weights of ${repository}`;
  const found = await fetchHubFile(weights, files, withNotes(what, options).settings);
  if (found === null) {
    throw new WeightsError(
      'not-found',
      `${repository} has no weights that can be loaded (none of ${files.join(', ')}); choose a model that has.`,
    );
  }
  const { path, commit, sha256, downloaded } = found;
  if (downloaded) noteLicense(what, spec, options);
  return { path, repository, commit, sha256 };
}

/** Options with which `onNote` reports a download. */
function withNotes(what: string, options: LoadOptions): { settings: LoadOptions; isDownloaded: () => boolean } {
  const { onNote, onProgress } = options;
  const note = onNote && noteProgress(what, onNote);
  let downloaded = false;
  const settings: LoadOptions = {
    ...options,
    onProgress(progress) {
      downloaded = true;
      note?.(progress);
      onProgress?.(progress);
    },
  };
  return { settings, isDownloaded: () => downloaded };
}

function noteLicense(what: string, { license }: WeightsOf, { onNote }: LoadOptions): void {
  const terms = license?.restriction === undefined ? '' : `: ${license.restriction}`;
  onNote?.(`Licence of ${what}: ${license ? license.id + terms : 'not stated'}`);
}

/** The classifiers of the file that are no part of the model, such as `head_dist` of a distilled one. */
function otherClassifiers(model: ImageModel, { classifiers = [] }: WeightsOf): string[] {
  const isUnder = (key: string, name: string) => key === name || key.startsWith(`${name}.`);
  const backbone = [...nn.stateDict(model).keys()].filter((key) => !isUnder(key, model.classifierKey));
  // A configuration that is wrong must not keep parts of the backbone random.
  return classifiers.filter((name) => !backbone.some((key) => isUnder(key, name)));
}

/** open_clip's files hold two towers; keys of the vision tower begin with `visual.`. */
function isOpenClip(file: WeightsFile): boolean {
  return [...file.tensors.keys()].some((key) => key.startsWith('visual.'));
}

/** The tensors of the vision tower: open_clip's own as `visual.*`, those of a network of timm under timm's keys. */
function visionTensors(file: WeightsFile): Map<string, Tensor> {
  const trunk = 'visual.trunk.';
  const keys = [...file.tensors.keys()];
  const ofTimm = keys.filter((key) => key.startsWith(trunk));
  if (ofTimm.length === 0)
    return readTensors(
      file,
      keys.filter((key) => key.startsWith('visual.')),
    );
  return new Map([...readTensors(file, ofTimm)].map(([key, tensor]) => [key.slice(trunk.length), tensor]));
}
