import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckStage, checkDataset, readDataset } from '../../data/index.js';
import { formatRate } from '../../format.js';
import { judgeValidation, scanCacheFolder } from '../../train/index.js';
import type { Command } from '../command.js';
import { readFlags, readOptionsOf } from '../options/config-flags.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { type AuditSummary, auditFolder } from '../output/audit-summary.js';
import { describeDataset } from '../output/dataset-report.js';
import { exitCodes } from '../output/errors.js';
import { json, StatusLine, writeOutput } from '../output/files.js';
import { quoted, wrap } from '../output/text.js';

const flags: readonly Flag[] = [
  { name: 'all', boolean: true, doc: 'show all classes and all findings' },
  {
    name: 'json',
    boolean: false,
    value: 'FILE',
    doc: 'write the full report as JSON; - prints JSON instead of the report',
  },
  ...readFlags,
];

export const check: Command = {
  name: 'check',
  usage: ['check DATA [OPTIONS]'],
  about: [
    'Opens every image and reports class imbalance, missing and unreadable files, duplicates, conflicting labels, images ' +
      'in both training and validation, and whether the validation images suffice to choose a checkpoint. Findings do ' +
      'not change the exit code: it is 0 unless DATA cannot be used at all.',
    'DATA is a CSV file, a folder with train.csv (and val.csv), or a folder with one sub-folder per class (or with train ' +
      'and val folders of such sub-folders).',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('check', args, flags);
    const [data] = expectPositionals('check', parsed, ['DATA']);
    const dataset = await readDataset(data!, readOptionsOf(parsed));
    const status = new StatusLine();
    const onProgress = (done: number, total: number, stage: CheckStage): void => {
      const doing = stage === 'scan' ? 'Reading images' : 'Searching for duplicates';
      status.show(() => `${doing}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`);
    };
    const report = await checkDataset(dataset, onProgress, scanCacheFolder());
    status.clear();
    const validation = judgeValidation(dataset);
    const file = parsed.flags.get('json');
    const audit = auditOf(data!, report.fingerprint);
    if (file !== '-') {
      console.log(describeDataset(data!, report, validation, parsed.flags.get('all') === 'true'));
      console.log(`\nLabel errors\n${describeAudit(data!, audit)}`);
    }
    if (file !== undefined) writeOutput(file, json({ data, ...report, validation, audit }));
    return exitCodes.done;
  },
};

/** The summary of the last audit of the same data; null if there is none. */
function auditOf(data: string, fingerprint: string): AuditSummary | null {
  const file = join(auditFolder(data), 'audit.json');
  if (!existsSync(file)) return null;
  try {
    const summary = JSON.parse(readFileSync(file, 'utf8')) as AuditSummary;
    const { value, low, high } = summary.rate;
    const isComplete = typeof summary.noisy === 'boolean' && [value, low, high].every(Number.isFinite);
    return isComplete && summary.fingerprint === fingerprint ? summary : null;
  } catch {
    // A damaged file counts as none.
    return null;
  }
}

function describeAudit(data: string, audit: AuditSummary | null): string {
  const lines =
    audit === null
      ? ['Not checked here. To estimate them:']
      : audit.noisy
        ? [
            `The audit estimates that ${formatRate(audit.rate)} of the training labels are wrong.`,
            'Suggestion: evenhand train with --label-noise auto trains with noise-robust soft labels.',
          ]
        : [`The audit found no sign of systematic label errors: ${formatRate(audit.rate)}.`];
  const text = lines.map((line) => wrap(line, { indent: 2 })).join('\n');
  return audit === null ? `${text}\n  evenhand audit ${quoted(data)}` : text;
}
