// npm run docs, after a build: generates the pages of docs/, and parts of pages, that follow from the code.
import { readFileSync, writeFileSync } from 'node:fs';
import { withGeneratedParts } from '../packages/evenhand/dist/cli/model-page.js';
import { commandLineReference } from '../packages/evenhand/dist/cli/reference.js';

writeFileSync(new URL('../docs/command-line.md', import.meta.url), await commandLineReference());

const models = new URL('../docs/models.md', import.meta.url);
writeFileSync(models, withGeneratedParts(readFileSync(models, 'utf8')));
