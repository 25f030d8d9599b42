/// <reference lib="dom" preserve="true" />
// The script of the page that `evenhand export --web` writes: the model runs in the page.
import {
  type BrowserModel,
  decode,
  load,
  Occlusion,
  type Pixels,
  resample,
  scaledSize,
} from '@evenhand/predict/browser';
import type { TryPayload } from '../facts.js';
import type { Engine } from './engine.js';
import { startPage } from './page.js';

const FILES = { wasmPaths: new URL('./', document.baseURI).href };

/** On WebGPU where it works, else on WebAssembly. The file is fetched once. */
async function loadModel(): Promise<BrowserModel> {
  const response = await fetch('model.onnx').catch(() => undefined);
  if (!response?.ok) throw new Error('The model cannot be fetched; check the connection and reload the page.');
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (await hasWebGpu()) {
    try {
      const model = await load(bytes, { device: 'webgpu', ...FILES });
      await model.predict(new ImageData(8, 8));
      return model;
    } catch (error) {
      console.info(`WebGPU is not used: ${(error as Error).message}`);
    }
  }
  return load(bytes, { device: 'cpu', ...FILES });
}

/** Some browsers have WebGPU, but no graphics card for it. */
async function hasWebGpu(): Promise<boolean> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<unknown> } };
  return Boolean(await gpu?.requestAdapter().catch(() => null));
}

let loading: Promise<BrowserModel> | undefined;

/** The model is loaded once; after a failure, again when it is needed again. */
function model(): Promise<BrowserModel> {
  loading ??= loadModel();
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}

const engine: Engine = {
  async predict(image) {
    return (await model()).predict(image, { topK: 5 });
  },
  async explain(image, onProgress) {
    const loaded = await model();
    const { preset } = loaded.metadata;
    const pixels = await decode(image);
    const { width, height } = scaledSize(pixels, preset);
    const scaled = { width, height, data: resample(pixels, width, height, preset.interpolation) };
    const { label, probability } = await loaded.predict(imageData(scaled));
    const k = loaded.classes.indexOf(label);
    const occlusion = new Occlusion(scaled, preset);
    const covered: number[] = [];
    while (covered.length < occlusion.count) {
      const { probabilities } = await loaded.predict(imageData(occlusion.covered(covered.length)));
      covered.push(probabilities[k]!);
      onProgress(covered.length / occlusion.count);
      // WebAssembly computes in the page's own thread, which has to draw.
      await new Promise((resolve) => setTimeout(resolve));
    }
    return occlusion.explain(label, probability, covered);
  },
};

function imageData({ width, height, data }: Pixels): ImageData {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; to += 4) {
    rgba[to] = data[from++]!;
    rgba[to + 1] = data[from++]!;
    rgba[to + 2] = data[from++]!;
  }
  return new ImageData(rgba, width, height);
}

const payload: TryPayload = JSON.parse(document.getElementById('data')!.textContent!);
startPage(payload, engine);
// The first answer then comes sooner; a failure shows when there is an image.
model().catch(() => {});
keepForOffline().catch((error: Error) => {
  console.info(`The page does not work offline: ${error.message}`);
});

async function keepForOffline(): Promise<void> {
  // Only over HTTPS and on this machine.
  if (!('serviceWorker' in navigator)) return;
  const { serviceWorker } = navigator;
  await serviceWorker.register('worker.js');
  if (serviceWorker.controller === null) {
    await new Promise((resolve) => serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
  }
  await model();
  // What was fetched before the worker saw it comes from the browser's own cache.
  for (const { name } of performance.getEntriesByType('resource')) await fetch(name);
  document.documentElement.dataset.offline = 'ready';
}
