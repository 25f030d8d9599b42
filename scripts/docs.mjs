// Writes the pages of docs/ that follow from the code: npm run docs, after a build.
import { writeFileSync } from 'node:fs';
import { commandLineReference } from '../packages/evenhand/dist/cli/reference.js';

writeFileSync(new URL('../docs/command-line.md', import.meta.url), await commandLineReference());
