import {
  aptCommand,
  describeNeed,
  hasApt,
  type Installation,
  type Installer,
  installAtTerminal,
  installQuietly,
  isClone,
  setUp,
  tryAddon,
  useBundle,
  writeBundle,
} from '@evenhand/torch/setup';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { ask, isInteractive } from '../output/ask.js';
import { exitCodes, UsageError } from '../output/errors.js';

const flags: readonly Flag[] = [
  { name: 'cpu', boolean: true, doc: 'use a libtorch without CUDA' },
  { name: 'cuda', boolean: true, doc: "use a libtorch for NVIDIA's GPUs; the download is about 2.7 GB" },
  { name: 'libtorch', boolean: false, value: 'DIR', doc: 'use the libtorch in this folder' },
  { name: 'build', boolean: true, doc: 'compile the addon, even if there is one' },
  { name: 'yes', boolean: true, doc: 'ask nothing; install packages with apt-get if that needs no password' },
  { name: 'bundle', boolean: false, value: 'FILE', doc: 'then write libtorch and the addon to FILE (.tar.gz)' },
  { name: 'from', boolean: false, value: 'FILE', doc: 'use a bundle of another machine; needs no network' },
];

export const setup: Command = {
  name: 'setup',
  usage: ['setup [OPTIONS]', 'setup --from FILE'],
  about: [
    'Sets up libtorch, which train, audit, export and eval of a run need. Uses the folder of --libtorch or LIBTORCH, or the ' +
      'first libtorch that it finds: package of the system, torch package of the Python on the PATH, Homebrew, the cache. If there ' +
      'is none, downloads an official archive into the cache and compares its SHA-256.',
    'Then it takes the prebuilt addon for this libtorch, or compiles it with g++ or clang++ (a few minutes), and computes ' +
      'something with both. Addons are cached for each libtorch, so switching back builds nothing.',
    'EVENHAND_LIBTORCH_URL names a mirror of the archive, EVENHAND_CACHE another folder for the cache, CXX another compiler.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('setup', args, flags);
    expectPositionals('setup', parsed, []);
    const given = (name: string): boolean => parsed.flags.get(name) === 'true';
    const [libtorch, from, bundle] = ['libtorch', 'from', 'bundle'].map((name) => parsed.flags.get(name));
    if (given('cpu') && given('cuda')) throw new UsageError('--cpu and --cuda exclude each other');
    const other = [...parsed.flags.keys()].find((name) => flags.some((flag) => flag.name === name) && name !== 'from');
    if (from !== undefined && other !== undefined)
      throw new UsageError(`--from uses a bundle as it is, without --${other}`);
    if (from !== undefined) {
      report(await useBundle(from));
      return exitCodes.done;
    }
    const variant = given('cuda') ? 'cuda' : given('cpu') ? 'cpu' : undefined;
    const installation = await setUp({
      install: given('yes') ? installQuietly : installAfterQuestion,
      build: given('build'),
      clone: isClone(),
      ...(variant === undefined ? {} : { variant }),
      ...(libtorch === undefined ? {} : { libtorch }),
    });
    if (bundle !== undefined) writeBundle(bundle, installation);
    report(installation);
    return exitCodes.done;
  },
};

/** Computes with the result once more, as it says what libtorch can use. */
function report({ libtorch, addon }: Installation): void {
  const devices = tryAddon(addon, libtorch).join(', ');
  console.log(`Ready: libtorch ${libtorch.version} in ${libtorch.path}, devices ${devices}\nAddon: ${addon}`);
}

const installAfterQuestion: Installer = async (packages) => {
  if (!hasApt() || !isInteractive()) return false;
  return (await ask(`Run \`${aptCommand(packages)}\`?`)) && installAtTerminal(packages);
};

/** Offers at a terminal to set libtorch up, for a command that needs it. Returns whether that was done. */
export async function offerSetup(): Promise<boolean> {
  if (!isInteractive()) return false;
  if (!(await ask(`This command needs libtorch: ${describeNeed()}. Set it up now?`))) return false;
  report(await setUp({ install: installAfterQuestion, clone: isClone() }));
  return true;
}
