// Weights are kept in the folder of all downloads.
export { cacheFolder, type Environment } from '@evenhand/torch/setup';
