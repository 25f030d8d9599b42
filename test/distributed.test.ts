// Training by several processes, from the command line: the same model as by one, the same bits again, and what is seen and
// kept when a process is killed, hangs or never joins.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { distributed } from '@evenhand/torch';
import { Random } from 'evenhand/random';
import {
  drawDiscs,
  type Ended,
  evenhand,
  namesIn,
  type Running,
  readLines,
  sha256,
  start,
  temporaryFolder,
  until,
} from './support.js';

const { path: folder, remove } = temporaryFolder();
const at = (...parts: string[]): string => join(folder, ...parts);
const PROGRAM = fileURLToPath(new URL('../../packages/evenhand/dist/cli/main.js', import.meta.url));
const TORCHRUN = '/usr/bin/torchrun';
const onlyAll = process.env.EVENHAND_TEST_ALL === undefined && 'npm test -- --all runs it';
const skip = distributed.available().gloo ? false : 'this libtorch has no Gloo';

/** BatchNorm, MixUp, dropout: what differs between processes, and must not differ between runs. */
const TRAINING = [
  ...'train discs --model efficientnet_mini --image-size 32 --batch-size 8 --threads 1 --workers 1'.split(' '),
  ...'--head-epochs 1 --head-passes 2 --epochs 3 --head-phase-rate 0.01 --timeout 60s'.split(' '),
];

before(async () => {
  await drawDiscs(at('discs'), { train: 9, val: 5 });
  const vit = { architecture: 'vit_tiny_patch16_224', model_args: { embed_dim: 32, depth: 2, num_heads: 2 } };
  mkdirSync(at('vit'));
  writeFileSync(at('vit/config.json'), JSON.stringify(vit));
  // A model has a weights file; this one is empty and not loaded.
  writeFileSync(at('vit/model.safetensors'), Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]));
});
after(remove);

const epochsOf = (run: string) => readLines(at(run, 'metrics.jsonl')) as { trainLoss: number; valLoss: number }[];

function succeeded({ code, stdout, stderr }: Ended): string {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}

/** The training processes of a command by rank, which are its children. */
function ranksOf({ process: { pid } }: Running): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
  const rankOf = (child: number) => Number(/\0RANK=(\d+)\0/.exec(readFileSync(`/proc/${child}/environ`, 'utf8'))?.[1]);
  return children.filter((child) => rankOf(child) >= 0).sort((a, b) => rankOf(a) - rankOf(b));
}

/** As torchrun starts it, on one machine. */
function torchrun(args: readonly string[]): Promise<Ended> {
  // They name no process; without them, the torchrun of PyTorch 1.13 fails in Python 3.11.
  const redirects = ['--redirects', '9:1', '--tee', '9:1'];
  const launcher = [
    ...'--standalone --nnodes 1 --nproc_per_node 2 --no_python'.split(' '),
    ...redirects,
    process.execPath,
    PROGRAM,
  ];
  return new Promise((resolve) => {
    const child = spawn(TORCHRUN, [...launcher, ...args], { cwd: folder });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

describe('training by two processes', { skip }, () => {
  before(async () => {
    const text = succeeded(await evenhand([...TRAINING, '--nproc', '2', '--run', 'two'], folder));
    assert.match(text, /^Training on .*\n[\s\S]*full +3\/3[\s\S]*Finished after 6 epochs/);
  });

  test('leaves the run folder of rank 0, and says how many processes there were', () => {
    assert.ok(existsSync(at('two/model.onnx')));
    assert.equal(JSON.parse(readFileSync(at('two/environment.json'), 'utf8')).processes, 2);
    assert.equal(epochsOf('two').length, 6);
    assert.deepEqual(namesIn(folder).filter((name) => name.includes('rank')), []); // biome-ignore format: one line
  });

  test('ends with the same bits under torchrun', {
    skip: existsSync(TORCHRUN) ? false : `there is no ${TORCHRUN}`,
  }, async () => {
    const text = succeeded(await torchrun([...TRAINING, '--run', 'torchrun']));
    assert.equal(text.match(/Finished after 6 epochs/g)?.length, 1, 'only rank 0 prints');
    assert.equal(sha256(at('torchrun/best.safetensors')), sha256(at('two/best.safetensors')));
    assert.match(readFileSync(at('torchrun/rank-1.log'), 'utf8'), /full +3\/3/);
  });

  test('ends with the same bits if a process was killed and the command is run again', async () => {
    const command = [...TRAINING, '--nproc', '2', '--run', 'killed', '--resume-if-exists'];
    const running = start(command, folder);
    await until(running, () => existsSync(at('killed/metrics.jsonl')) && epochsOf('killed').length >= 2);
    process.kill(ranksOf(running)[1]!, 'SIGKILL');
    const { code, stderr } = await running.ended;
    assert.equal(code, 1);
    assert.match(stderr, /^evenhand: the training process of rank 1 was ended by SIGKILL.*; resume with /);
    assert.match(readFileSync(at('killed/progress.json'), 'utf8'), /"state": "failed"/);
    const text = succeeded(await evenhand(command, folder));
    assert.match(text, /Finished after 6 epochs/);
    assert.equal(sha256(at('killed/best.safetensors')), sha256(at('two/best.safetensors')));
    // Finished, it is left as it is.
    assert.match(succeeded(await evenhand(command, folder)), /The run had finished before/);
  });

  test('ends with a sentence that names the rank that hangs', {
    skip: onlyAll,
  }, async () => {
    const running = start(
      [...TRAINING.map((arg) => (arg === '60s' ? '4s' : arg)), '--nproc', '2', '--run', 'hung'],
      folder,
    );
    await until(running, () => existsSync(at('hung/metrics.jsonl')));
    process.kill(ranksOf(running)[1]!, 'SIGSTOP');
    const { code, stderr } = await running.ended;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^evenhand: Rank 1 of 2 is gone or does not answer .*\nResume with: evenhand train --resume hung/,
    );
  });

  test('ends with the same bits if processes are killed ten times, at any moment', { skip: onlyAll }, async () => {
    const args = TRAINING.map((arg, i) => (TRAINING[i - 1] === '--epochs' ? '6' : arg));
    const command = (run: string) => [...args, '--nproc', '2', '--run', run, '--resume-if-exists'];
    const start_ = performance.now();
    succeeded(await evenhand(command('whole'), folder));
    const seconds = (performance.now() - start_) / 1000;
    const random = new Random(5);
    for (let kills = 0; kills < 10; kills++) {
      const running = start(command('often'), folder);
      await until(running, () => ranksOf(running).length === 2);
      await sleep(1000 * seconds * (0.3 + 0.6 * random.uniform()));
      const rank = random.int(2);
      try {
        process.kill(ranksOf(running)[rank]!, 'SIGKILL');
      } catch {
        // It had ended.
      }
      const { code, stderr } = await running.ended;
      assert.ok(code === 0 || /^evenhand: the training process of rank [01] was ended by SIGKILL/.test(stderr), stderr);
    }
    succeeded(await evenhand(command('often'), folder));
    assert.equal(sha256(at('often/best.safetensors')), sha256(at('whole/best.safetensors')));
  });

  test('goes on with one process, and says so', { skip: onlyAll }, async () => {
    const running = start([...TRAINING, '--nproc', '2', '--run', 'fewer'], folder);
    await until(running, () => existsSync(at('fewer/metrics.jsonl')));
    running.process.kill('SIGTERM');
    assert.match((await running.ended).stdout, /Saved after \d epochs?\. Resume with/);
    const text = succeeded(await evenhand(['train', '--resume', 'fewer'], folder));
    assert.match(text, /The run goes on with 1 process in place of 2/);
  });
});

test('more processes train the same model, apart from rounding', { skip }, async () => {
  // Without BatchNorm, dropout and mixing nothing depends on who computes an image; a batch of the last epoch is weighted.
  const args = [
    ...'train discs --model ./vit --weights none --image-size 32 --batch-size 8 --threads 1 --workers 1'.split(' '),
    ...'--head-epochs 0 --epochs 3 --mix-probability 0 --balance weighted-loss'.split(' '),
    ...'--backbone-rate 1e-3 --head-rate 1e-3 --drop-path 0 --head-dropout 0'.split(' '),
  ];
  const counts = onlyAll ? [1, 2] : [1, 2, 4];
  const runs = await Promise.all(
    counts.map(async (n) => {
      succeeded(await evenhand([...args, '--nproc', String(n), '--run', `vit-${n}`], folder));
      return epochsOf(`vit-${n}`);
    }),
  );
  for (const [i, epochs] of runs.entries()) {
    for (const [e, { trainLoss, valLoss }] of epochs.entries()) {
      const one = runs[0]![e]!;
      assert.ok(
        Math.abs(trainLoss - one.trainLoss) < 1e-4,
        `${counts[i]} processes, epoch ${e}: ${trainLoss}, ${one.trainLoss}`,
      );
      assert.ok(
        Math.abs(valLoss - one.valLoss) < 1e-3,
        `${counts[i]} processes, epoch ${e}: ${valLoss}, ${one.valLoss}`,
      );
    }
  }
});

describe('several processes are refused by a sentence', { skip }, () => {
  const launched = (rank: number, more: NodeJS.ProcessEnv = {}) => ({
    RANK: String(rank),
    WORLD_SIZE: '2',
    LOCAL_RANK: String(rank),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: '1',
    ...more,
  });
  /** The sentence on standard error of a command in an environment. */
  async function refused(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
    const before = { ...process.env };
    Object.assign(process.env, environment);
    const running = start(args, folder);
    process.env = before;
    const { code, stdout, stderr } = await running.ended;
    assert.notEqual(code, 0, stdout);
    assert.match(stderr, /^evenhand: \S/);
    return stderr;
  }
  const train = [...TRAINING, '--run', 'none'];

  test('that a launcher has started, if --nproc is given too', async () =>
    assert.match(
      await refused([...train, '--nproc', '2'], launched(0)),
      /--nproc starts processes itself, but this one is rank 0 of 2/,
    ));

  test('without a name for the run', async () =>
    assert.match(await refused(TRAINING, launched(0)), /name the run folder with --run/));

  test('if nobody listens at the address', async () =>
    assert.match(
      await refused(
        train.map((arg) => (arg === '60s' ? '2s' : arg)),
        launched(1, { LOCAL_RANK: '0' }),
      ),
      /127\.0\.0\.1:1\b/,
    ));

  test('if a batch cannot be divided, and nothing is left behind', async () => {
    assert.match(
      await refused([...train.map((arg) => (arg === '8' ? '9' : arg)), '--nproc', '2']),
      /batchSize is 9, which cannot be divided equally among 2 processes: set it to 8 or 10/,
    );
    assert.equal(existsSync(at('none')), false);
  });
});
