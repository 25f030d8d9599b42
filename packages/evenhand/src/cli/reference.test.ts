import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commandLineReference } from './reference.js';

test('docs/command-line.md is what npm run docs writes', async () => {
  const page = readFileSync(new URL('../../../../docs/command-line.md', import.meta.url), 'utf8');
  assert.equal(page, await commandLineReference());
});
