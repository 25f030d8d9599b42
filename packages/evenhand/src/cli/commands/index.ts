import type { Command } from '../command.js';
import { completionOf } from './completion.js';

/** Every command, in the order of the help. A command's module is loaded only when it is asked for: libtorch takes a second. */
export const commands: Readonly<Record<string, { readonly summary: string; load(): Promise<Command> }>> = {
  check: { summary: 'look at data before training', load: async () => (await import('./check.js')).check },
  audit: { summary: 'find labels that are probably wrong', load: async () => (await import('./audit.js')).audit },
  train: { summary: 'train on labelled images', load: async () => (await import('./train.js')).train },
  eval: { summary: 'score a run on labelled images', load: async () => (await import('./eval.js')).evaluation },
  export: {
    summary: 'make a run or weights one model file',
    load: async () => (await import('./export.js')).exportModel,
  },
  report: { summary: 'write what a run came to as a page', load: async () => (await import('./report.js')).report },
  predict: {
    summary: 'answer what images show, with a model file',
    load: async () => (await import('./predict.js')).predict,
  },
  submit: { summary: "pack a run as the competition's zip", load: async () => (await import('./submit.js')).submit },
  fetch: {
    summary: 'download a data set, verify it, lay it out',
    load: async () => (await import('./fetch.js')).fetchData,
  },
  recipes: { summary: 'show the recipes, and why each', load: async () => (await import('./recipes.js')).recipeList },
  doctor: {
    summary: 'say what was found here and what is wrong',
    load: async () => (await import('./doctor.js')).doctor,
  },
  completion: { summary: 'print a script for shell completion', load: async () => completionOf(allCommands) },
};

export interface KnownCommand extends Command {
  readonly summary: string;
}

/** All of them, loaded. */
export function allCommands(): Promise<KnownCommand[]> {
  return Promise.all(Object.values(commands).map(async ({ summary, load }) => ({ ...(await load()), summary })));
}
