import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-end-'));
after(() => rmSync(folder, { recursive: true }));

// `process.exit` waits for such a read, and so does the end of the event loop.
test('a process ends although a read never returns', { skip: process.platform === 'win32' }, async () => {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const lines = (exitCode: number): string => `
    import { readFile } from 'node:fs';
    const { endNow } = await import(${JSON.stringify(import.meta.resolve('./end-now.js'))});
    readFile(${JSON.stringify(fifo)}, () => {});
    setTimeout(() => { console.log('written'); endNow(${exitCode}); }, 100);`;
  for (const [exitCode, signal] of [
    [3, 'SIGKILL'],
    [130, 'SIGINT'],
  ] as const) {
    const args = ['--input-type=module', '-e', lines(exitCode)];
    const { error, stdout } = await new Promise<{ error: { code?: unknown; signal?: unknown } | null; stdout: string }>(
      (resolve) => execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout) => resolve({ error, stdout })),
    );
    assert.equal(stdout, 'written\n');
    assert.equal(error?.code ?? error?.signal, 'execve' in process ? exitCode : signal);
  }
});
