import { loadRuntime } from './node/runtime.js';

/** Versions of the libraries that prediction uses in Node. Rejects if one cannot be loaded. */
export async function libraryVersions(): Promise<{
  onnxruntime: string;
  /** The npm package that it is from. */
  onnxruntimePackage: string;
  sharp: string;
  libvips: string;
}> {
  const [{ name, runtime }, { default: sharp }] = await Promise.all([loadRuntime(), import('sharp')]);
  const { sharp: sharpVersion = 'unknown', vips = 'unknown' } = sharp.versions as Partial<Record<string, string>>;
  const { node, common } = runtime.env.versions;
  return { onnxruntime: node ?? common, onnxruntimePackage: name, sharp: sharpVersion, libvips: vips };
}
