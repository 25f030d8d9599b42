import type { Config } from './fields.js';

export interface Recipe {
  /** One sentence for users. */
  readonly why: string;
  readonly changes: Partial<Config>;
  /** Whether rates follow the family of the model: see `adaptTo`. */
  readonly adapts?: boolean;
}

/** Named sets of defaults: what each changes in the recipe `competition`, and why. */
export const recipes: Readonly<Record<string, Recipe>> = {
  competition: {
    why: 'The recipe of the datathon with one fix: classes are balanced once, by the sampler.',
    changes: {},
  },
  'competition-literal': {
    why: 'The recipe of the datathon unchanged: sampler and weighted loss together, which corrects twice. For comparison.',
    changes: { balance: ['sampler', 'weighted-loss'], allowDoubleBalance: true },
  },
  fast: {
    why: 'A good result soon on a CPU: a small backbone, progressive image size, rates for few epochs, balanced softmax, a new head at the end.',
    changes: {
      model: 'mobilenet_v2',
      imageSize: 224,
      startSize: 160,
      epochs: 6,
      // Both are better than the sampler and the head of the full phase: docs/recipe.md.
      balance: ['balanced-softmax'],
      newHeadEpochs: 2,
      backboneRate: 4e-4,
      headRate: 1e-3,
      cropScale: [0.35, 1],
      mixProbability: 0,
      // The learning rate falls to 0 at the last epoch, so stopping early never pays.
      patience: 0,
      keep: 'auto',
    },
    adapts: true,
  },
  frozen: {
    why: 'The best Macro F1 on a CPU in minutes: a head on the features of a large pretrained backbone, balanced softmax, noise-robust labels.',
    changes: {
      model: 'vit_small_patch14_dinov2.lvd142m',
      imageSize: 224,
      epochs: 0,
      // Better than the sampler with labels that were judged: docs/recipe.md.
      balance: ['balanced-softmax'],
      labelNoise: 'auto',
      cropScale: [0.35, 1],
      patience: 0,
      keep: 'auto',
    },
  },
  strong: {
    why: 'For long training on a GPU: higher learning rates, layer-wise decay, EMA, balanced softmax, TrivialAugment, noise-robust labels.',
    changes: {
      epochs: 30,
      balance: ['balanced-softmax'],
      backboneRate: 4e-4,
      headRate: 1e-3,
      layerDecay: 0.9,
      weightDecay: 0.05,
      clipNorm: 1,
      ema: 0.998,
      cropScale: [0.35, 1],
      policy: 'trivial-augment',
      brightness: 0,
      contrast: 0,
      saturation: 0,
      hue: 0,
      rotation: 0,
      mixProbability: 0.5,
      labelNoise: 'auto',
      keep: 'auto',
    },
    adapts: true,
  },
};
