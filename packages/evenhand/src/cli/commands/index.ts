import type { Command } from '../command.js';
import { completionOf } from './completion.js';

/** The commands, in the order of the help. A command's module is loaded only when needed: libtorch takes a second. */
export const commands: Readonly<Record<string, { readonly summary: string; load(): Promise<Command> }>> = {
  check: { summary: 'check a data set before training', load: async () => (await import('./check.js')).check },
  audit: { summary: 'find likely label errors', load: async () => (await import('./audit.js')).audit },
  train: { summary: 'train a classifier on labelled images', load: async () => (await import('./train.js')).train },
  eval: { summary: 'score a run on labelled images', load: async () => (await import('./eval.js')).evaluation },
  export: {
    summary: 'export a run or weights to one ONNX file',
    load: async () => (await import('./export.js')).exportModel,
  },
  report: { summary: 'write an HTML report on a run', load: async () => (await import('./report.js')).report },
  board: {
    summary: 'show runs on a local web page',
    load: async () => (await import('./board.js')).board,
  },
  track: { summary: 'send runs to TensorBoard or MLflow', load: async () => (await import('./track.js')).track },
  predict: {
    summary: 'classify images with a trained model',
    load: async () => (await import('./predict.js')).predict,
  },
  serve: {
    summary: 'classify images over HTTP, with a page to try it',
    load: async () => (await import('./serve.js')).serve,
  },
  submit: { summary: 'package a run for a competition', load: async () => (await import('./submit.js')).submit },
  fetch: {
    summary: 'download a public data set',
    load: async () => (await import('./fetch.js')).fetchData,
  },
  recipes: { summary: 'list the training recipes', load: async () => (await import('./recipes.js')).recipeList },
  models: { summary: 'list pretrained models', load: async () => (await import('./models.js')).modelList },
  cache: {
    summary: 'list or clear the cache of decoded images',
    load: async () => (await import('./cache.js')).imageCache,
  },
  demo: {
    summary: 'show the whole workflow on drawn flowers',
    load: async () => (await import('./demo.js')).demo,
  },
  setup: {
    summary: 'set up libtorch, which training needs',
    load: async () => (await import('./setup.js')).setup,
  },
  doctor: {
    summary: 'check the installation',
    load: async () => (await import('./doctor.js')).doctor,
  },
  completion: { summary: 'print a shell completion script', load: async () => completionOf(allCommands) },
};

export interface ListedCommand extends Command {
  readonly summary: string;
}

/** All commands, loaded. */
export function allCommands(): Promise<ListedCommand[]> {
  return Promise.all(Object.values(commands).map(async ({ summary, load }) => ({ ...(await load()), summary })));
}
