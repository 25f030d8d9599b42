/** Versions of the libraries that prediction uses in Node. Rejects if one cannot be loaded. */
export async function libraryVersions(): Promise<{ onnxruntime: string; sharp: string; libvips: string }> {
  const [{ env }, { default: sharp }] = await Promise.all([import('onnxruntime-node'), import('sharp')]);
  const { sharp: sharpVersion = 'unknown', vips = 'unknown' } = sharp.versions as Partial<Record<string, string>>;
  return { onnxruntime: env.versions.node ?? env.versions.common, sharp: sharpVersion, libvips: vips };
}
