// npm run docs, after a build: generates the pages of docs/ that follow from the code.
import { writeFileSync } from 'node:fs';
import { commandLineReference } from '../packages/evenhand/dist/cli/reference.js';

writeFileSync(new URL('../docs/command-line.md', import.meta.url), await commandLineReference());
