import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as nn from '../nn/index.js';
import * as ops from '../ops.js';
import { liveTensors } from '../scope.js';
import { type Tensor, tensor } from '../tensor.js';
import { loadStateDict, readTensors, saveTensors } from './load-state-dict.js';
import { openWeights } from './weights-file.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-load-'));

class Net extends nn.Module {
  readonly features = new nn.ConvNormActivation(3, 4);
  readonly classifier: nn.Linear;

  constructor(classes: number) {
    super();
    this.classifier = new nn.Linear(4, classes);
  }

  override forward(x: Tensor) {
    return this.features.forward(x);
  }
}

const values = (module: nn.Module) =>
  [...nn.stateDict(module)].map(([key, each]) => [key, [...each.toArray()].map(Number)]);

test('a saved model can be loaded into another one, with every value', () => {
  const path = join(folder, 'whole.safetensors');
  const [saved, loaded] = [new Net(5), new Net(5)];
  assert.notDeepEqual(values(saved), values(loaded));
  saveTensors(path, nn.stateDict(saved), { note: 'kept' });
  const before = liveTensors();
  const file = openWeights(path);
  assert.equal(file.metadata.get('note'), 'kept');
  loadStateDict(loaded, file);
  file.close();
  assert.deepEqual(values(loaded), values(saved));
  assert.equal(liveTensors(), before);
});

test('a classifier with another shape must be left out', () => {
  const path = join(folder, 'head.safetensors');
  const [saved, loaded] = [new Net(5), new Net(7)];
  saveTensors(path, nn.stateDict(saved));
  const head = [...loaded.classifier.weight.toArray()];
  const file = openWeights(path);
  assert.throws(() => loadStateDict(loaded, file), {
    code: 'TORCH_BAD_ARGUMENT',
    message: `${path} does not match the model: 2 with another shape (classifier.weight [5,4] instead of [7,4], classifier.bias [5] instead of [7])`,
  });
  loadStateDict(loaded, file, { without: ['head', 'classifier'] });
  file.close();
  assert.deepEqual([...loaded.classifier.weight.toArray()], head);
  assert.deepEqual(values(loaded.features), values(saved.features));
});

test('missing, unexpected and reshaped keys are all named, and nothing is loaded', () => {
  const net = new Net(5);
  const before = values(net);
  const source = new Map(nn.stateDict(new Net(5)));
  source.delete('features.0.weight');
  source.delete('features.1.num_batches_tracked'); // older files do not have it
  source.set('fc.weight', tensor([1]));
  source.set('classifier.bias', tensor([1, 2]));
  assert.throws(() => loadStateDict(net, source), {
    message:
      'the state dict does not match the model: 1 missing (features.0.weight); 1 unexpected (fc.weight); ' +
      '1 with another shape (classifier.bias [2] instead of [5])',
  });
  assert.deepEqual(values(net), before);
});

test('values are converted to the type of the module, and a file keeps 16-bit types', () => {
  const path = join(folder, 'half.safetensors');
  const half = new Map(
    [...nn.stateDict(new Net(2))].map(([key, each]) => [
      key,
      each.dtype === 'float32' ? ops.to(each, { dtype: 'bfloat16' }) : each,
    ]),
  );
  saveTensors(path, half);
  const read = readTensors(path);
  assert.equal(read.get('features.0.weight')?.dtype, 'bfloat16');
  const net = new Net(2);
  loadStateDict(net, read);
  assert.equal(net.classifier.weight.dtype, 'float32');
  assert.deepEqual([...net.classifier.weight.toArray()], [...half.get('classifier.weight')!.toArray()]);
});
