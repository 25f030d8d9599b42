import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import * as nn from './nn/index.js';
import * as ops from './ops.js';
import { AdamW, clipGradNorm } from './optim/index.js';
import { manualSeed } from './runtime.js';
import { liveTensors, scope } from './scope.js';

const STEPS = 2000;
const WARM_UP = 300;

// There are 1,700 steps between the two readings. If each step leaked one activation of the first layer (64 KiB), memory
// would grow by 106 MiB; 7 KiB per step would reach the bound. Without a leak, compiled code, JavaScript's heap and malloc
// grow by up to 6 MiB.
const BOUND = 12 * 2 ** 20;

test('2,000 training steps leak neither tensors nor memory', async () => {
  const before = liveTensors();
  manualSeed(1);
  const net = new nn.Sequential(
    new nn.Conv2d(3, 8, 3, { stride: 2, padding: 1, bias: false }),
    new nn.BatchNorm2d(8),
    new nn.SiLU(),
    new nn.SqueezeExcitation(8, 4),
    new nn.StochasticDepth(0.1),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Dropout(0.1),
    new nn.Linear(8, 4),
  );
  nn.moveTo(net, { memoryFormat: 'channelsLast' });
  const optimizer = new AdamW([{ parameters: nn.parameters(net) }], { learningRate: 1e-2 });

  const step = (): number =>
    scope(() => {
      const pixels = ops.contiguous(ops.randn([8, 3, 32, 32]), { memoryFormat: 'channelsLast' });
      // The rule to learn: the class depends on the signs of the means of two channels.
      const signs = ops.to(ops.gtScalar(ops.meanDim(pixels, [2, 3]), 0), { dtype: 'int64' });
      const labels = ops.add(ops.select(signs, 1, 0), ops.select(signs, 1, 1), { alpha: 2 });
      const loss = nn.crossEntropy(net.forward(pixels), labels, { labelSmoothing: 0.1 });
      optimizer.zeroGrad();
      loss.backward();
      clipGradNorm(nn.parameters(net), 5);
      optimizer.step();
      return loss.item();
    });

  const losses = [step()];
  const live = liveTensors();
  let memory = 0;
  while (losses.length < STEPS) {
    losses.push(step());
    // A training loop would wait for its next batch here. Node runs finalisers only between turns of the event loop.
    await setImmediate();
    if (losses.length === WARM_UP) memory = process.memoryUsage.rss();
  }
  const grown = process.memoryUsage.rss() - memory;

  assert.equal(liveTensors(), live, 'a step leaves as many tensors as it found');
  assert.ok(grown < BOUND, `resident memory grew by ${(grown / 2 ** 20).toFixed(1)} MiB`);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(mean(losses.slice(-100)) < mean(losses.slice(0, 100)), 'the steps train');
  optimizer.dispose();
  nn.disposeModule(net);
  assert.equal(liveTensors(), before);
});
