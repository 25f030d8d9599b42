import { fileURLToPath } from 'node:url';
import type { Interpolation, Preset } from '@evenhand/predict';
import { manualSeed } from '@evenhand/torch';
import { describeValue } from '../printable.js';
import { suggest } from '../suggest.js';
import { HUB_MODELS } from './catalogue-hub.js';
import { familyOf } from './families.js';
import type { BuildOptions } from './family.js';
import { requireCount } from './head.js';
import type { ImageModel } from './model.js';
import type { ModelSpec } from './spec.js';
import { HALF, IMAGENET } from './statistics.js';
import type { WeightsSource } from './weights/file-hash.js';

/** An entry of the tables: a spec without what most have in common. */
type Entry = Pick<ModelSpec, 'architecture' | 'preset' | 'weights'> &
  Partial<ModelSpec> & { readonly parameters: number };

function preset(resize: number, crop: number, interpolation: Interpolation = 'bicubic'): Preset {
  return { resize, crop, interpolation, ...IMAGENET };
}

function torchvision(file: string, sha256: string): WeightsSource {
  return { url: `https://download.pytorch.org/models/${file}`, sha256 };
}

const BSD = { id: 'bsd-3-clause' };

// Presets, parameter counts and multiply-accumulates are those of torchvision's IMAGENET1K_V1 weights. EfficientNet files of torchvision before
// 0.17 have a wrong hash in their names (pytorch/vision #7744, #8036); these are the renamed files. The weights of
// efficientnet_mini are our own (tools/pretrain.mjs).
const OWN = {
  efficientnet_b0: {
    architecture: 'torchvision/efficientnet_b0',
    parameters: 5_288_548,
    gmacs: 0.39,
    preset: preset(256, 224),
    weights: torchvision(
      'efficientnet_b0_rwightman-7f5810bc.pth',
      '7f5810bc96def8f7552d5b7e68d53c4786f81167d28291b21c0d90e1fca14934',
    ),
  },
  efficientnet_b1: {
    architecture: 'torchvision/efficientnet_b1',
    parameters: 7_794_184,
    gmacs: 0.69,
    preset: preset(256, 240),
    weights: torchvision('efficientnet_b1_rwightman-bac287d4.pth', 'bac287d4'),
  },
  efficientnet_b2: {
    architecture: 'torchvision/efficientnet_b2',
    parameters: 9_109_994,
    gmacs: 1.09,
    preset: preset(288, 288),
    weights: torchvision(
      'efficientnet_b2_rwightman-c35c1473.pth',
      'c35c147384e385a5bab5a8eabdabbe5a3df0487ee4a554108626ae474a5bf755',
    ),
  },
  efficientnet_b3: {
    architecture: 'torchvision/efficientnet_b3',
    parameters: 12_233_232,
    gmacs: 1.83,
    preset: preset(320, 300),
    weights: torchvision(
      'efficientnet_b3_rwightman-b3899882.pth',
      'b3899882250c22946d0229d266049fcd133c169233530b36b9ffa7983988362f',
    ),
  },
  efficientnet_b4: {
    architecture: 'torchvision/efficientnet_b4',
    parameters: 19_341_616,
    gmacs: 4.39,
    preset: preset(384, 380),
    weights: torchvision(
      'efficientnet_b4_rwightman-23ab8bcd.pth',
      '23ab8bcd5bdbef61a7a43b91adcad81f622fd7f36fb4935a569828d77888c44e',
    ),
  },
  efficientnet_b5: {
    architecture: 'torchvision/efficientnet_b5',
    parameters: 30_389_784,
    gmacs: 10.27,
    preset: preset(456, 456),
    weights: torchvision(
      'efficientnet_b5_lukemelas-1a07897c.pth',
      '1a07897c0d357db7981640f6be44a63420f11deb932344a69768b62ebe272946',
    ),
  },
  efficientnet_b6: {
    architecture: 'torchvision/efficientnet_b6',
    parameters: 43_040_704,
    gmacs: 19.07,
    preset: preset(528, 528),
    weights: torchvision(
      'efficientnet_b6_lukemelas-24a108a5.pth',
      '24a108a596a00ad522bdfb9a2d98a9bd31819dfd7e37dd96bad6bb5bc00d6015',
    ),
  },
  efficientnet_b7: {
    architecture: 'torchvision/efficientnet_b7',
    parameters: 66_347_960,
    gmacs: 37.75,
    preset: preset(600, 600),
    weights: torchvision(
      'efficientnet_b7_lukemelas-c5b4e57e.pth',
      'c5b4e57e0da1a10bb4f8a5b410dd3b7b6e7461f9b757209be29409707c3d87dd',
    ),
  },
  efficientnet_v2_s: {
    architecture: 'torchvision/efficientnet_v2_s',
    parameters: 21_458_488,
    gmacs: 8.37,
    preset: preset(384, 384, 'bilinear'),
    weights: torchvision('efficientnet_v2_s-dd5fe13b.pth', 'dd5fe13b'),
  },
  efficientnet_v2_m: {
    architecture: 'torchvision/efficientnet_v2_m',
    parameters: 54_139_356,
    gmacs: 24.58,
    preset: preset(480, 480, 'bilinear'),
    weights: torchvision('efficientnet_v2_m-dc08266a.pth', 'dc08266a'),
  },
  efficientnet_v2_l: {
    architecture: 'torchvision/efficientnet_v2_l',
    parameters: 118_515_272,
    gmacs: 56.08,
    preset: { resize: 480, crop: 480, interpolation: 'bicubic', ...HALF },
    weights: torchvision('efficientnet_v2_l-59c71312.pth', '59c71312'),
  },
  efficientnet_mini: {
    architecture: 'torchvision/efficientnet_mini',
    parameters: 1_472_090,
    preset: preset(144, 128),
    license: { id: 'apache-2.0' },
    pretraining: 'drawn flowers',
    weights: fileURLToPath(new URL('../../weights/efficientnet_mini.safetensors', import.meta.url)),
  },
  efficientnet_lite0: {
    architecture: 'tf_efficientnet_lite0',
    parameters: 4_652_008,
    gmacs: 0.4,
    preset: { resize: 256, crop: 224, interpolation: 'bicubic', ...HALF },
    license: { id: 'apache-2.0' },
    weights: {
      url: 'https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights/tf_efficientnet_lite0-0aa007d2.pth',
      sha256: '0aa007d2',
    },
  },
  mobilenet_v2: {
    architecture: 'torchvision/mobilenet_v2',
    parameters: 3_504_872,
    gmacs: 0.3,
    preset: preset(256, 224, 'bilinear'),
    weights: torchvision('mobilenet_v2-b0353104.pth', 'b0353104'),
  },
  mobilenet_v3_large: {
    architecture: 'torchvision/mobilenet_v3_large',
    parameters: 5_483_032,
    gmacs: 0.22,
    preset: preset(256, 224, 'bilinear'),
    weights: torchvision('mobilenet_v3_large-8738ca79.pth', '8738ca79'),
  },
  mobilenet_v3_small: {
    architecture: 'torchvision/mobilenet_v3_small',
    parameters: 2_542_856,
    gmacs: 0.06,
    preset: preset(256, 224, 'bilinear'),
    weights: torchvision('mobilenet_v3_small-047dcff4.pth', '047dcff4'),
  },
} as const satisfies Record<string, Entry>;

/** The names of the recommended models. `resolveModel` knows more. */
export function modelNames(): string[] {
  return [...Object.keys(OWN), ...HUB_MODELS.keys()];
}

/**
 * The spec of a recommended model, by its name or by its architecture alone, which means the first model that has it;
 * undefined if there is none.
 */
export function findModel(name: string): ModelSpec | undefined {
  if (Object.hasOwn(OWN, name)) {
    const entry: Entry = OWN[name as keyof typeof OWN];
    const license = BSD;
    return { name, args: {}, pool: 'avg', license, gmacs: null, pretraining: 'ImageNet-1k', ...entry };
  }
  return HUB_MODELS.get(name) ?? [...HUB_MODELS.values()].find(({ architecture }) => architecture === name);
}

/** The spec of a recommended model; see `findModel`. Throws a `RangeError` that suggests a name if it is unknown. */
export function modelInfo(name: string): ModelSpec {
  const spec = findModel(name);
  if (spec !== undefined) return spec;
  const architectures = [...HUB_MODELS.values()].map(({ architecture }) => architecture);
  const likely = suggest(name, [...modelNames(), ...architectures]);
  const hint =
    likely === undefined
      ? 'evenhand models lists the recommended models, docs/models.md all architectures.'
      : `did you mean ${likely}?`;
  throw new RangeError(`Unknown model ${describeValue(name)}; ${hint}`);
}

export interface ModelOptions extends BuildOptions {
  /** Seeds libtorch's generator before the parameters are drawn. Default: the generator is left as it is. */
  readonly seed?: number;
}

/**
 * Creates a model with random parameters, drawn as in its reference implementation: images [N,3,H,W] to logits [N,K].
 *
 * @param model a spec, what of it the architecture depends on, or the name of a model of the catalogue
 * @throws RangeError if the name is unknown, with a suggestion, if `numClasses` is not a whole number of at least 1, or if
 * an option does not suit the architecture
 */
export function createModel(
  model: (Pick<ModelSpec, 'architecture'> & Partial<ModelSpec>) | string,
  { seed, ...options }: ModelOptions,
): ImageModel {
  const spec: Partial<ModelSpec> & Pick<ModelSpec, 'architecture'> =
    typeof model === 'string' ? modelInfo(model) : model;
  requireCount('numClasses', options.numClasses);
  const family = familyOf(spec.architecture);
  if (seed !== undefined) manualSeed(seed);
  const pool = options.pool ?? spec.pool;
  const imageSize = options.imageSize ?? spec.preset?.crop;
  return family.build(spec.architecture, {
    ...options,
    ...(imageSize ? { imageSize } : {}),
    ...(pool ? { pool } : {}),
    args: { ...spec.args, ...options.args },
  });
}
