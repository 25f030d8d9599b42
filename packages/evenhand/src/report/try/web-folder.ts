import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { TryFacts } from './facts.js';
import { tryPage } from './page.js';
import { RUNTIME_FILE, tryScript } from './scripts.js';
import { tryIcon, tryStyle } from './style.js';

/** onnxruntime-web is not installed; `message` is one sentence with the remedy. */
export class MissingRuntime extends Error {
  override readonly name = 'MissingRuntime';
}

/** Files by their names. */
export type WebFiles = ReadonlyMap<string, Uint8Array>;

/**
 * The builds of onnxruntime-web with their files: one drives WebGPU, the other is smaller and on a CPU twice as fast. A
 * browser fetches one of them.
 */
const RUNTIMES = {
  'onnxruntime-web/webgpu': 'ort-wasm-simd-threaded.asyncify',
  'onnxruntime-web/wasm': 'ort-wasm-simd-threaded',
} as const;

/** The module that `try.js` imports as onnxruntime-web. */
const RUNTIME = `const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
const { env, InferenceSession, Tensor } = await import(adapter ? './ort-webgpu.mjs' : './ort-wasm.mjs');
export { env, InferenceSession, Tensor };
`;

const ICONS = [192, 512];

/**
 * The files of a folder whose page computes in the browser. It needs no server but one of static files, works offline once
 * it was open, and can be installed.
 *
 * @param model bytes of the ONNX file
 * @throws MissingRuntime if onnxruntime-web is not installed
 */
export async function webFolder(facts: Omit<TryFacts, 'computes' | 'similar'>, model: Uint8Array): Promise<WebFiles> {
  const page = tryPage({ ...facts, computes: 'browser', similar: false });
  const files = new Map<string, Uint8Array>([
    ['index.html', Buffer.from(page)],
    ['try.js', Buffer.from(await tryScript('browser'))],
    ['try.css', Buffer.from(tryStyle)],
    ['icon.svg', Buffer.from(tryIcon)],
    ['manifest.webmanifest', Buffer.from(manifestOf(facts.name))],
    ['model.onnx', model],
  ]);
  for (const size of ICONS) {
    files.set(`icon-${size}.png`, await sharp(Buffer.from(tryIcon), { density: 576 }).resize(size).png().toBuffer());
  }
  const runtime = runtimeFiles();
  const hash = createHash('sha256');
  for (const [name, bytes] of [...files, ...runtime]) hash.update(`${name} ${bytes.length}\n`).update(bytes);
  // The page itself has the address of the folder.
  const names = ['./', ...files.keys()].filter((name) => name !== 'index.html');
  const constants = `const VERSION=${JSON.stringify(hash.digest('hex').slice(0, 16))},FILES=${JSON.stringify(names)};`;
  files.set('worker.js', Buffer.from(`${constants}\n${await tryScript('worker')}`));
  return new Map([...files, ...runtime]);
}

function runtimeFiles(): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([[RUNTIME_FILE.replace('./', ''), Buffer.from(RUNTIME)]]);
  for (const [module, wasm] of Object.entries(RUNTIMES)) {
    const script = locate(module);
    files.set(`ort-${module.split('/')[1]}.mjs`, readFileSync(script));
    for (const name of [`${wasm}.mjs`, `${wasm}.wasm`]) files.set(name, readFileSync(new URL(name, script)));
  }
  return files;
}

function locate(module: string): URL {
  let address: string | undefined;
  try {
    address = import.meta.resolve(module);
  } catch {
    // It is an optional package.
  }
  if (address !== undefined && existsSync(fileURLToPath(address))) return new URL(address);
  throw new MissingRuntime(
    'onnxruntime-web, which computes in the browser, is not installed: npm install onnxruntime-web',
  );
}

function manifestOf(name: string): string {
  return JSON.stringify({
    name: `${name}: try it`,
    short_name: name,
    start_url: './',
    scope: './',
    display: 'standalone',
    background_color: '#f7f7f4',
    theme_color: '#00664f',
    icons: [
      { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' },
      ...ICONS.map((size) => ({ src: `icon-${size}.png`, sizes: `${size}x${size}`, type: 'image/png' })),
    ],
  });
}
