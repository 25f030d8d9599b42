import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { manualSeed } from './modes.js';
import * as nn from './nn/index.js';
import * as ops from './ops.js';
import { AdamW, clipGradNorm } from './optim/index.js';
import { liveTensors, scope } from './scope.js';

const STEPS = 2000;
const WARM_UP = 300;

// What a step leaks, it leaks 1,700 times between the two readings: one lost activation of the first layer (64 KiB)
// makes 106 MiB, 7 KiB a step reach the bound. Compiled code, JavaScript's heap and malloc grow by up to 6 MiB meanwhile
// and then no more, leak or not.
const BOUND = 12 * 2 ** 20;

test('2,000 training steps end with the tensors and the memory they began with', async () => {
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
      // A rule to learn: the class is the sign of two channels' means.
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
    // A training loop waits for its next batch here. Node finalises the handles of dead tensors only between turns.
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
