import { suggest } from '../suggest.js';
import { version } from '../version.js';
import { type Command, helpOf } from './command.js';
import { commands } from './commands/index.js';
import { exitCodes, UsageError } from './output/errors.js';
import { runProgram } from './output/streams.js';
import { table } from './output/text.js';

const help = `evenhand trains image classifiers that perform well on rare classes too.

Usage: evenhand COMMAND [ARGUMENTS]

Commands:
${table(Object.entries(commands).map(([name, { summary }]) => [`  ${name}`, summary]))}

Options:
  --help     show this help; after a command, the help of that command
  --version  show the version

To get started:
  evenhand check photos
  evenhand train photos --recipe fast
  evenhand eval runs/photos-fast-1 more-photos
  evenhand report runs/photos-fast-1
  evenhand predict runs/photos-fast-1 new-photos

Exit codes: 0 success, 1 failure, 2 wrong usage or input, 3 done but some images
could not be predicted, 130 interrupted.
`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version' || name === '-v') {
    console.log(`evenhand ${version()}`);
    return exitCodes.done;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const topic = name === 'help' ? rest[0] : undefined;
    process.stdout.write(topic === undefined ? help : helpOf(await loadCommand(topic)));
    return exitCodes.done;
  }
  const command = await loadCommand(name);
  const end = rest.indexOf('--');
  const flags = end < 0 ? rest : rest.slice(0, end);
  if (flags.includes('--help') || flags.includes('-h')) {
    process.stdout.write(helpOf(command));
    return exitCodes.done;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'TORCH_NATIVE_MISSING')) throw error;
    const { offerSetup } = await import('./commands/setup.js');
    if (!(await offerSetup())) throw error;
    return command.run(rest);
  }
}

async function loadCommand(name: string): Promise<Command> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry !== undefined) return entry.load();
  const likely = suggest(name, Object.keys(commands));
  const hint = likely === undefined ? 'see evenhand --help' : `did you mean ${likely}?`;
  throw new UsageError(`Unknown ${name.startsWith('-') ? 'flag' : 'command'} ${name}; ${hint}`);
}

const args = process.argv.slice(2);
await runProgram('evenhand', args, () => main(args));
