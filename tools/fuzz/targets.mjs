// What is fuzzed: for each target how to make an input, and what reads it.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { readConfigFile } from '../../packages/evenhand/dist/cli/options/config-file.js';
import {
  applyCorrections,
  readCsv,
  readDataset,
  readLabelList,
  unlabelledCsv,
} from '../../packages/evenhand/dist/data/index.js';
import { resolveModel } from '../../packages/evenhand/dist/models/index.js';
import { createPredictionServer } from '../../packages/evenhand/dist/serve/index.js';
import { fields, resolveConfig } from '../../packages/evenhand/dist/train/index.js';
import { decode, load, probe, readMetadata } from '../../packages/predict/dist/index.js';
import { damage, randomWeightsFile, tryWeightsFile } from '../../packages/torch/dist/testing/damaged-weights.js';
import { pick, randomConfig, randomCsv, randomModelConfig } from './inputs.mjs';

const GOLDEN = join(dirname(fileURLToPath(import.meta.url)), '../../packages/predict/golden');

function damageSeveralTimes(bytes, random) {
  let damaged = bytes;
  for (let times = 1 + random(6); times > 0 && damaged.length > 0; times--) damaged = damage(damaged, random);
  return damaged;
}

/** Valid images of every format that is read, small so that many are tried. */
async function validImages() {
  const photo = () => sharp(join(GOLDEN, 'landscape.jpg')).resize(64, 48);
  const frames = await photo().resize(32, 64, { fit: 'fill' }).removeAlpha().raw().toBuffer();
  const animation = () => sharp(frames, { raw: { width: 32, height: 64, channels: 3, pageHeight: 16 } });
  const variants = {
    '.jpg': [photo().jpeg(), photo().jpeg({ progressive: true }), photo().greyscale().jpeg({ quality: 30 })],
    '.png': [
      photo().png(),
      photo().png({ palette: true }),
      photo().png({ progressive: true }),
      photo().toColourspace('rgb16').png(),
      photo().ensureAlpha(0.5).png(),
    ],
    '.webp': [photo().webp(), photo().webp({ lossless: true }), animation().webp()],
    '.gif': [photo().gif(), animation().gif()],
    '.tiff': [photo().tiff({ compression: 'lzw' }), photo().tiff({ tile: true, compression: 'deflate' })],
    '.avif': [photo().avif({ effort: 0 })],
  };
  const made = await Promise.all(
    Object.entries(variants).flatMap(([extension, images]) =>
      images.map(async (image) => ({ extension, bytes: await image.withMetadata({ orientation: 6 }).toBuffer() })),
    ),
  );
  return made;
}

const models = ['tiny.onnx', 'tiny-foreign.onnx'].map((name) => readFileSync(join(GOLDEN, name)));
const PRESET = { resize: 32, crop: 32, interpolation: 'bilinear', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/**
 * By name, a function that prepares a target with a folder for its files. `run` reads a file: it resolves, or throws an
 * error for users.
 */
export const targets = {
  async images() {
    const originals = await validImages();
    return {
      make(random) {
        const { bytes, extension } = pick(originals, random);
        return { bytes: random(50) === 0 ? bytes : damageSeveralTimes(bytes, random), extension };
      },
      async run(file) {
        await probe(file);
        const { width, height, data } = await decode(file);
        if (data.length !== width * height * 3) throw new TypeError(`${width} x ${height} has ${data.length} bytes`);
      },
    };
  },

  async csv(folder) {
    const images = join(folder, 'images');
    mkdirSync(images, { recursive: true });
    for (let i = 0; i < 20; i++) writeFileSync(join(images, `${i}.jpg`), '');
    const dataset = {
      classes: ['daisy', 'rose', 'tulip'],
      train: Array.from({ length: 20 }, (_, i) => ({ file: join(images, `${i}.jpg`), label: i % 3 })),
      val: [],
    };
    let reader = 0;
    return {
      make(random) {
        reader = random(5);
        const bytes = randomCsv(random);
        return {
          bytes: random(2) === 0 && bytes.length > 0 ? damageSeveralTimes(bytes, random) : bytes,
          extension: '.csv',
        };
      },
      async run(file) {
        if (reader === 0) await readCsv(file);
        else if (reader === 1) await readDataset(file, { images });
        else if (reader === 2) await readLabelList(file);
        else if (reader === 3) await applyCorrections(dataset, images, file);
        else for await (const _ of (await unlabelledCsv(file, { images })).rows());
      },
    };
  },

  async config() {
    return {
      // Values that contradict each other may come from several files and flags.
      namesFile: false,
      make(random) {
        const { text, extension } = randomConfig(fields, random);
        const bytes = Buffer.from(text);
        return { bytes: random(2) === 0 && bytes.length > 0 ? damageSeveralTimes(bytes, random) : bytes, extension };
      },
      run(file) {
        const { recipe: _, ...values } = readConfigFile(file);
        resolveConfig('fast', [{ source: file, values }]);
      },
    };
  },

  async weights() {
    return {
      // Pickles in zip and legacy files, and safetensors.
      make: (random) => ({ bytes: randomWeightsFile(1 + random(2 ** 31)), extension: '.pth' }),
      run: tryWeightsFile,
    };
  },

  async 'model-config'(folder) {
    const model = join(folder, 'model');
    mkdirSync(model, { recursive: true });
    for (const name of ['model.safetensors', 'open_clip_model.safetensors']) writeFileSync(join(model, name), '');
    let name = '';
    return {
      // It is read from a folder of its own.
      namesFile: false,
      make(random) {
        name = pick(['config.json', 'open_clip_config.json'], random);
        const bytes = Buffer.from(randomModelConfig(name, random));
        return { bytes: random(2) === 0 ? bytes : damageSeveralTimes(bytes, random), extension: '.json' };
      },
      async run(file) {
        for (const each of ['config.json', 'open_clip_config.json']) rmSync(join(model, each), { force: true });
        copyFileSync(file, join(model, name));
        await resolveModel(model);
      },
    };
  },

  async 'model-metadata'() {
    return {
      make: (random) => ({ bytes: damageSeveralTimes(pick(models, random), random), extension: '.onnx' }),
      run: (file, bytes) => void readMetadata(bytes, file),
    };
  },

  async models() {
    const image = join(GOLDEN, 'small.png');
    return {
      // A worker thread and a session of ONNX Runtime are made for each.
      seconds: 3,
      make(random) {
        const bytes = pick(models, random);
        return { bytes: random(20) === 0 ? bytes : damage(bytes, random), extension: '.onnx' };
      },
      async run(file, bytes) {
        const own = readMetadata(bytes, file) !== undefined;
        const model = await load(file, {
          device: 'cpu',
          threads: 1,
          ...(own ? {} : { labels: ['a', 'b', 'c'], preset: PRESET }),
        });
        try {
          await model.predict(image);
        } finally {
          await model.close();
        }
      },
    };
  },

  /** Bodies of POST /v1/predict: an image, a form, JSON. */
  async requests() {
    const model = await load(join(GOLDEN, 'tiny.onnx'), { device: 'cpu', threads: 1 });
    const { app } = await createPredictionServer({ model, modelSha256: '', parallel: 2 });
    const images = await validImages();
    const part = ({ bytes }) => [
      Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'),
      bytes,
      Buffer.from('\r\n'),
    ];
    const bodies = {
      '.image': (random) => pick(images, random).bytes,
      '.form': (random) =>
        Buffer.concat([...part(pick(images, random)), ...part(pick(images, random)), Buffer.from('--b--\r\n')]),
      '.json': (random) => Buffer.from(JSON.stringify({ images: [pick(images, random).bytes.toString('base64')] })),
    };
    const types = { '.image': 'image/png', '.form': 'multipart/form-data; boundary=b', '.json': 'application/json' };
    return {
      make(random) {
        const extension = pick(Object.keys(bodies), random);
        return { bytes: damageSeveralTimes(bodies[extension](random), random), extension };
      },
      async run(file, payload) {
        const headers = { 'content-type': types[extname(file)] };
        const { statusCode, body } = await app.inject({ method: 'POST', url: '/v1/predict', headers, payload });
        if (statusCode === 200) return 'read';
        const { status, detail } = JSON.parse(body);
        if (![400, 413, 415, 422].includes(statusCode) || status !== statusCode) throw new TypeError(`HTTP ${body}`);
        if (/[\p{Cc}]/u.test(detail) || detail.includes(GOLDEN)) throw new TypeError(`detail: ${detail}`);
        return 'refused';
      },
    };
  },
};
