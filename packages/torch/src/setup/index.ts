// Sets up libtorch and the addon: `evenhand setup`, and the set-up of a clone. The only part of this package that prints.
export {
  ADDON,
  addonStore,
  findAddon,
  isClone,
  type LibtorchNote,
  packageVersion,
  readNote,
  setupCommand,
} from '../addon-file.js';
export { cacheFolder, type Environment } from '../cache-folder.js';
export { requireAddon } from '../native.js';
export { abiOf } from './addons.js';
export {
  aptCandidate,
  aptCommand,
  aptInstall,
  canApt,
  hasApt,
  type Installer,
  installAtTerminal,
  installQuietly,
} from './apt.js';
export { ARCHIVE_VERSION, downloadSize } from './archives.js';
export { build } from './build.js';
export { useBundle, writeBundle } from './bundle.js';
export { onPath, SetupError, say } from './command.js';
export { findLibtorch, hasNvidiaDriver, inspect, type Libtorch, type Variant } from './libtorch.js';
export { findPrebuilt, PREBUILT_PACKAGE, type Prebuilt, type PrebuiltList, readList } from './prebuilt.js';
export { describeNeed, findCompiler, type Installation, type SetUpOptions, setUp } from './set-up.js';
export { tryAddon } from './try-addon.js';
