// A training step of a classifier with @evenhand/torch, for `npm run bench -- step`.
import {
  autocast,
  keepFreedMemory,
  manualSeed,
  nn,
  ops,
  optim,
  peakGpuMemory,
  scope,
  setNumThreads,
  setTf32,
  setThreadWaiting,
  tensor,
} from '@evenhand/torch';
import { createModel } from 'evenhand';
import { serveTurns } from './contenders.js';
import type { StepSettings } from './step-contenders.js';

const { model, device, precision, batch, size, steps, threads } = JSON.parse(process.argv[2]!) as StepSettings;
setNumThreads(threads);
keepFreedMemory();
setThreadWaiting('adaptive');
if (device !== 'cpu') setTf32(true);
manualSeed(0);
const network = nn.moveTo(createModel(model, { numClasses: 1000 }), { device, memoryFormat: 'channelsLast' });
const optimizer = new optim.AdamW([{ parameters: nn.parameters(network) }], { learningRate: 1e-3 });
const images = ops.to(ops.randn([batch, 3, size, size]), { device, memoryFormat: 'channelsLast' });
const labels = tensor(
  BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % 1000)),
  [batch],
  { device },
);
const lossOf = () => nn.crossEntropy(network.forward(images), labels);

function turn(): number {
  for (let i = 0; i < steps; i++) {
    scope(() => {
      optimizer.zeroGrad();
      const loss = precision === 'float32' ? lossOf() : autocast({ device, dtype: 'bfloat16' }, lossOf);
      loss.backward();
      optimizer.step();
      // Waits for the device: a turn ends when its steps are computed, not when they are queued.
      if (i === steps - 1) loss.item();
    });
  }
  return steps * batch;
}

await serveTurns(turn, () => peakGpuMemory(device));
