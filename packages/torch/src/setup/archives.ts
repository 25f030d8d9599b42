import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupError, say } from './command.js';
import { download } from './download.js';
import { downloads, inspect, type Libtorch, type Variant } from './libtorch.js';
import { unzip } from './unzip.js';

/** The libtorch of the official archives. */
export const ARCHIVE_VERSION = '2.5.1';

interface Archive {
  readonly url: string;
  readonly sha256: string;
  /** Of the download, in MB. */
  readonly size: string;
}

/**
 * The official archives by platform and variant. PyTorch publishes no checksums for them; these are the ones that other
 * projects pin: COLMAP (cmake/FindLibTorch.cmake, commit 4dc7855, all) and WasmEdge (utils/wasi-nn/install-pytorch.sh,
 * Linux on the CPU).
 */
const ARCHIVES: Readonly<Record<string, Archive>> = {
  'linux-x64-cpu': {
    url: 'https://download.pytorch.org/libtorch/cpu/libtorch-cxx11-abi-shared-with-deps-2.5.1%2Bcpu.zip',
    sha256: '618ca54eef82a1dca46ff1993d5807d9c0deb0bae147da4974166a147cb562fa',
    size: 'about 190 MB',
  },
  'linux-x64-cuda': {
    url: 'https://download.pytorch.org/libtorch/cu124/libtorch-shared-with-deps-2.5.1%2Bcu124.zip',
    sha256: '470ab7f7f56e96d28d1dc9ae34ceb2e0d8723cc2899c5d0192f4cb12b8f7843b',
    size: 'about 2.7 GB',
  },
  'darwin-arm64-cpu': {
    url: 'https://download.pytorch.org/libtorch/cpu/libtorch-macos-arm64-2.5.1.zip',
    sha256: '0822824c1df267159a649ad4701518217c60b8f75de056a26ab43958d8ab1622',
    size: 'about 70 MB',
  },
};

const folderOf = (variant: Variant): string => join(downloads(), `${ARCHIVE_VERSION}-${variant}`);

const archiveOf = (variant: Variant): Archive | undefined => ARCHIVES[`${process.platform}-${process.arch}-${variant}`];

/** The size of the download for this machine in words; undefined if there is none. */
export const downloadSize = (variant: Variant): string | undefined => archiveOf(variant)?.size;

/**
 * Downloads an official archive of libtorch and unpacks it into the user's cache. `EVENHAND_LIBTORCH_URL` names a mirror.
 *
 * @throws SetupError if there is none for this platform, it cannot be downloaded, or it is not the file that was expected
 */
export async function fetchLibtorch(variant: Variant): Promise<Libtorch> {
  const archive = archiveOf(variant);
  if (archive === undefined) {
    const platform = `${process.platform} ${process.arch}${variant === 'cuda' ? ' with CUDA' : ''}`;
    throw new SetupError(`PyTorch has no archive of libtorch for ${platform}.`);
  }
  // A mirror must have the same file: its checksum is compared.
  const url = process.env.EVENHAND_LIBTORCH_URL || archive.url;
  const folder = folderOf(variant);
  const file = `${folder}.zip`;
  const unpacked = `${folder}.unpacking`;
  say(`downloading libtorch ${ARCHIVE_VERSION} (${archive.size}) from ${url}`);
  await download({ url, file, sha256: archive.sha256 });
  say('unpacking libtorch');
  await rm(unpacked, { recursive: true, force: true });
  await unzip(file, unpacked);
  await rename(join(unpacked, 'libtorch'), folder);
  await rm(unpacked, { recursive: true });
  await rm(file);
  return inspect(folder, 'download');
}
