import { checkDataset, readDataset } from '../data/index.js';
import { describeDataset } from './check-report.js';
import type { Command } from './command.js';
import { readFlags, readOptionsOf } from './config-flags.js';
import { exitCodes } from './errors.js';
import { expectPositionals, type Flag, parseFlags } from './flags.js';
import { json, StatusLine, writeOutput } from './output.js';
import { judgeValidation } from './validation.js';

const flags: readonly Flag[] = [
  { name: 'all', boolean: true, doc: 'show every class and every finding, however many' },
  { name: 'json', boolean: false, value: 'FILE', doc: 'write everything as JSON; - writes it in place of the report' },
  ...readFlags,
];

export const check: Command = {
  name: 'check',
  usage: ['check DATA [OPTIONS]'],
  about: [
    'Opens every picture and shows what is worth knowing before training: how unequal the classes are, what is missing, ' +
      'unreadable, repeated, labelled twice or in both training and validation, and whether the validation pictures can ' +
      'choose a checkpoint. Findings are no failure: it exits with 0 unless DATA cannot be used at all.',
    'DATA is a folder with train.csv (and val.csv), a folder with a sub-folder for each class (or with such folders in ' +
      'train and val), or a CSV file.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('check', args, flags);
    const [data] = expectPositionals('check', parsed, ['DATA']);
    const dataset = await readDataset(data!, readOptionsOf(parsed));
    const status = new StatusLine();
    const report = await checkDataset(dataset, (done, total) => {
      status.show(() => `Looking at pictures: ${done} of ${total}`);
    });
    status.clear();
    const validation = judgeValidation(dataset);
    const file = parsed.flags.get('json');
    if (file !== '-') console.log(describeDataset(data!, report, validation, parsed.flags.get('all') === 'true'));
    if (file !== undefined) writeOutput(file, json({ data, ...report, validation }));
    return exitCodes.done;
  },
};
