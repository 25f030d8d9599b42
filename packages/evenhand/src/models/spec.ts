import type { Preset } from '@evenhand/predict';
import type { Pool } from './family.js';
import type { WeightsSource } from './weights/file-hash.js';

/** A repository on the Hugging Face hub. */
export interface HubRepository {
  /** `organisation/name` */
  readonly repository: string;
  /** A branch, tag or commit. */
  readonly revision: string;
  /** Names of the weights file, in the order in which they are tried. Default: `model.safetensors`, `pytorch_model.bin`. */
  readonly files?: readonly string[];
}

/** The licence of pretrained weights. */
export interface License {
  /** As on the hub: `apache-2.0`, `cc-by-nc-4.0`, `dinov3-license`. */
  readonly id: string;
  /** What it forbids or demands beyond attribution, for people: `non-commercial use only`; undefined if nothing. */
  readonly restriction?: string;
}

/** Everything about a model that building and running it needs, so that a run needs no network after its first minute. */
export interface ModelSpec {
  /** As the user names it: `mobilenet_v2`, `convnext_tiny.in12k`, `hf-hub:org/name`. */
  readonly name: string;
  /** Name of an architecture of a family. */
  readonly architecture: string;
  /** Changes of the architecture's arguments: `model_args` of a `config.json`. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Default pool of the model's features; null: the architecture's own. */
  readonly pool: Pool | null;
  /** The preprocessing that the pretrained weights expect. */
  readonly preset: Preset;
  /** Where the weights are: a repository, a file on the web, or the path of a file. */
  readonly weights: HubRepository | WeightsSource | string;
  /** Names of the classifiers in the file, which are not loaded, besides the model's own `classifierKey`. */
  readonly classifiers?: readonly string[];
  /** Null if nobody says. */
  readonly license: License | null;
  /** Number of parameters with the original classifier; null if unknown. */
  readonly parameters: number | null;
  /** Multiply-accumulates of one image at the default size, in 10^9; null if unknown. */
  readonly gmacs: number | null;
  /** The data that the weights were trained on, for people: `ImageNet-12k`. */
  readonly pretraining: string | null;
}
