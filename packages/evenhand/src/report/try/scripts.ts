import { bundleScript } from '../page/document.js';

/** ONNX Runtime Web stays a file of its own, because it is not part of this package. */
export const RUNTIME_FILE = './ort.mjs';

/**
 * The scripts of the page by where the model runs, and that which keeps the files of a folder for use offline: their files
 * in `browser/`.
 */
export const TRY_SCRIPTS = { server: 'main-server', browser: 'main-browser', worker: 'service-worker' } as const;

export function tryScript(name: keyof typeof TRY_SCRIPTS): Promise<string> {
  const entry = new URL(`./browser/${TRY_SCRIPTS[name]}.js`, import.meta.url);
  return bundleScript(entry, name === 'browser' ? { name: 'onnxruntime-web', file: RUNTIME_FILE } : undefined);
}
