import { helpOf } from './command.js';
import { allCommands } from './commands/index.js';

/** The help of all commands as a page: docs/command-line.md, which `npm run docs` writes. */
export async function commandLineReference(): Promise<string> {
  const commands = await allCommands();
  const sections = commands.map((command) => {
    return `## ${command.name}\n\n${capitalised(command.summary)}.\n\n\`\`\`text\n${helpOf(command).trimEnd()}\n\`\`\``;
  });
  const list = commands.map(({ name, summary }) => `| [${name}](#${name}) | ${summary} |`);
  return `# Command line

Written from the commands themselves by \`npm run docs\`; \`evenhand COMMAND --help\` says the same. Exit codes: 0 done, 1 a
failure, 2 a mistake in what was asked, 3 done but some images had no answer of their own, 130 interrupted.

| command | |
| --- | --- |
${list.join('\n')}

${sections.join('\n\n')}
`;
}

const capitalised = (text: string): string => text[0]!.toUpperCase() + text.slice(1);
