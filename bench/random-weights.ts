import { nn, noGrad, saveTensors, scope, tensor } from '@evenhand/torch';
import { createModel } from 'evenhand';

/**
 * Writes random weights of a model with 102 classes, with matching statistics of BatchNorm. Otherwise activations vanish,
 * and arithmetic on denormals is slow.
 */
export function writeRandomWeights(path: string, name: string, size: number): void {
  const model = createModel(name, { numClasses: 102, seed: 1 });
  for (const layer of nn.modules(model)) {
    if (layer instanceof nn.BatchNorm2d) Object.defineProperty(layer, 'momentum', { value: 1 });
  }
  const noise = Float32Array.from(
    { length: 4 * 3 * size * size },
    (_, i) => ((Math.sin(i * 12.9898) * 43_758.5453) % 1) * 3,
  );
  scope(() => noGrad(() => model.forward(tensor(noise, [4, 3, size, size]))));
  saveTensors(path, nn.stateDict(model));
  nn.disposeModule(model);
}
