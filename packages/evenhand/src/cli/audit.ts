import { mkdirSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { readDataset, rootOf } from '../data/index.js';
import { type AuditFacts, auditPage } from '../report/index.js';
import { type Audit, auditLabels, type Config, fields, flagName } from '../train/index.js';
import { type AuditSummary, auditFolder, describeRate } from './audit-summary.js';
import type { Command } from './command.js';
import { configFlags, readFlags, readOptionsOf } from './config-flags.js';
import { exitCodes, UsageError } from './errors.js';
import { expectPositionals, type Flag, type Parsed, parseFlags } from './flags.js';
import { csv, guardedWrite, json, StatusLine, writeOutput, writePage } from './output.js';
import { plural, quoted, table } from './text.js';

/** Labels are suspects from this probability of being wrong on. */
export const SUSPECT = 0.5;
const MOST_CLASSES = 10;

/** Settings of a training that an audit has, too. */
const settings = ['model', 'weights', 'imageSize', 'device', 'threads', 'workers', 'seed', 'batchSize'] as const;

const flags: readonly Flag[] = [
  { name: 'out', boolean: false, value: 'DIR', doc: 'the folder for what is found [audits/DATA]' },
  { name: 'corrections', boolean: false, value: 'FILE', doc: `${fields.corrections.doc}: those labels are right` },
  { name: 'json', boolean: false, value: 'FILE', doc: 'write the summary as JSON; - writes it in place of the text' },
  ...configFlags
    .filter(({ name }) => settings.some((setting) => flagName(setting) === name))
    .map((flag) => (flag.name === 'model' ? { ...flag, doc: flag.doc.replace(/\[.*\]/, '[mobilenet_v2]') } : flag)),
  ...readFlags,
];

export const audit: Command = {
  name: 'audit',
  usage: ['audit DATA [OPTIONS]'],
  about: [
    'Finds labels that are probably wrong. Each picture is judged by the features of a pretrained backbone and a classifier ' +
      'that was fitted without it. It prints how many labels are wrong, overall and by class, and writes labels.csv, a row ' +
      'a picture, the most probably wrong first, and audit.html, where you go through the suspects and decide. What the ' +
      'page saves as corrections.csv goes into evenhand train --corrections.',
    'DATA is a folder or CSV file as evenhand train takes it. Nothing in it is changed. Features are kept, so that a ' +
      'second audit of the same pictures takes seconds.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('audit', args, flags);
    const [data] = expectPositionals('audit', parsed, ['DATA']);
    const out = parsed.flags.get('out') ?? auditFolder(data!);
    const status = new StatusLine();
    const corrections = parsed.flags.get('corrections');
    // Before a folder is made for what is found there should be something to look at.
    await readDataset(data!, readOptionsOf(parsed));
    guardedWrite(out, () => mkdirSync(out, { recursive: true }));
    const found = await auditLabels({
      data: data!,
      read: readOptionsOf(parsed),
      values: settingsOf(parsed),
      ...(corrections === undefined ? {} : { corrections }),
      cache: join(out, 'features.safetensors'),
      onEvent: (event) => {
        if (event.type !== 'progress') return;
        const { stage, done, total, imagesPerSecond } = event;
        const what = stage === 'scan' ? 'Looking at pictures' : 'Computing features';
        status.show(() => `${what}: ${done} of ${total}, ${imagesPerSecond.toFixed(0)} img/s`);
      },
    }).finally(() => status.clear());
    const summary = summaryOf(data!, found) satisfies AuditSummary;
    writePage(join(out, 'labels.csv'), labelsCsv(data!, found));
    writePage(join(out, 'audit.json'), json(summary));
    const file = parsed.flags.get('json');
    const { html, notes } = await auditPage(pageFacts(data!, found));
    writePage(join(out, 'audit.html'), html);
    if (file !== '-') console.log([describe(data!, out, found), ...notes].join('\n'));
    if (file !== undefined) writeOutput(file, json(summary));
    return exitCodes.done;
  },
};

function settingsOf({ flags }: Parsed): Partial<Config> {
  const values: Record<string, unknown> = {};
  for (const name of settings) {
    const text = flags.get(flagName(name));
    if (text === undefined) continue;
    const value = fields[name].accept(fields[name].fromText(text));
    if (value === undefined) {
      throw new UsageError(`--${flagName(name)} must be ${fields[name].expects}, got ${JSON.stringify(text)}`);
    }
    values[name] = value;
  }
  return values;
}

/** All pictures, the most probably wrong first. */
function judged({ dataset, train, val }: Audit) {
  const of = (part: 'train' | 'val') => {
    const estimate = part === 'train' ? train : val;
    const k = dataset.classes.length;
    return dataset[part].map(({ file, label }, i) => ({
      file,
      part,
      given: label,
      wrong: estimate!.wrong[i]!,
      suggested: estimate!.suggested[i]!,
      suggestedProbability: estimate!.posterior[i * k + estimate!.suggested[i]!]!,
    }));
  };
  return [...of('train'), ...of('val')].sort((a, b) => b.wrong - a.wrong);
}

function pageFacts(data: string, found: Audit): AuditFacts {
  const root = rootOf(data);
  const { dataset, train, fingerprint, model } = found;
  return {
    data: root,
    name: basename(resolve(data)),
    classes: dataset.classes,
    pictures: judged(found).map((each) => ({ ...each, file: relative(root, each.file) })),
    rate: train.rate,
    rateByLabel: train.rateByLabel,
    kind: train.kind,
    model,
    fingerprint,
  };
}

function labelsCsv(data: string, found: Audit): string {
  const root = rootOf(data);
  const { classes } = found.dataset;
  const digits = (p: number): string => p.toFixed(4);
  return csv([
    ['file', 'part', 'given', 'wrong', 'suggested', 'suggested_probability'],
    ...judged(found).map(({ file, part, given, wrong, suggested, suggestedProbability }) => {
      const names = [classes[given]!, digits(wrong), classes[suggested]!, digits(suggestedProbability)];
      return [relative(root, file), part, ...names];
    }),
  ]);
}

const suspects = (wrong: Float64Array): number => wrong.filter((p) => p > SUSPECT).length;

function summaryOf(data: string, { dataset, fingerprint, model, noisy, train, val, bad }: Audit) {
  const { classes } = dataset;
  return {
    data: resolve(data),
    fingerprint,
    model,
    pictures: dataset.train.length,
    noisy,
    rate: train.rate,
    kind: train.kind,
    suspects: suspects(train.wrong),
    byLabel: train.rateByLabel.map((rate, c) => ({
      label: classes[c]!,
      pictures: dataset.train.filter(({ label }) => label === c).length,
      ...rate,
    })),
    validation: val === null ? null : { pictures: dataset.val.length, rate: val.rate, suspects: suspects(val.wrong) },
    bad,
  };
}

function describe(data: string, out: string, found: Audit): string {
  const { dataset, train, val, noisy, bad, model } = found;
  const pictures = (n: number): string => plural(n, 'picture');
  const rows = [
    ['  Wrong labels, estimated', describeRate(train.rate)],
    ['  Suspects, more probably wrong than not', String(suspects(train.wrong))],
  ];
  if (noisy) {
    const spread =
      train.kind === 'uniform' ? 'evenly over the other labels' : 'between some pairs of labels more than others';
    rows.push(['  Wrong labels are spread', spread]);
  }
  if (val !== null)
    rows.push([`  Wrong labels among ${pictures(dataset.val.length)} to validate on`, describeRate(val.rate)]);
  const head = `${data}: ${pictures(dataset.train.length)} to train on, judged by the features of ${model}`;
  const sections = [`${head}\n${table(rows)}`];
  if (bad.length > 0) {
    const list = bad.map(({ file, reason }) => `  ${file}: ${reason}`).join('\n');
    sections.push(`${pictures(bad.length)} missing or unreadable, not judged:\n${list}`);
  }
  if (noisy) sections.push(`Labels with the greatest share of wrong pictures\n${worst(found)}`);
  else sections.push('No sign of wrong labels beyond single ones.');
  const next = [
    `${join(out, 'labels.csv')} has a row a picture, the most probably wrong first.`,
    `Go through the suspects in a browser: ${join(out, 'audit.html')}. What it saves as`,
    '  corrections.csv goes into evenhand train --corrections corrections.csv',
    ...(noisy ? ['Train in spite of them:', `  evenhand train ${quoted(data)} --label-noise auto`] : []),
  ];
  sections.push(next.join('\n'));
  return sections.join('\n\n');
}

function worst({ dataset, train }: Audit): string {
  const rows = train.rateByLabel
    .map((rate, c) => ({
      rate,
      label: dataset.classes[c]!,
      pictures: dataset.train.filter(({ label }) => label === c).length,
    }))
    .filter(({ pictures }) => pictures > 0)
    .sort((a, b) => b.rate.value - a.rate.value)
    .slice(0, MOST_CLASSES)
    .map(({ rate, label, pictures }) => [
      `  ${label.length > 30 ? `${label.slice(0, 29)}…` : label}`,
      String(pictures),
      describeRate(rate),
    ]);
  return table([['  label', 'pictures', 'wrong'], ...rows], [1]);
}
