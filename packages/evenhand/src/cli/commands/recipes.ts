import { type Config, fields, flagName, recipes } from '../../train/index.js';
import type { Command } from '../command.js';
import { expectPositionals, parseFlags } from '../options/flags.js';
import { exitCodes } from '../output/errors.js';
import { wrap } from '../output/text.js';

const NO_BREAK_SPACE = '\u00a0';

export const recipeList: Command = {
  name: 'recipes',
  usage: ['recipes'],
  about: [
    'Lists the recipes for evenhand train --recipe NAME: what each is for, and which defaults it changes. Flags and ' +
      '--config override a recipe; evenhand train --help lists the defaults.',
  ],
  flags: [],
  async run(args) {
    expectPositionals('recipes', parseFlags('recipes', args, []), []);
    for (const [name, { why, changes }] of Object.entries(recipes)) console.log(`${describe(name, why, changes)}\n`);
    return exitCodes.done;
  },
};

function describe(name: string, why: string, changes: Partial<Config>): string {
  const settings = Object.entries(changes).map(([key, value]) => `--${flagName(key)}${settingOf(key, value)}`);
  // A flag and its value stay on one line.
  const changed =
    settings.length === 0
      ? 'No changes: these are the defaults.'
      : settings.map((setting) => setting.replace(' ', NO_BREAK_SPACE)).join(' ');
  return [name, wrap(why, { indent: 2 }), wrap(changed, { indent: 2 }).replaceAll(NO_BREAK_SPACE, ' ')].join('\n');
}

function settingOf(key: string, value: unknown): string {
  if (fields[key as keyof Config].placeholder === '' && value === true) return '';
  return ` ${String(value)}`;
}
