import { fieldNames, flagName } from '../../train/index.js';

const compound: ReadonlySet<string> = new Set(fieldNames.filter((name) => /[A-Z]/.test(name)));

/** Replaces names of configuration fields by the flags that a user types: `headRate` becomes `--head-rate`. */
export const settingsAsFlags = (text: string): string =>
  text.replace(/\b[a-z]+[A-Z]\w*\b/g, (word) => (compound.has(word) ? `--${flagName(word)}` : word));
