import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Packages with compiled code, which cannot be bundled into a script; of ONNX Runtime's two, one is installed. */
const NATIVE = ['onnxruntime-node', '@evenhand/onnxruntime', 'sharp'];

/** The prediction program of a submission and its worker, one script each. */
export interface ProgramFiles {
  readonly 'program.js': Uint8Array;
  readonly 'worker.js': Uint8Array;
}

/** Bundles them; in the published package that was done when the package was packed, to the folder `bundle`. */
export async function bundleProgram(): Promise<ProgramFiles> {
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const read = (name: string): Uint8Array => readFileSync(here(`./bundle/${name}`));
  if (existsSync(here('./bundle'))) return { 'program.js': read('program.js'), 'worker.js': read('worker.js') };
  const { build } = await import('esbuild');
  const worker = fileURLToPath(new URL('./node/worker.js', import.meta.resolve('@evenhand/predict')));
  const { outputFiles } = await build({
    entryPoints: [here('./program.js'), worker],
    entryNames: '[name]',
    outdir: 'submission',
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20.9',
    external: NATIVE,
    // CommonJS packages load Node's modules with `require`, which an ES module does not have.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'silent',
  });
  const file = (name: string): Uint8Array => outputFiles.find(({ path }) => basename(path) === name)!.contents;
  return { 'program.js': file('program.js'), 'worker.js': file('worker.js') };
}
