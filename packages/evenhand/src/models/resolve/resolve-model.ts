import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describeValue } from '../../printable.js';
import { suggest } from '../../suggest.js';
import { findModel, modelInfo, modelNames } from '../catalogue.js';
import { architectureNames } from '../families.js';
import { licenseOf } from '../license.js';
import type { HubRepository, License, ModelSpec } from '../spec.js';
import { fetchHubFile, type HubOptions } from '../weights/hub.js';
import { HUB_FILES } from '../weights/load-pretrained.js';
import { systemCode, WeightsError } from '../weights/weights-error.js';
import { type ConfigFields, parseConfig } from './config-fields.js';
import { openClipConfig } from './open-clip-config.js';
import { type ModelConfig, timmConfig } from './timm-config.js';

export type ResolveOptions = Pick<HubOptions, 'onNote' | 'signal' | 'retryDelay' | 'env'>;

const CONFIG = 'config.json';
const OPEN_CLIP_CONFIG = 'open_clip_config.json';
const OPEN_CLIP_FILES: readonly string[] = ['open_clip_model.safetensors', 'open_clip_pytorch_model.bin'];
/** Configurations may list the names of 20,000 classes. */
const MAX_CONFIG = 16 << 20;

/**
 * The spec of a model, by its name:
 *
 * - a name of the catalogue, or an architecture of it: `mobilenet_v2`, `convnext_tiny.in12k`, `convnext_tiny`
 * - timm's name of other weights of a known architecture: `convnext_tiny.fb_in22k`, the repository `timm/convnext_tiny.fb_in22k`
 * - a repository of the Hugging Face hub: `hf-hub:org/name`, `hf-hub:org/name@revision`
 * - a folder with `config.json` and weights: `./my-model`, `local-dir:my-model`
 *
 * Outside the catalogue the configuration file decides (`config.json` of timm, `open_clip_config.json`), which is downloaded
 * and cached as weights are (see `fetchHubFile`).
 *
 * @throws RangeError if the name is unknown, with a suggestion; WeightsError of one sentence if the configuration cannot be
 * downloaded or used
 */
export async function resolveModel(name: string, options: ResolveOptions = {}): Promise<ModelSpec> {
  const known = findModel(name);
  if (known !== undefined) return known;
  const [, prefix, rest = ''] = /^(hf[-_]hub|local-dir):(.*)$/s.exec(name) ?? [];
  if (prefix === 'local-dir') return folderSpec(name, rest);
  if (prefix !== undefined) return hubSpec(name, parseRepository(name, rest), options);
  if (isModelFolder(name)) return folderSpec(name, name);
  if (architectureNames().includes(name)) {
    throw new RangeError(
      `${name} is an architecture without recommended weights; name some with their tag, as timm does: ${name}.TAG.`,
    );
  }
  const [, architecture, tag] = /^(\w+)\.([\w.-]+)$/.exec(name) ?? [];
  if (architecture === undefined || !architectureNames().includes(architecture)) return modelInfo(name);
  // CLIP's weights with and without QuickGELU are one file; timm chooses by the name of the architecture.
  const file = `${architecture.replace('_clip_quickgelu_', '_clip_')}.${tag}`;
  try {
    return { ...(await hubSpec(name, { repository: `timm/${file}`, revision: 'main' }, options)), architecture };
  } catch (error) {
    throw withSuggestion(error, name);
  }
}

/** A repository that is not there is probably a misspelt tag. */
function withSuggestion(error: unknown, name: string): unknown {
  if (!(error instanceof WeightsError) || !['refused', 'not-found'].includes(error.code)) return error;
  const likely = suggest(name, modelNames());
  if (likely === undefined) return error;
  return new WeightsError(error.code, `${error.message.replace(/\.$/, '')}; did you mean ${likely}?`, { cause: error });
}

/** Whether `resolveModel` takes the name for the path of a folder. */
export function isModelFolder(name: string): boolean {
  if (/^(hf[-_]hub|local-dir):/.test(name) || findModel(name) !== undefined) return false;
  return /[\\/]/.test(name) || isFolder(name);
}

/** `org/name` or `org/name@revision`. Source: huggingface_hub `utils/_validators.py`, timm `models/_hub.py`, `hf_split`. */
function parseRepository(name: string, text: string): HubRepository {
  const [repository = '', revision = 'main', ...more] = text.split('@');
  const isName = /^(\w[\w.-]*\/)?\w[\w.-]{0,95}$/.test(repository) && !/--|\.\./.test(repository);
  const isRevision = /^\w[\w./-]{0,199}$/.test(revision) && !revision.includes('..');
  if (isName && isRevision && more.length === 0) return { repository, revision };
  throw new RangeError(
    `A model of the hub must be hf-hub:organisation/name or hf-hub:organisation/name@revision, got ${describeValue(name)}.`,
  );
}

async function hubSpec(name: string, source: HubRepository, options: ResolveOptions): Promise<ModelSpec> {
  const { repository } = source;
  const load = async (file: string) => {
    const found = await fetchHubFile(source, [file], { ...options, maxBytes: MAX_CONFIG });
    return found && { commit: found.commit, config: readConfig(found.path, `${file} of ${repository}`) };
  };
  const timm = await load(CONFIG);
  let config = timm && timmConfig(timm.config);
  let files = [...HUB_FILES, ...OPEN_CLIP_FILES];
  let commit = timm?.commit;
  if (!config) {
    const openClip = await load(OPEN_CLIP_CONFIG);
    if (openClip === null) throw noConfig(repository, timm?.config);
    config = openClipConfig(openClip.config);
    // Beside them lie files of transformers, with its keys.
    files = [...OPEN_CLIP_FILES];
    commit = openClip.commit;
  }
  const license = config.license ?? (await licenseOfCard(source, options));
  // The commit of the configuration, so that the weights belong to it.
  return specOf(name, config, license, { repository, revision: commit!, files });
}

function folderSpec(name: string, folder: string): ModelSpec {
  if (!isFolder(folder)) {
    const hint = /^[\w-][\w.-]*\/[\w.-]+$/.test(folder)
      ? `for the repository of the hub write hf-hub:${folder}`
      : 'check the path';
    throw new WeightsError('not-found', `There is no folder ${describeValue(folder)} with a model; ${hint}.`);
  }
  const path = join(folder, CONFIG);
  const openPath = join(folder, OPEN_CLIP_CONFIG);
  const timm = isFile(path) ? readConfig(path, path) : undefined;
  let config = timm && timmConfig(timm);
  let files = [...HUB_FILES, ...OPEN_CLIP_FILES];
  if (!config) {
    if (!isFile(openPath)) throw noConfig(folder, timm);
    config = openClipConfig(readConfig(openPath, openPath));
    files = [...OPEN_CLIP_FILES];
  }
  const file = files.map((each) => resolve(folder, each)).find(isFile);
  if (file === undefined) {
    throw new WeightsError(
      'not-found',
      `${folder} has no weights; expected one of ${files.join(', ')} beside the configuration.`,
    );
  }
  const card = join(folder, 'README.md');
  return specOf(name, config, config.license ?? (isFile(card) ? readCard(card) : null), file);
}

function specOf(name: string, config: ModelConfig, license: License | null, weights: ModelSpec['weights']): ModelSpec {
  return { name, ...config, license, weights, parameters: null, gmacs: null, pretraining: null };
}

function noConfig(where: string, config: ConfigFields | null | undefined): WeightsError {
  const what = config
    ? `The config.json of ${where} has no field architecture, so it is not a model of timm`
    : `${where} has neither ${CONFIG} nor ${OPEN_CLIP_CONFIG}`;
  return new WeightsError(
    'invalid',
    `${what}; choose a model of timm or open_clip (the hub has most models in both forms).`,
  );
}

function readConfig(path: string, where: string): ConfigFields {
  return parseConfig(readText(path, where), where);
}

function readText(path: string, where: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG) {
      throw new WeightsError(
        'invalid',
        `${where} has ${size} bytes, but at most ${MAX_CONFIG} are expected; choose another model.`,
      );
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof WeightsError) throw error;
    throw new WeightsError('disk', `${where} cannot be read (${systemCode(error)}); check it.`, { cause: error });
  }
}

/** The licence that the README.md of a repository states; null if it cannot be read. */
async function licenseOfCard(
  source: HubRepository,
  { onNote: _, ...options }: ResolveOptions,
): Promise<License | null> {
  try {
    const card = await fetchHubFile(source, ['README.md'], { ...options, maxBytes: MAX_CONFIG });
    return card && readCard(card.path);
  } catch (error) {
    if (error instanceof WeightsError) return null;
    throw error;
  }
}

/** The licence in the metadata at the head of a model card: `license`, or `license_name` where that is `other`. */
function readCard(path: string): License | null {
  const [, metadata = ''] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readText(path, path)) ?? [];
  // Some cards have a list of one.
  const field = (name: string) =>
    new RegExp(`^${name}:[ \\t]*(?:\\[[ \\t]*|\\r?\\n[ \\t]*-[ \\t]+)?["']?([\\w.-]{1,100})`, 'm').exec(metadata)?.[1];
  const id = field('license');
  return licenseOf(id === 'other' ? (field('license_name') ?? id) : id);
}

function isFolder(path: string): boolean {
  return kindOf(path) === 'folder';
}

function isFile(path: string): boolean {
  return kindOf(path) === 'file';
}

/** Undefined if there is nothing, or nothing that may be looked at. */
function kindOf(path: string): 'folder' | 'file' | undefined {
  try {
    const stats = statSync(path);
    return stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : undefined;
  } catch {
    return undefined;
  }
}
