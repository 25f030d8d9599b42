// Features or training steps of a model with @evenhand/torch, for `npm run bench -- models`.
import {
  autocast,
  keepFreedMemory,
  manualSeed,
  nn,
  noGrad,
  ops,
  optim,
  scope,
  setNumThreads,
  setTf32,
  setThreadWaiting,
  tensor,
} from '@evenhand/torch';
import { createModel } from 'evenhand';
import { serveTurns } from './contenders.js';
import type { Settings } from './models.js';

const { architecture, task, device, precision, batch, size, steps, threads } = JSON.parse(process.argv[2]!) as Settings;
setNumThreads(threads);
keepFreedMemory();
setThreadWaiting('adaptive');
if (device !== 'cpu') setTf32(true);
manualSeed(0);
const model = nn.moveTo(createModel({ architecture }, { numClasses: 1000, imageSize: size }), {
  device,
  memoryFormat: 'channelsLast',
});
nn.setTraining(model, task === 'step');
const optimizer = new optim.AdamW([{ parameters: nn.parameters(model) }], { learningRate: 1e-3 });
const images = ops.to(ops.randn([batch, 3, size, size], { device }), { memoryFormat: 'channelsLast' });
const labels = tensor(
  BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % 1000)),
  [batch],
  { device },
);

const mixed = <T>(work: () => T): T => (precision === 'bfloat16' ? autocast({ device }, work) : work());

/** One batch; reading a number at the end of a turn waits for the device. */
function run(read: boolean): void {
  scope(() => {
    if (task === 'features') {
      const features = noGrad(() => mixed(() => model.forwardFeatures(images)));
      if (read) ops.sum(features).item();
      return;
    }
    optimizer.zeroGrad();
    const loss = mixed(() => nn.crossEntropy(model.forward(images), labels));
    loss.backward();
    optimizer.step();
    if (read) loss.item();
  });
}

await serveTurns(() => {
  for (let i = 1; i <= steps; i++) run(i === steps);
  return steps * batch;
});
