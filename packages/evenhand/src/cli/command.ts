import { commonFlags, type Flag } from './options/flags.js';
import { wrap } from './output/text.js';

/** One command of the command line. */
export interface Command {
  readonly name: string;
  /** How it is called, without `evenhand`. */
  readonly usage: readonly string[];
  /** Paragraphs of its help. */
  readonly about: readonly string[];
  readonly flags: readonly Flag[];
  /** Takes the arguments after the command's name and resolves to the exit code. */
  run(args: readonly string[]): Promise<number>;
}

/** The help of a command, at most 80 columns wide. */
export function helpOf(command: Command): string {
  const paragraphs = [
    command.usage.map((usage, i) => `${i === 0 ? 'Usage:' : '      '} evenhand ${usage}`).join('\n'),
    ...command.about.map((text) => wrap(text)),
  ];
  const groups = new Map<string, Flag[]>();
  for (const flag of [...command.flags, ...commonFlags]) {
    const group = flag.group ?? 'Options';
    groups.set(group, [...(groups.get(group) ?? []), flag]);
  }
  for (const [group, flags] of groups) paragraphs.push([`${group}:`, ...flags.map(flagHelp)].join('\n'));
  return `${paragraphs.join('\n\n')}\n`;
}

function flagHelp({ name, boolean, value, doc }: Flag): string {
  const prefix = `  --${name}${boolean ? '' : ` ${value ?? 'VALUE'}`}`;
  return wrap(doc, { indent: 28, prefix });
}
