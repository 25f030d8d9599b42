// A training that is interrupted, killed or out of disk ends with the weights, bit for bit, of one that was not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nn, saveTensors } from '@evenhand/torch';
import { createModel } from 'evenhand';
import {
  drawDiscs,
  evenhand,
  namesIn,
  type Running,
  readLines,
  refusal,
  SMALL,
  sha256,
  start,
  succeed,
  temporaryFolder,
  until,
} from './support.js';

const { path: folder, remove } = temporaryFolder();
after(remove);

/** All phases, and all that has a state: optimiser, averages, accumulation, growing images, mixing. */
const training = [
  ...'--model mobilenet_v2 --weights start.safetensors --batch-size 8 --threads 1 --workers 1 --patience 0'.split(' '),
  ...'--head-epochs 2 --head-passes 2 --epochs 16 --start-size 32 --image-size 64'.split(' '),
  ...'--ema 0.9 --accumulate 2 --head-rate 0.01 --backbone-rate 0.003'.split(' '),
];
let epochMilliseconds = 0;

before(async () => {
  await drawDiscs(join(folder, 'discs'), { train: 9, val: 3 });
  const model = createModel('mobilenet_v2', { numClasses: 3, seed: 5 });
  saveTensors(join(folder, 'start.safetensors'), nn.stateDict(model));
  nn.disposeModule(model);
  await succeed(['train', 'discs', ...training, '--run', 'reference'], folder);
  const seconds = epochsOf('reference').map((epoch) => Number(epoch.seconds));
  epochMilliseconds = (1000 * seconds.reduce((a, b) => a + b)) / seconds.length;
});

const epochsOf = (run: string) => readLines(join(folder, run, 'metrics.jsonl'));
const stateOf = (run: string): string => join(folder, run, 'last/state.safetensors');

/** Of the tensors alone: how long the epochs took is beside them. */
function tensorHash(file: string): string {
  const bytes = readFileSync(file);
  return createHash('sha256')
    .update(bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))))
    .digest('hex');
}

function equalsReference(run: string): void {
  const untimed = (name: string) =>
    epochsOf(name).map(({ seconds: _, imagesPerSecond: __, peakMemoryMB: ___, ...rest }) => rest);
  assert.deepEqual(untimed(run), untimed('reference'));
  for (const file of ['best.safetensors', 'predictions.jsonl']) {
    assert.equal(sha256(join(folder, run, file)), sha256(join(folder, 'reference', file)), file);
  }
  assert.equal(tensorHash(stateOf(run)), tensorHash(stateOf('reference')), 'the last weights');
  const temporary = [...namesIn(join(folder, run)), ...namesIn(join(folder, run, 'last'))].filter((name) =>
    /\d/.test(name),
  );
  assert.deepEqual(temporary, []);
}

/** Resolves once another checkpoint is there. */
function nextCheckpoint(running: Running, run: string): Promise<void> {
  const time = (): number => (existsSync(stateOf(run)) ? statSync(stateOf(run)).mtimeMs : 0);
  const before = time();
  return until(running, () => time() !== before);
}

const writesCheckpoint = (run: string): boolean =>
  namesIn(join(folder, run, 'last')).some((name) => name.endsWith('.tmp'));

describe('a training', () => {
  test('that is asked to stop saves, says how to go on, and goes on as if nothing had happened', async () => {
    const first = start(['train', 'discs', ...training, '--run', 'asked'], folder);
    for (let i = 0; i < 4; i++) await nextCheckpoint(first, 'asked');
    await sleep(epochMilliseconds / 2);
    // As Ctrl-C does, to the process that trains as well, which must leave it to the other.
    first.signalAll('SIGINT');
    const interrupted = await first.ended;
    assert.deepEqual([interrupted.code, interrupted.stderr], [130, '']);
    assert.match(interrupted.stdout, /Resume with: evenhand train --resume asked\n$/);

    const second = start(['train', '--resume', 'asked'], folder);
    await nextCheckpoint(second, 'asked');
    second.process.kill('SIGTERM');
    assert.equal((await second.ended).code, 130);

    assert.match(await succeed(['train', '--resume', 'asked'], folder), /Finished after 20 epochs/);
    equalsReference('asked');
  });

  test('that is finished is left as it is by going on', async () => {
    const before = sha256(stateOf('reference'));
    const longer = /evenhand train --config reference\/config\.json --weights reference\/best\.safetensors --epochs N/;
    const text = await succeed(['train', '--resume', 'reference'], folder);
    assert.match(text, /Finished after 20 epochs/);
    assert.match(text, longer);
    assert.equal(sha256(stateOf('reference')), before);
    assert.match(await refusal(['train', '--resume', 'reference', '--epochs', '30'], folder), longer);
  });

  // Killed while it starts, inside an epoch, and while it writes a checkpoint; the moments are drawn from a fixed seed.
  test('that is killed at ten moments ends with the weights of one that was not', async (t) => {
    let seed = 20261123;
    const random = (): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    const moments = ['epoch', 'start', 'write', 'epoch', 'write', 'epoch', 'start', 'write', 'epoch', 'write'];
    let killedWhileWriting = 0;
    for (const moment of moments) {
      const begun = existsSync(join(folder, 'killed/config.json'));
      const args = begun ? ['--resume', 'killed'] : ['discs', ...training, '--run', 'killed'];
      const running = start(['train', ...args], folder);
      if (moment === 'start') await sleep(random() * 1500);
      else if (moment === 'write') await until(running, () => writesCheckpoint('killed'));
      else {
        await nextCheckpoint(running, 'killed');
        await sleep(random() * epochMilliseconds);
      }
      running.signalAll('SIGKILL');
      assert.equal((await running.ended).signal, 'SIGKILL', `${moment}: it ended before it was killed`);
      if (writesCheckpoint('killed')) killedWhileWriting++;
    }
    assert.ok(killedWhileWriting > 0, 'none was killed while it wrote a checkpoint');
    t.diagnostic(`${killedWhileWriting} of 10 were killed while they wrote a checkpoint`);
    await succeed(['train', '--resume', 'killed'], folder);
    equalsReference('killed');
  });

  const linux = process.platform === 'linux' ? false : 'it finds the process that trains by /proc';
  test('whose process dies says so in one sentence, with how to go on', { skip: linux }, async () => {
    const running = start(['train', 'discs', ...training, '--run', 'died'], folder);
    await nextCheckpoint(running, 'died');
    const { pid } = running.process;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    process.kill(children[0]!, 'SIGKILL');
    const { code, stderr } = await running.ended;
    assert.equal(code, 1);
    assert.match(stderr, /^evenhand: the training process was ended by SIGKILL, .*evenhand train --resume died\n$/);
  });

  test('goes on only with the data that it began with', async () => {
    await drawDiscs(join(folder, 'changed'), { train: 4, val: 2 });
    await succeed(['train', 'changed', ...SMALL, '--epochs', '1', '--run', 'stale'], folder);
    await drawDiscs(join(folder, 'changed'), { train: 5, val: 2 });
    assert.match(
      await refusal(['train', '--resume', 'stale'], folder),
      /data .*changed has changed since stale was started/,
    );
  });

  test('that fills the disk says so, keeps its last checkpoint, and goes on when there is space', async (t) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mount = (...args: string[]) => spawnSync('mount', [...args, disk], { encoding: 'utf8' });
    // Enough for the best weights and one checkpoint, not for the next one beside it.
    const { status, stderr, error } = mount('-t', 'tmpfs', '-o', 'size=70m', 'tmpfs');
    if (status !== 0) return t.skip(`no small disk can be mounted here: ${error?.message ?? stderr.trim()}`);
    try {
      const full = await evenhand(['train', 'discs', ...training, '--run', 'disk/run'], folder);
      assert.equal(full.code, 1, full.stdout + full.stderr);
      assert.match(full.stderr, /^evenhand: .*state\.safetensors: cannot be written: the disk is full/);
      assert.match(full.stderr, /evenhand train --resume disk\/run/);
      assert.ok(epochsOf('disk/run').length < 18);
      assert.equal(mount('-o', 'remount,size=300m').status, 0);
      await succeed(['train', '--resume', 'disk/run'], folder);
      equalsReference('disk/run');
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});
