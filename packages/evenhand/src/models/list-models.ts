import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findModel, modelNames } from './catalogue.js';
import { familyOf } from './families.js';
import { FROZEN_SCORES } from './frozen-scores.js';
import type { License, ModelSpec } from './spec.js';
import { cacheFolder, type Environment } from './weights/cache-folder.js';
import { isCachedFromHub } from './weights/hub.js';
import { HUB_FILES } from './weights/load-pretrained.js';

/** A recommended model, for a list. */
export interface ListedModel {
  readonly name: string;
  /** The family of its architecture, for people: `ConvNeXt`. */
  readonly family: string;
  /** With the original classifier. */
  readonly parameters: number | null;
  /** Multiply-accumulates of one image at the default size, in 10^9. */
  readonly gmacs: number | null;
  /** Default side of the images in pixels. */
  readonly imageSize: number;
  /** The data that the weights were trained on. */
  readonly pretraining: string | null;
  readonly license: License | null;
  /** Mean Macro F1 in percent of linear classifiers on its frozen features; null if nobody measured it. See `FROZEN_SCORES`. */
  readonly frozenScore: number | null;
  /** Whether the weights are on this machine. */
  readonly cached: boolean;
}

export interface Recommendation {
  readonly situation: 'two cores, frozen' | 'two cores, fine-tuned' | 'one GPU';
  readonly name: string;
  /** Side of the images in pixels. */
  readonly imageSize: number;
  readonly why: string;
}

/** The recommended models, without a request. @param env default: the environment of the process */
export function listModels(env: Environment = process.env): ListedModel[] {
  return modelNames().map((name) => {
    const { architecture, preset, parameters, gmacs, pretraining, license, weights } = findModel(name)!;
    const family = familyOf(architecture).name;
    return {
      name,
      family,
      parameters,
      gmacs,
      imageSize: preset.crop,
      pretraining,
      license,
      frozenScore: FROZEN_SCORES.get(name)?.score ?? null,
      cached: isCached(weights, env),
    };
  });
}

/** Whether weights are on this machine. Damaged ones are noticed when they are loaded. */
export function isCached(weights: ModelSpec['weights'], env: Environment = process.env): boolean {
  if (typeof weights === 'string') return existsSync(weights);
  if ('repository' in weights) return isCachedFromHub(weights, weights.files ?? HUB_FILES, env);
  return existsSync(join(cacheFolder(env), new URL(weights.url).pathname.split('/').at(-1)!));
}

/** Points of `FROZEN_SCORES` that are worth another model. */
const CLEARLY_BETTER = 5;

/**
 * The model with the best frozen features among those whose weights are on this machine; undefined if none is clearly
 * better than the model `name`. No request is sent.
 */
export function betterCached(
  name: string,
  env: Environment = process.env,
): { readonly name: string; readonly imageSize: number } | undefined {
  const { score: own = 0 } = FROZEN_SCORES.get(name) ?? {};
  for (const [other, { score, imageSize }] of FROZEN_SCORES) {
    if (score >= own + CLEARLY_BETTER && isCached(findModel(other)!.weights, env)) return { name: other, imageSize };
  }
  return undefined;
}

/**
 * What to choose if nothing speaks for another. Scores are mean Macro F1 of linear probes on the ten tasks of BioBench
 * (see `FROZEN_SCORES`, also for registers); fine-tuned models under 30 M parameters were compared in arXiv 2406.05612.
 */
export function recommend(): readonly Recommendation[] {
  return [
    {
      situation: 'two cores, frozen',
      name: 'vit_small_patch14_dinov2.lvd142m',
      imageSize: 224,
      why: 'the best features of its size: Macro F1 34 on BioBench, against 28 of ConvNeXt-T and 16 of MobileNetV2 and EfficientNet-B3',
    },
    {
      situation: 'two cores, fine-tuned',
      name: 'convnext_nano.in12k',
      imageSize: 224,
      why: 'ConvNeXts are best among fine-tuned models under 30 M parameters, and this one needs half the time of ConvNeXt-T',
    },
    {
      situation: 'one GPU',
      name: 'vit_base_patch14_dinov2.lvd142m',
      imageSize: 224,
      why: 'Macro F1 37 on BioBench; vit_large_patch14_dinov2.lvd142m reaches 39 in three times the time, and for species hf-hub:imageomics/bioclip-2 42',
    },
  ];
}
