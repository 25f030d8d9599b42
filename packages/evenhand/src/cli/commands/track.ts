import { plural } from '../../format.js';
import { sendRun } from '../../track/index.js';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { trackerNames, trackerOf } from '../options/trackers.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { quoted } from '../output/text.js';

const flags: readonly Flag[] = [{ name: 'to', boolean: false, value: 'NAME', doc: trackerNames }];

export const track: Command = {
  name: 'track',
  usage: ['track RUN... --to tensorboard', 'track RUN... --to mlflow'],
  about: [
    'Sends runs to a tool in which people compare them: configuration, scalars of every epoch, confusion matrix. train --track NAME ' +
      'does the same while it trains. A run that was sent before is brought up to date.',
    'tensorboard writes an event file into each run folder: tensorboard --logdir runs shows them. mlflow sends them to the server of ' +
      'MLFLOW_TRACKING_URI, to the experiment of MLFLOW_EXPERIMENT_NAME [Default]; MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME ' +
      'and MLFLOW_TRACKING_PASSWORD, log in.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('track', args, flags);
    const runs = parsed.positionals.length > 1 ? parsed.positionals : expectPositionals('track', parsed, ['RUN']);
    const name = parsed.flags.get('to');
    if (name === undefined) throw new UsageError('--to is missing; give --to tensorboard or --to mlflow');
    const tracker = trackerOf('to', name);
    for (const run of runs) {
      const count = await sendRun(run, tracker);
      console.log(`${quoted(run)}: sent to ${name} (${plural(count, 'epoch')})`);
    }
    return exitCodes.done;
  },
};
