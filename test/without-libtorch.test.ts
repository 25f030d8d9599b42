// What works on a machine where libtorch is not set up: EVENHAND_ADDON names an addon that does not exist.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { start, succeed, temporaryFolder, until } from './support.js';
import { copyTrainedRun } from './trained-run.js';

const { path: folder, remove } = temporaryFolder();
before(async () => {
  await copyTrainedRun(folder, 'run');
  process.env.EVENHAND_ADDON = join(folder, 'absent.node');
});
after(remove);

describe('without libtorch', () => {
  test('every command can be loaded, for its help', async () => {
    // Completion lists the flags of all of them.
    const text = await succeed(['completion', 'fish'], folder);
    for (const name of ['train', 'audit', 'export', 'eval', 'setup'])
      assert.ok(text.includes(`subcommand_from ${name}`));
  });

  test('data sets are checked', async () => {
    assert.match(await succeed(['check', 'discs'], folder), /36 images/);
  });

  test('models and the cache are listed', async () => {
    assert.match(await succeed(['models', 'mobilenet'], folder), /mobilenet_v2/);
    await succeed(['cache', 'list'], folder);
  });

  test('a run is reported, used for predictions and submitted', async () => {
    await succeed(['report', 'run'], folder);
    assert.ok(existsSync(join(folder, 'run/report.html')));
    await succeed(['predict', 'run', 'discs', '--out', 'predictions.csv'], folder);
    assert.match(readFileSync(join(folder, 'predictions.csv'), 'utf8'), /^[a-z_]+,label\n/);
    assert.match(await succeed(['eval', 'run/model.onnx', 'discs'], folder), /Macro F1 over all 3 classes +\d/);
    await succeed(['submit', 'run', '--team', 'a', '--out', 'a.zip'], folder);
  });

  test('a run is tracked, served and shown', async () => {
    await succeed(['track', 'run', '--to', 'tensorboard'], folder);
    for (const [path, ...args] of [
      ['/healthz', 'serve', 'run/model.onnx', '--threads', '1'],
      ['/', 'board', '.'],
    ]) {
      const server = start([...args, '--port', '0'], folder);
      let text = '';
      for (const stream of [server.process.stdout!, server.process.stderr!]) {
        stream.on('data', (chunk: string) => {
          text += chunk;
        });
      }
      await until(server, () => text.includes('Ctrl-C'));
      const response = await fetch(`${/http:\/\/[\d.:]+/.exec(text)![0]}${path}`).finally(() =>
        server.process.kill('SIGTERM'),
      );
      assert.equal(response.status, 200, text);
      assert.equal((await server.ended).code, 0);
    }
  });

  test('training is refused before it makes a folder, with the command that sets libtorch up', async () => {
    for (const args of [
      ['train', 'discs', '--recipe', 'fast', '--run', 'new'],
      ['eval', 'run'],
    ]) {
      const { code, stderr } = await start(args, folder).ended;
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^evenhand: libtorch is not set up on this machine: run `npm run setup`/);
    }
    assert.ok(!existsSync(join(folder, 'new')));
  });

  test('doctor says what is missing, and checks the rest', async () => {
    const { code, stdout } = await start(['doctor'], folder).ended;
    assert.equal(code, 1);
    assert.match(stdout, /^! libtorch +not set up\n +Training needs it: npm run setup/m);
    assert.match(stdout, /^ {2}ONNX Runtime +1\./m);
    assert.match(stdout, /\n1 problem found, marked with !\.\n$/);
  });
});
