import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RunFolder } from './index.js';
import { freshPath, refused, startedRun } from './run.test.helper.js';

describe('the lock of a run folder', () => {
  const lockOf = (host: string, pid: number, began = '1'): string => `train.${host}.${pid}.${began}.lock`;
  const here = hostname().replaceAll('.', '%2E');
  const locks = (run: RunFolder): string[] => readdirSync(run.path).filter((name) => name.endsWith('.lock'));

  test('is held by one training at a time, and gone afterwards', () => {
    const run = startedRun();
    const unlock = run.lock();
    refused(() => run.lock(), /is already being trained by this process/);
    run.removeLeftovers();
    assert.equal(locks(run).length, 1);
    unlock();
    assert.deepEqual(locks(run), []);
    run.lock()();
  });

  test('names the process that holds it', async () => {
    const run = startedRun();
    const index = new URL('./index.js', import.meta.url).href;
    const program = `const { RunFolder } = await import(${JSON.stringify(index)});
      RunFolder.open(${JSON.stringify(run.path)}).lock(); console.log('locked'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      refused(
        () => run.lock(),
        new RegExp(`is being trained by process ${child.pid} since 20.*stop it with: kill ${child.pid}$`),
      );
      assert.equal(locks(run).length, 1);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    // The killed process left its lock behind.
    assert.equal(locks(run).length, 1);
    run.lock()();
    assert.deepEqual(locks(run), []);
  });

  test('is taken over if another process has got the number of the one that ended', () => {
    const run = startedRun();
    writeFileSync(join(run.path, lockOf(here, process.ppid)), '');
    if (process.platform === 'linux') run.lock()();
    const finished = spawnSync(process.execPath, ['--version']).pid;
    writeFileSync(join(run.path, lockOf(here, finished)), '');
    run.lock()();
    assert.deepEqual(locks(run), process.platform === 'linux' ? [] : [lockOf(here, process.ppid)]);
  });

  test('of another host is named with the file to delete, as nothing is known of its process', () => {
    const run = startedRun();
    const name = lockOf('colab%2Dvm', 12);
    writeFileSync(join(run.path, name), '');
    refused(
      () => run.lock(),
      new RegExp(`process 12 on the host colab-vm since .*: if it has ended, delete .*${name}`),
    );
    refused(() => {
      const path = freshPath();
      mkdirSync(path);
      writeFileSync(join(path, name), '');
      RunFolder.create(path);
    }, /process 12 on the host colab-vm/);
  });

  test('is no obstacle to a new run if its process was killed before it wrote its configuration', () => {
    const path = freshPath();
    mkdirSync(path);
    writeFileSync(join(path, lockOf(here, spawnSync(process.execPath, ['--version']).pid)), '');
    RunFolder.create(path);
    assert.deepEqual(readdirSync(path), ['last']);
  });

  test('is looked at without changing anything', () => {
    const run = startedRun();
    const holder = (): unknown => [run.holder(), locks(run).length];
    assert.deepEqual(holder(), [undefined, 0]);
    const unlock = run.lock();
    assert.deepEqual(holder(), ['here', 1]);
    unlock();
    writeFileSync(join(run.path, lockOf(here, spawnSync(process.execPath, ['--version']).pid)), '');
    assert.deepEqual(holder(), [undefined, 1]);
    writeFileSync(join(run.path, lockOf('colab%2Dvm', 12)), '');
    assert.deepEqual(holder(), ['elsewhere', 2]);
  });
});
