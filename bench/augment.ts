// npm run bench -- augment: milliseconds of one core for a training sample of 224 x 224 pixels, from a decoded image of
// 384 x 384, beside torchvision's transforms of PIL images if there are any; each step of them gives the same pixels. SAMPLES changes how many are timed.
import { spawnSync } from 'node:child_process';
import { type Augmentation, augmentImage, type ImageOperation } from '@evenhand/torch/image';
import { Random } from 'evenhand/random';
import { findPython } from './contenders.js';

type Augment = typeof import('../packages/evenhand/dist/data/augment/index.js');

const SAMPLES = Number(process.env.SAMPLES ?? 300);
const SIDE = 384;
const SIZE = 224;
const PRESET = { interpolation: 'bilinear', mean: [0.485, 0.456, 0.406] } as const;
const BOX = { left: 24, top: 15, width: 310, height: 280 };
const STEPS: readonly (readonly [name: string, operation: ImageOperation, python: string])[] = [
  ['brightness', ['brightness', 1.13], 'F.adjust_brightness(crop, 1.13)'],
  ['contrast', ['contrast', 0.87], 'F.adjust_contrast(crop, 0.87)'],
  ['saturation', ['saturation', 1.17], 'F.adjust_saturation(crop, 1.17)'],
  ['hue', ['hue', 0.07], 'F.adjust_hue(crop, 0.07)'],
  ['sharpness', ['sharpness', 1.7], 'F.adjust_sharpness(crop, 1.7)'],
  ['equalize', ['equalize'], 'F.equalize(crop)'],
  ['rotation', ['affine', 0.98, 0.17, -17, -0.17, 0.98, 21], 'F.rotate(crop, 10)'],
];
const JITTER = { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.1 };
/** As in the recipes of these names, without MixUp and CutMix. */
const RECIPES = {
  competition: {
    options: { scale: [0.08, 1], horizontalFlip: 0.5, colorJitter: JITTER, rotation: 15 },
    python: 'competition(image)',
  },
  strong: {
    options: { scale: [0.35, 1], horizontalFlip: 0.5, policy: { kind: 'trivialAugment' } },
    python: 'strong(image)',
  },
} as const;

const { applyAugment, sampleAugment }: Augment = await import(
  new URL('../../packages/evenhand/dist/data/augment/index.js', import.meta.url).href
);
const random = new Random(1);
const image = { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3) };
for (let i = 0; i < image.data.length; i++) image.data[i] = ((i % 1152) / 6 + i / 6912 + random.int(40)) & 255;
const out = new Uint8Array(SIZE * SIZE * 3);

const plain: Augmentation = { box: BOX, size: SIZE, filter: 'bilinear' };
const crop = milliseconds(() => augmentImage(image, plain, out));
const ours = new Map([['crop', crop]]);
for (const [name, operation] of STEPS) {
  ours.set(name, milliseconds(() => augmentImage(image, { ...plain, operations: [operation] }, out)) - crop);
}
for (const [name, { options }] of Object.entries(RECIPES)) {
  const each = (i: number): void => {
    const params = sampleAugment(new Random(2, i), SIDE, SIDE, SIZE, options);
    applyAugment(image, params.crop, SIZE, params, PRESET, out);
  };
  ours.set(`recipe ${name}`, milliseconds(each));
}
const theirs = torchvision();
console.log('step                   evenhand ms   torchvision ms   ratio');
for (const [name, value] of ours) {
  const other = theirs?.[name];
  const compared =
    other === undefined ? '' : `${other.toFixed(3).padStart(17)}${(other / value).toFixed(1).padStart(8)}`;
  console.log(`${name.padEnd(22)}${value.toFixed(3).padStart(12)}${compared}`);
}

/** Mean processor time of a call, which other programs on the machine do not change much. */
function milliseconds(call: (i: number) => void): number {
  const warmUp = Math.ceil(SAMPLES / 10);
  for (let i = 0; i < warmUp; i++) call(i);
  const start = process.cpuUsage();
  for (let i = 0; i < SAMPLES; i++) call(i);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / SAMPLES;
}

function torchvision(): Record<string, number> | undefined {
  const python = findPython(['torch', 'torchvision', 'PIL', 'numpy']);
  if (python === null) return undefined;
  const steps = { crop: 'F.resized_crop(image, 15, 24, 280, 310, [224, 224], T.InterpolationMode.BILINEAR)' };
  const all = { ...steps, ...Object.fromEntries(STEPS.map(([name, , code]) => [name, code])) };
  for (const [name, recipe] of Object.entries(RECIPES)) Object.assign(all, { [`recipe ${name}`]: recipe.python });
  const program = `
import json, sys, time
import numpy as np, torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import functional as F
torch.set_num_threads(1)
image = Image.fromarray(np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(${SIDE}, ${SIDE}, 3))
crop = F.resize(image, [${SIZE}, ${SIZE}])
competition = T.Compose([T.RandomResizedCrop(${SIZE}), T.RandomHorizontalFlip(), T.ColorJitter(0.2, 0.2, 0.2, 0.1), T.RandomRotation(15)])
strong = T.Compose([T.RandomResizedCrop(${SIZE}, scale=(0.35, 1)), T.RandomHorizontalFlip(), T.TrivialAugmentWide()])
def milliseconds(call, n=${SAMPLES}):
    for _ in range(n // 10 + 1): call()
    start = time.process_time()
    for _ in range(n): call()
    return (time.process_time() - start) / n * 1e3
print(json.dumps({name: milliseconds(eval("lambda: " + code)) for name, code in ${JSON.stringify(all)}.items()}))
`;
  const { status, stdout, stderr } = spawnSync(python, ['-c', program], { input: image.data });
  if (status !== 0) throw new Error(`torchvision failed: ${stderr}`);
  return JSON.parse(stdout.toString()) as Record<string, number>;
}
