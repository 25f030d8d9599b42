import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { RunError, RunFolder } from './index.js';

const root = mkdtempSync(join(tmpdir(), 'evenhand-run-'));
after(() => rmSync(root, { recursive: true }));
let count = 0;

/** A path at which nothing is. */
export const freshPath = (): string => join(root, `run-${++count}`);

export function startedRun(): RunFolder {
  const run = RunFolder.create(freshPath());
  run.writeConfig({ epochs: 3 });
  return run;
}

/** Asserts that `action` throws a RunError with this message. */
export const refused = (action: () => unknown, message: RegExp): void => {
  assert.throws(action, (error) => {
    assert.ok(error instanceof RunError, String(error));
    assert.match(error.message, message);
    return true;
  });
};
