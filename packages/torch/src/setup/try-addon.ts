import { spawnSync } from 'node:child_process';
import { SetupError } from './command.js';
import type { Libtorch } from './libtorch.js';

/** Computes 1 * 3 + 2 * 4 with an addon, and prints the result and the devices. */
const PROGRAM = `
const addon = require(process.argv[1]);
addon.setErrorClass(class extends Error {});
addon.setTensorClass(class extends addon.NativeTensor {});
const matrix = (values, shape) => addon.fromArray(new Float32Array(values), 'float32', shape, 'float32', 'cpu');
const product = addon.call(addon.resolve('aten::matmul', ''), matrix([1, 2], [1, 2]), matrix([3, 4], [2, 1]));
console.log(JSON.stringify({ product: addon.item(product), devices: addon.devices() }));
`;

/**
 * Loads an addon in a child process and computes a matrix product: symbols that the linker does not find are resolved at load
 * time (-z now), so only loading shows missing ones, and a libtorch that does not fit can end the process.
 *
 * @returns the devices that libtorch can use
 * @throws SetupError if it cannot be loaded or computes something else
 */
export function tryAddon(addon: string, { version, path }: Pick<Libtorch, 'version' | 'path'>): string[] {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', PROGRAM, addon], { encoding: 'utf8' });
  const fail = (reason: string): never => {
    throw new SetupError(`The addon does not work with libtorch ${version} in ${path}: ${reason}`);
  };
  if (status !== 0) return fail(/^\w*Error: (.*)$/m.exec(stderr)?.[1] ?? (stderr.trim() || `it ended by ${signal}`));
  const { product, devices } = JSON.parse(stdout) as { product: number; devices: string[] };
  return product === 11 ? devices : fail(`it computes 1 * 3 + 2 * 4 = ${product}`);
}
