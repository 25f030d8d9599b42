/** Weights files: reads and writes safetensors, and reads PyTorch's `.pth` without running code. */
export { writeAtomically } from './atomic.js';
export { WeightsFileError } from './errors.js';
export { type FoundStateDict, findStateDict, type TakenFrom } from './find-state-dict.js';
export {
  type LoadStateDictOptions,
  loadStateDict,
  readTensors,
  type StateDictSource,
  saveTensors,
} from './load-state-dict.js';
export { type Contents, PickleGlobal } from './pickle-values.js';
export { type SafetensorsEntry, writeSafetensors } from './safetensors-write.js';
export { StorageRef, TensorRecord } from './tensor-record.js';
export { openWeights, type WeightsFile, type WeightsFormat } from './weights-file.js';
