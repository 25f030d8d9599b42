import { existsSync } from 'node:fs';
import { createBoard } from '../../board/index.js';
import { startServer } from '../../server/index.js';
import type { Command } from '../command.js';
import { addressFlags, readHosts, readPort } from '../options/address.js';
import { type Flag, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { quoted } from '../output/text.js';
import { pageOfRun } from './report.js';

const PORT = 7070;
const DEFAULT_RUNS = 'runs';

const flags: readonly Flag[] = [
  { name: 'audits', boolean: false, value: 'DIR', doc: 'folder with audits [audits]' },
  {
    name: 'data',
    boolean: false,
    value: 'PATH',
    doc: 'current location of the training data, for runs whose own has moved',
  },
  ...addressFlags({
    host: 'address to bind; any but a loopback address needs the token of the address that is printed [127.0.0.1]',
    port: `port; 0 for a free one [${PORT}, or a free one if it is taken]`,
  }),
];

export const board: Command = {
  name: 'board',
  usage: ['board [RUNS...] [OPTIONS]'],
  about: [
    'Shows the runs in and below the folders RUNS [runs] on a local web page: trainings as they go, with curves, speed, ' +
      'time left and log; comparisons of any number of runs; reports; and audits, whose verdicts it saves to ' +
      'corrections.csv in the folder of the data. The run folders are all that it reads, so they may be copied or mounted ' +
      'from other machines.',
    'Only this machine reaches the page. With --host it can be reached from others, by an address with a token. Ctrl-C ' +
      'stops it.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('board', args, flags);
    const roots = parsed.positionals.length > 0 ? [...parsed.positionals] : [DEFAULT_RUNS];
    const missing = parsed.positionals.find((folder) => !existsSync(folder));
    if (missing !== undefined) {
      throw new UsageError(`There is no folder ${quoted(missing)}; give folders in or below which there are runs`);
    }
    const data = parsed.flags.get('data');
    const server = await createBoard({
      roots,
      audits: [parsed.flags.get('audits') ?? 'audits'],
      ...(data === undefined ? {} : { data }),
      ...readHosts(parsed.flags),
      writeReport: (run) => {
        const { path } = run.readEnvironment().dataset;
        return pageOfRun(run.path, data !== undefined && !existsSync(path) ? data : undefined);
      },
    });
    const port = readPort(parsed.flags);
    // Another may be taken in its place only if none was asked for.
    const running = await startServer(server, port === undefined ? { port: PORT, orFreePort: true } : { port });
    const { url, urlElsewhere } = running;
    const lines = [
      `Board of ${roots.map(quoted).join(', ')}: ${url}`,
      ...(urlElsewhere === undefined ? [] : [`From other machines: ${urlElsewhere}`]),
      'Press Ctrl-C to stop.',
    ];
    console.log(lines.join('\n'));
    await running.stopped;
    return exitCodes.done;
  },
};
