// A training step of EfficientNet-B0 with @evenhand/torch, for `npm run bench -- step`.
import {
  getNumThreads,
  keepFreedMemory,
  manualSeed,
  nn,
  ops,
  optim,
  scope,
  setNumThreads,
  tensor,
} from '@evenhand/torch';
import { createModel } from 'evenhand';
import { serveTurns } from './contenders.js';

const [batch = 16, size = 224, steps = 3, threads = getNumThreads()] = process.argv.slice(2).map(Number);
setNumThreads(threads);
keepFreedMemory();
manualSeed(0);
const model = nn.moveTo(createModel('efficientnet_b0', { numClasses: 1000 }), { memoryFormat: 'channelsLast' });
const optimizer = new optim.AdamW([{ parameters: nn.parameters(model) }], { learningRate: 1e-3 });
const images = ops.to(ops.randn([batch, 3, size, size]), { memoryFormat: 'channelsLast' });
const labels = tensor(
  BigInt64Array.from({ length: batch }, (_, i) => BigInt(i)),
  [batch],
);

await serveTurns(() => {
  for (let i = 0; i < steps; i++) {
    scope(() => {
      optimizer.zeroGrad();
      nn.crossEntropy(model.forward(images), labels).backward();
      optimizer.step();
    });
  }
  return steps * batch;
});
