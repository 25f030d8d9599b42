// Trainings from TypeScript; test/ has those from the command line.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readTensors, scope } from '@evenhand/torch';
import { RunError, RunFolder } from '../../run/index.js';
import { evaluate } from '../../workflows/evaluate.js';
import { resume, train } from '../../workflows/index.js';
import { ConfigError } from '../config/field.js';
import type { ConfigLayer } from '../config/resolve.js';
import type { Progress } from '../events.js';
import { TrainingError } from '../training-error.js';
import { sha256 } from './images.test.helper.js';
import { TestRuns, tensorHash, withoutLeak } from './training.test.helper.js';

const runs = await TestRuns.open();
after(runs.remove);

/** The bytes of a file's tensors, by name. */
function bytesOf(file: string): Map<string, string> {
  return scope(
    () => new Map([...readTensors(file)].map(([key, each]) => [key, Buffer.from(each.toBytes()).toString('hex')])),
  );
}

describe('training from scratch', () => {
  let result: Awaited<ReturnType<TestRuns['go']>>;
  before(async () => {
    result = await runs.go('scratch', { epochs: 2 });
  });

  test('writes a complete run folder', () => {
    const names = [
      'best.safetensors',
      'config.json',
      'environment.json',
      'last',
      'metrics.jsonl',
      'model.json',
      'model.onnx',
      'predictions.jsonl',
    ];
    assert.deepEqual(readdirSync(runs.path('scratch')).sort(), names);
    assert.deepEqual(readdirSync(join(runs.path('scratch'), 'last')), ['state.safetensors']);
    const folder = RunFolder.open(runs.path('scratch'));
    assert.deepEqual(folder.readConfig(), JSON.parse(JSON.stringify(runs.config({ epochs: 2 }))));
    assert.deepEqual(folder.readEnvironment().dataset.classes, ['blue', 'green', 'red']);
    assert.deepEqual(folder.readEpochs(), result.epochs);
    assert.equal(folder.readPredictions().length, 12);
  });

  test('returns the epochs and the best one', () => {
    assert.deepEqual(
      result.epochs.map(({ phase, epoch, size }) => [phase, epoch, size]),
      [
        ['full', 1, 32],
        ['full', 2, 32],
      ],
    );
    assert.deepEqual(
      result.best,
      result.epochs.findLast(({ best }) => best),
    );
    assert.deepEqual([result.interrupted, result.stoppedEarly], [false, false]);
    assert.ok(result.epochs.every(({ trainLoss, valLoss }) => trainLoss > 0 && valLoss > 0));
  });

  test('reports progress', () => {
    const told = result.events.filter((event): event is Progress => event.type === 'progress');
    for (const stage of ['scan', 'full', 'validate'] as const) {
      const last = told.findLast((each) => each.stage === stage)!;
      assert.equal(last.done, last.total, stage);
    }
    const steps = told.filter(({ stage, epoch }) => stage === 'full' && epoch === 2);
    assert.deepEqual(
      steps.map(({ done, total, epochs }) => [done, total, epochs]),
      [
        [8, 24, 2],
        [16, 24, 2],
        [24, 24, 2],
      ],
    );
    assert.ok(
      steps.every(({ loss, learningRate, imagesPerSecond }) => loss! > 0 && learningRate! > 0 && imagesPerSecond > 0),
    );
    assert.equal(result.events.filter(({ type }) => type === 'epoch').length, 2);
    assert.match(result.events.flatMap((event) => (event.type === 'note' ? event.text : [])).join(), /from scratch/);
  });

  test('is reproducible bit for bit, and depends on the seed', async () => {
    await runs.go('again', { epochs: 2 });
    assert.equal(sha256(runs.best('again')), sha256(runs.best('scratch')));
    assert.equal(tensorHash(runs.state('again')), tensorHash(runs.state('scratch')));
    assert.deepEqual(runs.epochs('again'), runs.epochs('scratch'));
    await runs.go('seed', { epochs: 2, seed: 1 });
    assert.notEqual(tensorHash(runs.state('seed')), tensorHash(runs.state('scratch')));
  });

  test('is refused if the folder holds a run, or without data or device', async () => {
    const before = sha256(join(runs.path('scratch'), 'config.json'));
    await assert.rejects(
      train({ config: runs.config(), run: runs.path('scratch') }),
      (error) => error instanceof RunError && /already holds a run/.test(error.message),
    );
    assert.equal(sha256(join(runs.path('scratch'), 'config.json')), before);
    const refused = (values: ConfigLayer['values'], message: RegExp) =>
      assert.rejects(
        train({ config: runs.config(values), run: runs.path('refused') }),
        (error) => error instanceof ConfigError && message.test(error.message),
      );
    await refused({ data: '' }, /^data is missing/);
    await refused({ device: 'abacus' }, /^Unknown device "abacus"; available: cpu/);
    assert.equal(existsSync(runs.path('refused')), false);
  });

  test('leaves the folder free if the model does not suit the image size, or the weights the model', async () => {
    const refused = (values: ConfigLayer['values'], message: RegExp) =>
      assert.rejects(train({ config: runs.config(values), run: runs.path('unfit') }), message);
    await refused({ model: 'vit_tiny_patch16_224.augreg_in21k', imageSize: 33 }, /33 does not fit/);
    await refused({ weights: runs.path('photos') }, /photos/);
    await refused({ model: 'mobilenet_v3_small', weights: runs.start }, /start\.safetensors/);
    RunFolder.removeUnstarted(runs.path('unfit'));
    assert.equal(existsSync(runs.path('unfit')), false);
  });

  test('is not changed by resuming a finished run', async () => {
    const before = sha256(runs.state('scratch'));
    const { epochs, interrupted } = await runs.go('scratch');
    assert.deepEqual([epochs.length, interrupted], [2, false]);
    assert.equal(sha256(runs.state('scratch')), before);
  });

  // Whoever calls it from a program owns the terminal. In a process of its own, where the native code is heard too.
  test('prints nothing, and lets the process end', () => {
    const program = `
      import { evaluate, resolveConfig, train } from ${JSON.stringify(new URL('../../index.js', import.meta.url).href)};
      const values = ${JSON.stringify(runs.config({ epochs: 1 }))};
      const run = ${JSON.stringify(runs.path('silent'))};
      await train({ config: resolveConfig('competition', [{ source: 'test', values }]), run });
      await evaluate({ run, data: values.data });`;
    const file = join(runs.root, 'program.mjs');
    writeFileSync(file, program);
    const printed = execFileSync('sh', ['-c', '"$0" "$1" 2>&1', process.execPath, file], { encoding: 'utf8' });
    assert.equal(printed, '');
    assert.ok(existsSync(runs.best('silent')));
  });
});

describe('the head phase', () => {
  test('does not change a bit of the backbone, BatchNorm statistics included', async () => {
    const { epochs, events } = await runs.go('frozen', {
      weights: runs.start,
      headEpochs: 2,
      headPasses: 3,
      epochs: 0,
    });
    const [from, to] = [bytesOf(runs.start), bytesOf(runs.state('frozen'))];
    let compared = 0;
    for (const [key, bytes] of from) {
      if (key.startsWith('classifier')) continue;
      assert.equal(to.get(`model.${key}`), bytes, key);
      compared++;
    }
    assert.ok(compared > 200 && [...from.keys()].some((key) => key.endsWith('running_mean')));
    assert.deepEqual(
      epochs.map(({ phase, epoch, backboneRate }) => [phase, epoch, backboneRate]),
      [
        ['head', 1, 0],
        ['head', 2, 0],
      ],
    );
    assert.ok(epochs[1]!.trainLoss < epochs[0]!.trainLoss, 'the head learns nothing');
    assert.match(events.flatMap((event) => (event.type === 'note' ? event.text : [])).join(), /start\.safetensors/);
  });

  test('uses plain images first, and augmented views too from the second epoch on', async () => {
    const headOf = async (name: string, headEpochs: number, cropScale: [number, number]) => {
      await runs.go(name, { weights: runs.start, headEpochs, headPasses: 2, epochs: 0, cropScale });
      return bytesOf(runs.state(name)).get('model.classifier.1.weight');
    };
    assert.equal(await headOf('plain-a', 1, [0.9, 1]), await headOf('plain-b', 1, [0.1, 0.2]));
    assert.notEqual(await headOf('views-a', 2, [0.9, 1]), await headOf('views-b', 2, [0.1, 0.2]));
  });

  test('lowers the learning rate by a cosine over all passes', async () => {
    const { epochs, events } = await runs.go('cosine', {
      weights: runs.start,
      headEpochs: 2,
      headPasses: 2,
      epochs: 0,
    });
    const images =
      events.flatMap((event) => (event.type === 'progress' && event.stage === 'head' ? event.total : []))[0]! / 2;
    const { headPhaseRate, batchSize } = runs.config();
    const batches = Math.floor(images / Number(batchSize));
    // One view in the first epoch, two in the second: 2 and 4 passes.
    const at = (step: number): number => (headPhaseRate * (1 + Math.cos((Math.PI * step) / (6 * batches)))) / 2;
    for (const [i, last] of [2 * batches - 1, 6 * batches - 1].entries()) {
      assert.ok(Math.abs(epochs[i]!.headRate - at(last)) < 1e-9 * headPhaseRate, `${epochs[i]!.headRate}`);
    }
  });

  test('trains with weighted and shifted losses and a hidden layer', async () => {
    const head = { weights: runs.start, headEpochs: 1, headPasses: 2, epochs: 0 };
    const choices: readonly ConfigLayer['values'][] = [
      { balance: 'weighted-loss', loss: 'focal', headHidden: 16, headDropout: 0.5 },
      { balance: 'balanced-softmax' },
    ];
    for (const [i, values] of choices.entries()) {
      const { epochs } = await runs.go(`choice-${i}`, { ...head, ...values });
      assert.ok(epochs[0]!.trainLoss > 0, JSON.stringify(values));
    }
    assert.ok(bytesOf(runs.best('choice-0')).has('classifier.4.weight'));
  });
});

describe('the full phase', () => {
  const oneStep = { weights: runs.start, headEpochs: 0, batchSize: 24, epochs: 1 };

  test('uses the learning rates of backbone and head', async () => {
    const { best } = await runs.go('rates', { ...oneStep, backboneRate: 0 });
    const [from, to] = [bytesOf(runs.start), bytesOf(runs.best('rates'))];
    const changed = [...from].filter(([key, bytes]) => !key.startsWith('classifier') && to.get(key) !== bytes);
    assert.ok(changed.length > 0, 'BatchNorm has seen nothing');
    for (const [key] of changed) assert.match(key, /running_mean|running_var|num_batches_tracked/);
    assert.deepEqual([best!.backboneRate, best!.headRate], [0, 0.01]);
  });

  test('evaluates and keeps the EMA of the weights if the configuration asks for it', async () => {
    await runs.go('ema', { ...oneStep, ema: 0.75 });
    const key = 'features.0.0.weight';
    const valuesOf = (file: string, name: string) =>
      scope(() => Array.from(readTensors(file).get(name)!.toArray(), Number));
    const [from, to] = [valuesOf(runs.start, key), valuesOf(runs.state('ema'), `model.${key}`)];
    const average = valuesOf(runs.best('ema'), key);
    assert.ok(Math.max(...to.map((each, i) => Math.abs(each - from[i]!))) > 1e-4, 'nothing was trained');
    for (const [i, each] of average.entries()) {
      // The decay warms up: it is 1 / 10 at the first update.
      assert.ok(Math.abs(each - (0.1 * from[i]! + 0.9 * to[i]!)) < 1e-6, `entry ${i}`);
    }
    assert.equal(
      (await evaluate({ run: runs.path('ema'), data: runs.photos })).report.macroF1,
      runs.epochs('ema')[0]!.macroF1,
    );
  });

  test('computes nearly the same in 16 bits', async () => {
    const [half, full] = [
      await runs.go('half', { ...oneStep, autocast: 'on' }),
      await runs.go('whole', { ...oneStep, autocast: 'off' }),
    ].map(({ epochs }) => epochs[0]!.trainLoss);
    assert.ok(Math.abs(half! - full!) < 0.05, `${half} instead of ${full}`);
    assert.notEqual(half, full, 'it computed in 32 bits');
  });

  test('starts with small images if startSize is set', async () => {
    const { epochs } = await runs.go('growing', { ...oneStep, epochs: 2, startSize: 32, imageSize: 64 });
    assert.deepEqual(
      epochs.map(({ size }) => size),
      [32, 64],
    );
  });

  test('stops after `patience` epochs without gain, and is finished', async () => {
    const { epochs, stoppedEarly } = await runs.go('early', { ...oneStep, epochs: 5, patience: 1, minGain: 1 });
    assert.deepEqual([epochs.length, stoppedEarly], [2, true]);
    const again = await runs.go('early');
    assert.deepEqual([again.epochs.length, again.stoppedEarly, again.interrupted], [2, true, false]);
    const last = await runs.go('last', { ...oneStep, epochs: 3, patience: 1, minGain: 1, keep: 'last' });
    assert.deepEqual([last.epochs.length, last.stoppedEarly], [3, false], 'keep last ignores patience');
    const patient = await runs.go('patient', { ...oneStep, epochs: 3, patience: 0, minGain: 1 });
    assert.deepEqual([patient.epochs.length, patient.stoppedEarly], [3, false]);
  });
});

describe('a validation set that is too small to compare epochs', () => {
  const notes = async (name: string, keep: string): Promise<string> => {
    const { events } = await runs.go(name, { epochs: 1, keep });
    return events.flatMap((event) => (event.type === 'note' ? [event.text] : [])).join('\n');
  };

  test('is warned about, and keep: auto keeps the last epoch', async () => {
    assert.match(await notes('auto', 'auto'), /cannot choose a checkpoint.*The last epoch is kept/);
    assert.equal(RunFolder.open(runs.path('auto')).readConfig().keep, 'last');
  });

  test('does not override keep: best', async () => {
    assert.match(await notes('asked', 'best'), /cannot choose a checkpoint.*Use --keep last/);
    assert.equal(RunFolder.open(runs.path('asked')).readConfig().keep, 'best');
  });
});

describe('training that diverges', () => {
  const huge = { backboneRate: 1e30, headRate: 1e30 };
  const diverges = (name: string, values: ConfigLayer['values'], message: RegExp) =>
    assert.rejects(runs.go(name, values), (error) => {
      assert.ok(error instanceof TrainingError, String(error));
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });

  test('ends with one sentence, and the best checkpoint stays', async () => {
    const head = { weights: runs.start, headEpochs: 1, headPasses: 1 };
    await runs.go('before', { ...head, epochs: 0 });
    await diverges(
      'huge',
      { ...head, ...huge, epochs: 3, ema: 0.9 },
      /epoch 1\b.*lower backboneRate and headRate.*kept$/,
    );
    assert.equal(sha256(runs.best('huge')), sha256(runs.best('before')));
  });

  test('is resumed with lower learning rates, which the run records', async () => {
    const head = { weights: runs.start, headEpochs: 1, headPasses: 1 };
    await diverges('too-fast', { ...head, ...huge, epochs: 1 }, /lower backboneRate/);
    await assert.rejects(runs.go('too-fast'), TrainingError, 'the same again diverges again');
    const changes = { backboneRate: 1e-3, headRate: 1e-2 };
    const { epochs, interrupted } = await withoutLeak(() => resume({ run: runs.path('too-fast'), changes }));
    assert.deepEqual([epochs.length, interrupted], [2, false]);
    const { backboneRate, headRate } = RunFolder.open(runs.path('too-fast')).readConfig();
    assert.deepEqual({ backboneRate, headRate }, changes);
  });

  test('suggests settings to resume with', async () => {
    await assert.rejects(runs.go('hint', { ...huge, epochs: 1 }), (error) => {
      assert.ok(error instanceof TrainingError);
      assert.deepEqual(error.resumeWith, { backboneRate: 3.3e29, headRate: 3.3e29, clipNorm: 1 });
      return true;
    });
  });

  // The loss of an epoch's last step is of the weights before it.
  test('is noticed if the last step of an epoch diverges', async () => {
    await diverges('last-step', { ...huge, batchSize: 24, epochs: 1 }, /not finite after full epoch 1/);
    assert.equal(existsSync(runs.best('last-step')), false);
  });

  test('does not overwrite the checkpoint if it is interrupted after the step that ruined the weights', async () => {
    const head = { weights: runs.start, headEpochs: 1, headPasses: 1 };
    await assert.rejects(
      runs.go('ruined', { ...head, ...huge, epochs: 1 }, ({ stage }) => stage === 'head'),
      (error) => error instanceof TrainingError && /norm of the weights is/.test(error.message),
    );
    scope(() => {
      for (const [key, saved] of readTensors(runs.state('ruined'))) {
        assert.ok(Array.from(saved.toArray(), Number).every(Number.isFinite), key);
      }
    });
  });

  test('names the learning rate of the head phase', async () => {
    await diverges(
      'head',
      { weights: runs.start, headEpochs: 1, headPhaseRate: 1e30 },
      /epoch 1 of the head phase.*lower headPhaseRate/,
    );
  });
});
