import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  devices,
  hasCudaGraphs,
  liveTensors,
  manualSeed,
  nn,
  ops,
  optim,
  scope,
  setDeterministic,
  type Tensor,
  tensor,
} from '@evenhand/torch';
import { Random } from '../../random.js';
import { resolveConfig } from '../config/resolve.js';
import { makeLoss } from '../objective/losses.js';
import { applyMix, drawMix } from '../objective/mix.js';
import { TrainingStep } from './training-step.js';

// On a CPU the same code runs with the same buffers, without a graph.
const tested = devices().filter((device) => device === 'cpu' || (device.startsWith('cuda') && hasCudaGraphs()));
const config = resolveConfig('competition', [{ source: 'test', values: { mixProbability: 0.5 } }]);

class Net extends nn.Module {
  readonly body = new nn.Sequential(
    new nn.Conv2d(3, 8, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(8),
    new nn.SiLU(),
    new nn.StochasticDepth(0.3),
    new nn.AdaptiveAvgPool2d(1),
  );
  readonly drop = new nn.Dropout(0.3);
  readonly head = new nn.Linear(8, 5);

  override forward(x: Tensor): Tensor {
    return this.head.forward(this.drop.forward(ops.flatten(this.body.forward(x), 1)));
  }
}

/** Losses and norms of some steps, and the bytes of all weights, statistics and moments after them. */
function train(device: string, cudaGraph: boolean): unknown[] {
  manualSeed(3);
  const model = nn.moveTo(new Net(), { device, memoryFormat: 'channelsLast' });
  const parameters = nn.parameters(model);
  const optimizer = new optim.AdamW([
    { parameters: parameters.slice(0, 2), weightDecay: 0 },
    { parameters: parameters.slice(2) },
  ]);
  const loss = makeLoss(config, [3, 1, 4, 1, 5], device);
  const half = device === 'cpu' ? null : 'bfloat16';
  const step = new TrainingStep({
    model,
    parameters,
    loss,
    optimizer,
    device,
    half,
    clipNorm: 0.5,
    cudaGraph,
    exchange: null,
  });
  const seen: unknown[] = [];
  for (let i = 0; i < 12; i++) {
    // One batch is smaller than the others.
    const count = i === 9 ? 3 : 6;
    for (const group of optimizer.groups) group.learningRate = 1e-2 / (i + 1);
    manualSeed(i);
    scope(() => {
      const cpu = ops.to(ops.randn([count, 3, 8, 8]), { memoryFormat: 'channelsLast' });
      const labels = tensor(
        Int32Array.from({ length: count }, (_, k) => (k * i) % 5),
        [count],
        { dtype: 'int64', device },
      );
      const images = ops.to(cpu, { device });
      const plan = drawMix(config, new Random(7, i), count, 8);
      const batch = plan ? applyMix(images, labels, plan) : { images, targets: { a: labels, lambda: 1 } };
      seen.push([!!plan, ...step.run(batch, { groupSize: 1, isUpdate: true, share: 1, stop: false }).toArray()]);
    });
  }
  scope(() => {
    for (const [key, value] of [...nn.stateDict(model), ...optimizer.stateDict()]) seen.push([key, value.toBytes()]);
  });
  step.dispose();
  loss.dispose();
  optimizer.dispose();
  nn.disposeModule(model);
  return seen;
}

for (const device of tested) {
  test(`steps as CUDA graphs give the bits of plain steps, with dropout, mixing and a smaller batch, on ${device}`, () => {
    const live = liveTensors();
    setDeterministic(true);
    try {
      const plain = train(device, false);
      const graphs = train(device, true);
      const mixed = plain.slice(3, 12).map((values) => (values as unknown[])[0]);
      assert.ok(mixed.includes(true) && mixed.includes(false), 'both kinds of batches are captured');
      assert.deepEqual(graphs, plain);
    } finally {
      setDeterministic(false);
    }
    assert.equal(liveTensors(), live);
  });
}
