import { suggest } from '../suggest.js';
import { version } from '../version.js';
import { type Command, helpOf } from './command.js';
import { commands } from './commands/index.js';
import { exitCodes, tell, UsageError } from './output/errors.js';
import { table } from './output/text.js';

const help = `evenhand trains image classifiers that treat every class alike.

Usage: evenhand COMMAND [ARGUMENTS]

Commands:
${table(Object.entries(commands).map(([name, { summary }]) => [`  ${name}`, summary]))}

Options:
  --help     show this help; after a command, that command's
  --version  show the version

A first run:
  evenhand check photos
  evenhand train photos --recipe fast
  evenhand eval runs/photos-fast-1 more-photos
  evenhand report runs/photos-fast-1
  evenhand predict runs/photos-fast-1 new-photos

It exits with 0 when done, 1 after a failure, 2 after a mistake in what was
asked, 3 when done but some images had no answer of their own, and 130 when
it was interrupted.
`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version' || name === '-v') {
    console.log(`evenhand ${version()}`);
    return exitCodes.done;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const topic = name === 'help' ? rest[0] : undefined;
    process.stdout.write(topic === undefined ? help : helpOf(await commandNamed(topic)));
    return exitCodes.done;
  }
  const command = await commandNamed(name);
  const end = rest.indexOf('--');
  const own = end < 0 ? rest : rest.slice(0, end);
  if (own.includes('--help') || own.includes('-h')) {
    process.stdout.write(helpOf(command));
    return exitCodes.done;
  }
  return command.run(rest);
}

async function commandNamed(name: string): Promise<Command> {
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (found !== undefined) return found.load();
  const likely = suggest(name, Object.keys(commands));
  const hint = likely === undefined ? 'see evenhand --help' : `did you mean ${likely}?`;
  throw new UsageError(`Unknown ${name.startsWith('-') ? 'flag' : 'command'} ${name}: ${hint}`);
}

// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.done);
  throw error;
});

const args = process.argv.slice(2);
try {
  process.exitCode = await main(args);
} catch (error) {
  const { text, exitCode, stack } = tell(error);
  process.stderr.write(args.includes('--debug') ? `evenhand: ${text}\n${stack}\n` : `evenhand: ${text}\n`);
  process.exitCode = exitCode;
}
