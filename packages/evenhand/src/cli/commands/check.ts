import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkDataset, readDataset } from '../../data/index.js';
import { formatRate } from '../../format.js';
import { judgeValidation } from '../../workflows/index.js';
import type { Command } from '../command.js';
import { readFlags, readOptionsOf } from '../options/config-flags.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { type AuditSummary, auditFolder } from '../output/audit-summary.js';
import { describeDataset } from '../output/dataset-report.js';
import { exitCodes } from '../output/errors.js';
import { json, StatusLine, writeOutput } from '../output/files.js';
import { quoted, wrap } from '../output/text.js';

const flags: readonly Flag[] = [
  { name: 'all', boolean: true, doc: 'show every class and every finding, however many' },
  { name: 'json', boolean: false, value: 'FILE', doc: 'write everything as JSON; - writes it in place of the report' },
  ...readFlags,
];

export const check: Command = {
  name: 'check',
  usage: ['check DATA [OPTIONS]'],
  about: [
    'Opens every image and shows what is worth knowing before training: how unequal the classes are, what is missing, ' +
      'unreadable, repeated, labelled twice or in both training and validation, and whether the validation images can ' +
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
      status.show(() => `Looking at images: ${done} of ${total}`);
    });
    status.clear();
    const validation = judgeValidation(dataset);
    const file = parsed.flags.get('json');
    const audit = auditOf(data!, report.fingerprint);
    if (file !== '-') {
      console.log(describeDataset(data!, report, validation, parsed.flags.get('all') === 'true'));
      console.log(`\nWhether labels are wrong\n${describeAudit(data!, audit)}`);
    }
    if (file !== undefined) writeOutput(file, json({ data, ...report, validation, audit }));
    return exitCodes.done;
  },
};

/** What the last audit of these very data found; null where there is none. */
function auditOf(data: string, fingerprint: string): AuditSummary | null {
  const file = join(auditFolder(data), 'audit.json');
  if (!existsSync(file)) return null;
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as AuditSummary;
    return found.fingerprint === fingerprint ? found : null;
  } catch {
    // A damaged one is no audit.
    return null;
  }
}

function describeAudit(data: string, audit: AuditSummary | null): string {
  const lines =
    audit === null
      ? ['Not looked at here. To find out:']
      : audit.noisy
        ? [
            `The audit found ${formatRate(audit.rate)} of the training labels to be probably wrong.`,
            'Better: evenhand train with --label-noise auto trains in spite of them.',
          ]
        : [`The audit found no sign of wrong labels: ${formatRate(audit.rate)}.`];
  const text = lines.map((line) => wrap(line, { indent: 2 })).join('\n');
  return audit === null ? `${text}\n  evenhand audit ${quoted(data)}` : text;
}
