import type * as Runtime from 'onnxruntime-common';

/** Microsoft's package: every platform, and on Linux a download of CUDA libraries. Used if it is installed. */
const MICROSOFT = 'onnxruntime-node';

/** The same runtime for this platform only, without CUDA: a dependency of the published package. */
const SLIM = '@evenhand/onnxruntime';

/** The name of the package whose ONNX Runtime is used, and the runtime. */
export async function loadRuntime(): Promise<{ name: string; runtime: typeof Runtime }> {
  for (const name of [MICROSOFT, SLIM]) {
    try {
      return { name, runtime: await import(name) };
    } catch (error) {
      if (!isMissing(error, name)) throw error;
    }
  }
  throw new Error(
    `ONNX Runtime is not installed for ${process.platform} ${process.arch}: install it with \`npm install ${MICROSOFT}\``,
  );
}

/** Whether an import failed because this package is missing, or its part for this platform, and not within it. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_MODULE_NOT_FOUND') return message.includes(`'${name}'`);
  return code === 'MODULE_NOT_FOUND' && message.includes(`'${name}-${process.platform}-${process.arch}`);
}
