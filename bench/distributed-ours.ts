// One process of a data-parallel training with @evenhand/torch, for `npm run bench -- distributed`.
import { createInterface } from 'node:readline';
import {
  distributed,
  keepFreedMemory,
  manualSeed,
  nn,
  ops,
  optim,
  scope,
  setNumThreads,
  setThreadWaiting,
  tensor,
} from '@evenhand/torch';
import { createModel } from 'evenhand';
import type { RankSettings, TurnName } from './distributed-settings.js';

const { model, batch, size, steps, threads } = JSON.parse(process.argv[2]!) as RankSettings;
setNumThreads(threads);
keepFreedMemory();
setThreadWaiting('adaptive');
manualSeed(0);
const group = process.env.WORLD_SIZE === '1' ? null : distributed.initProcessGroup({ timeoutSeconds: 120 });
const images = batch / (group?.worldSize ?? 1);
const network = nn.moveTo(createModel(model, { numClasses: 1000 }), { memoryFormat: 'channelsLast' });
const parameters = [...nn.parameters(network)];
const optimizer = new optim.AdamW([{ parameters }], { learningRate: 1e-3 });
const buckets = group && new distributed.GradientBuckets(group, parameters);
const pixels = ops.contiguous(ops.randn([images, 3, size, size]), { memoryFormat: 'channelsLast' });
const labels = tensor(
  BigInt64Array.from({ length: images }, (_, i) => BigInt(i % 1000)),
  [images],
);

function step(turn: TurnName): void {
  if (buckets) buckets.zero();
  else optimizer.zeroGrad();
  if (turn !== 'alone') {
    const loss = nn.crossEntropy(network.forward(pixels), labels);
    if (turn === 'during') buckets!.arm();
    loss.backward();
  }
  if (turn === 'after' || turn === 'alone') buckets!.arm();
  if (turn !== 'none') buckets!.finish();
  if (turn !== 'alone') optimizer.step();
}

for await (const turn of createInterface({ input: process.stdin })) {
  group?.barrier();
  const begin = performance.now();
  for (let i = 0; i < steps; i++) scope(() => step(turn as TurnName));
  process.stdout.write(`${(performance.now() - begin) / steps}\n`);
}
group?.destroy();
