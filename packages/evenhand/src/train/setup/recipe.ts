import { devices } from '@evenhand/torch';

/** The recipe `auto` for a device as in a configuration: `fast` on CPUs, `strong` on a GPU. */
export function chooseRecipe(device: string): { recipe: string; reason: string } {
  const gpu = device === 'auto' ? devices()[1] : device === 'cpu' ? undefined : device;
  return gpu === undefined
    ? { recipe: 'fast', reason: 'training on the CPU' }
    : { recipe: 'strong', reason: `training on ${gpu}` };
}
