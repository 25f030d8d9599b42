import { totalmem } from 'node:os';
import { keep, ops, scope, type Tensor, tensor } from '@evenhand/torch';
import type { Loader, Sample } from '../../data/index.js';
import type { TrainingContext } from './context.js';
import { computeFeatures } from './features.js';
import { evaluationLoader, trainingLoader } from './loaders.js';
import type { TrainingState } from './state.js';

/**
 * How images are seen: `plain` as predictions see them, `mirrored` averaged with their mirror images, a number augmented as
 * in that epoch.
 */
export type View = 'plain' | 'mirrored' | number;

/** Features float32 [N,F] on the device, to be disposed of by who asked for them. */
export interface Features {
  readonly values: Tensor;
  /** The speed at which they were computed. */
  readonly imagesPerSecond: number;
}

/** Features of the images of a training by its backbone. */
export interface ImageFeatures {
  /** @returns null if interrupted */
  of(part: 'train' | 'val', view: View): Promise<Features | null>;
  close(): Promise<void>;
}

/** Features by the backbone as it is before fine-tuning: of the pool if there is one, else computed each time. */
export function frozenFeatures(context: TrainingContext, state: TrainingState): ImageFeatures {
  const { data, pool } = context;
  const passes = passesOf(context, state);
  return {
    of: (part, view) => (pool?.has(data[part]) ? pool.select(context, state, data[part], view) : passes.of(part, view)),
    close: passes.close,
  };
}

/** Features by the backbone as it is now. */
export function passesOf(context: TrainingContext, state: TrainingState): ImageFeatures {
  const passes = {
    train: new Passes(context, state, context.data.train),
    val: new Passes(context, state, context.data.val),
  };
  return {
    of: (part, view) => passes[part].features(view),
    close: async () => {
      await passes.train.close();
      await passes.val.close();
    },
  };
}

/** Passes of the backbone over images, whose loaders stay open in between. */
class Passes {
  #plain: Loader | null = null;
  #augmented: Loader | null = null;
  /** Features of the images as they are, from a pass over both sides of each; until someone takes them. */
  #byProduct: Features | null = null;

  constructor(
    private readonly context: TrainingContext,
    private readonly state: TrainingState,
    private readonly samples: readonly Sample[],
  ) {}

  async features(view: View): Promise<Features | null> {
    const { context, state } = this;
    const { config, preset, device, cache, group } = context;
    const { length } = this.samples;
    if (length === 0) {
      const values = keep(ops.empty([0, context.model.featureCount], { device }));
      return { values, imagesPerSecond: Number.NaN };
    }
    const taken = view === 'plain' ? this.takePlain() : null;
    if (taken) return taken;
    const start = performance.now();
    const isAugmented = typeof view === 'number';
    if (isAugmented) this.#augmented ??= trainingLoader(context, preset.crop, this.samples);
    else this.#plain ??= evaluationLoader(config, preset, this.samples, device, cache, group);
    const mirrored = view === 'mirrored';
    // Only the head phase asks for them; in the full phase they would take memory from the training.
    const plain =
      mirrored && state.position.phase === 'head'
        ? keep(ops.empty([length, context.model.featureCount], { device }))
        : undefined;
    let values: Tensor | null = null;
    try {
      values = await computeFeatures(context, state, (isAugmented ? this.#augmented : this.#plain)!, length, {
        mirrored,
        plain,
        ...(isAugmented ? { pass: { epoch: view } } : {}),
      });
    } finally {
      if (!values) plain?.dispose();
    }
    if (!values) return null;
    const imagesPerSecond = (length * 1000) / (performance.now() - start);
    if (plain) {
      this.takePlain()?.values.dispose();
      this.#byProduct = { values: plain, imagesPerSecond };
    }
    return { values, imagesPerSecond };
  }

  /** The features of the images as they are, if a pass over both sides has left them. The caller disposes of them. */
  takePlain(): Features | null {
    const plain = this.#byProduct;
    this.#byProduct = null;
    return plain;
  }

  async close(): Promise<void> {
    this.takePlain()?.values.dispose();
    await this.#plain?.close();
    await this.#augmented?.close();
  }
}

/** The share of the memory that the features of a pool may have; views beyond it are computed each time. */
const MEMORY_SHARE = 1 / 4;

/**
 * Features of all images of a cross-validation, which its folds share: each view is computed once, of all images in the order
 * of the data. So neither the folds nor when a training was interrupted change a bit of it, and the augmentation of an image
 * is the same in every fold.
 */
export class FeaturePool {
  readonly #rowOf: ReadonlyMap<Sample, number>;
  readonly #views = new Map<View, Features>();
  #bytes = 0;

  /** @param samples all images that are trained on or held out in one of the folds */
  constructor(
    private readonly samples: readonly Sample[],
    private readonly mostBytes = totalmem() * MEMORY_SHARE,
  ) {
    this.#rowOf = new Map(samples.map((sample, row) => [sample, row]));
  }

  has(samples: readonly Sample[]): boolean {
    return samples.every((sample) => this.#rowOf.has(sample));
  }

  /** Features of some of the images; null if interrupted. The backbone must be the pretrained one. */
  async select(
    context: TrainingContext,
    state: TrainingState,
    samples: readonly Sample[],
    view: View,
  ): Promise<Features | null> {
    const kept = this.#views.get(view);
    const all = kept ?? (await this.#compute(context, state, view));
    if (!all) return null;
    const rows = Int32Array.from(samples, (sample) => this.#rowOf.get(sample)!);
    try {
      const values = scope(() => {
        const indices = tensor(rows, [rows.length], { dtype: 'int64', device: all.values.device });
        return ops.to(ops.indexSelect(all.values, 0, indices), { device: context.device });
      });
      return { ...all, values: keep(values) };
    } finally {
      if (!this.#views.has(view)) all.values.dispose();
    }
  }

  async #compute(context: TrainingContext, state: TrainingState, view: View): Promise<Features | null> {
    const passes = new Passes(context, state, this.samples);
    try {
      const computed = await passes.features(view);
      if (!computed) return null;
      const kept = this.#keep(view, computed);
      const plain = this.#views.has('plain') ? null : passes.takePlain();
      if (plain) {
        const { values } = this.#keep('plain', plain);
        if (!this.#views.has('plain')) values.dispose();
      }
      return kept;
    } finally {
      await passes.close();
    }
  }

  /** Keeps features if there is room, in the memory of the machine: that of a GPU is for training. */
  #keep(view: View, computed: Features): Features {
    const values = scope(() => keep(ops.to(computed.values, { device: 'cpu' })));
    if (values !== computed.values) computed.values.dispose();
    const all = { ...computed, values };
    const [n, f] = values.shape as [number, number];
    if (this.#bytes + n * f * 4 > this.mostBytes) return all;
    this.#bytes += n * f * 4;
    this.#views.set(view, all);
    return all;
  }

  dispose(): void {
    for (const { values } of this.#views.values()) values.dispose();
    this.#views.clear();
    this.#bytes = 0;
  }
}
