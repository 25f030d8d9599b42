import { modelNames } from '../../models/index.js';
import type { Command } from '../command.js';
import { commonFlags, expectPositionals, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** What completion needs of a command. */
type Completable = Pick<Command, 'name' | 'flags'> & { readonly summary: string };

/** The command `completion`, for the commands that `loadAll` returns. */
export function completionOf(loadAll: () => Promise<readonly Completable[]>): Command {
  return {
    name: 'completion',
    usage: ['completion bash|zsh|fish'],
    about: [
      'Prints a script that completes commands, flags, names of models and file names in a shell. To install it, add this line to ~/.bashrc ' +
        '(or ~/.zshrc, with zsh in place of bash): source <(evenhand completion bash)',
      'For fish: evenhand completion fish > ~/.config/fish/completions/evenhand.fish',
    ],
    flags: [],
    async run(args) {
      const [shell] = expectPositionals('completion', parseFlags('completion', args, []), ['SHELL']);
      const commands = await loadAll();
      if (shell === 'bash') process.stdout.write(bash(commands));
      else if (shell === 'zsh') process.stdout.write(`autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`);
      else if (shell === 'fish') process.stdout.write(fish(commands));
      else throw new UsageError(`SHELL must be one of ${SHELLS.join(', ')}, got ${JSON.stringify(shell)}`);
      return exitCodes.done;
    },
  };
}

const flagsOf = ({ flags }: Completable): string[] => [...flags, ...commonFlags].map(({ name }) => `--${name}`);

function bash(commands: readonly Completable[]): string {
  const cases = commands.map((command) => `    ${command.name}) flags='${flagsOf(command).join(' ')}' ;;`);
  return `# evenhand completion for bash
_evenhand() {
  local word=\${COMP_WORDS[COMP_CWORD]} flags=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')} --help --version' -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  local previous=\${COMP_WORDS[COMP_CWORD-1]}
  # In --model=NAME the sign is a word of its own.
  [ "$word" = = ] && word=''
  [ "$previous" = = ] && previous=\${COMP_WORDS[COMP_CWORD-2]}
  case $previous in
    --model) COMPREPLY=($(compgen -W '${modelNames().join(' ')}' -- "$word") $(compgen -d -- "$word")); return ;;
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _evenhand evenhand
`;
}

function fish(commands: readonly Completable[]): string {
  const text = (words: string): string => `'${words.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const models = ` -a ${text(modelNames().join(' '))}`;
  const lines = commands.flatMap((command) => [
    `complete -c evenhand -n __fish_use_subcommand -f -a ${command.name} -d ${text(command.summary)}`,
    ...[...command.flags, ...commonFlags].map(
      ({ name, boolean, doc }) =>
        `complete -c evenhand -n '__fish_seen_subcommand_from ${command.name}' -l ${name}${boolean ? '' : ' -r'}${name === 'model' ? models : ''} -d ${text(doc.split(':', 1)[0]!)}`,
    ),
  ]);
  return `# evenhand completion for fish\n${lines.join('\n')}\n`;
}
