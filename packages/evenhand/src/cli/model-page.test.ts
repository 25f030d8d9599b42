import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withGeneratedParts } from './model-page.js';

test('docs/models.md has the models and architectures of the code, as npm run docs writes them', () => {
  const page = readFileSync(new URL('../../../../docs/models.md', import.meta.url), 'utf8');
  assert.equal(page, withGeneratedParts(page));
  assert.match(
    page,
    /^\| `convnext_tiny\.in12k` \| 36\.9 M \| 4\.5 \| 224 \| 27\.7 \| ImageNet-12k \| apache-2\.0 \|$/m,
  );
  assert.match(page, /\| \*\*cc-by-nc-4\.0\*\* \|$/m);
});
