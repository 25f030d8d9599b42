import { mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathsRelativeTo, readDataset, rootOf } from '../../data/index.js';
import { formatRate, plural } from '../../format.js';
import { type AuditFacts, type AuditImage, auditPage, isSuspect } from '../../report/index.js';
import { countLabels, fields, flagName } from '../../train/index.js';
import { type Audit, auditLabels } from '../../workflows/index.js';
import type { Command } from '../command.js';
import { configFlags, readFlags, readOptionsOf, settingsOf } from '../options/config-flags.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { type AuditSummary, auditFolder } from '../output/audit-summary.js';
import { exitCodes } from '../output/errors.js';
import { csv, guardedWrite, json, StatusLine, writeOutput, writePage } from '../output/files.js';
import { quoted, table } from '../output/text.js';

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
    'Finds labels that are probably wrong. Each image is judged by the features of a pretrained backbone and a classifier ' +
      'that was fitted without it. It prints how many labels are wrong, overall and by class, and writes labels.csv, a row ' +
      'an image, the most probably wrong first, and audit.html, where you go through the suspects and decide. What the ' +
      'page saves as corrections.csv goes into evenhand train --corrections.',
    'DATA is a folder or CSV file as evenhand train takes it. Nothing in it is changed. Features are kept, so that a ' +
      'second audit of the same images takes seconds.',
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
      values: settingsOf(parsed, settings),
      ...(corrections === undefined ? {} : { corrections }),
      cache: join(out, 'features.safetensors'),
      onEvent: (event) => {
        if (event.type !== 'progress') return;
        const { stage, done, total, imagesPerSecond } = event;
        const what = stage === 'scan' ? 'Looking at images' : 'Computing features';
        status.show(() => `${what}: ${done} of ${total}, ${imagesPerSecond.toFixed(0)} img/s`);
      },
    }).finally(() => status.clear());
    const images = judged(data!, found);
    const summary = summaryOf(data!, found) satisfies AuditSummary;
    writePage(join(out, 'labels.csv'), labelsCsv(images, found));
    writePage(join(out, 'audit.json'), json(summary));
    const file = parsed.flags.get('json');
    const { html, notes } = await auditPage(pageFacts(data!, images, found));
    writePage(join(out, 'audit.html'), html);
    if (file !== '-') console.log([describe(data!, out, found), ...notes].join('\n'));
    if (file !== undefined) writeOutput(file, json(summary));
    return exitCodes.done;
  },
};

/** All images, the most probably wrong first. */
function judged(data: string, { dataset, train, val }: Audit): AuditImage[] {
  const pathOf = pathsRelativeTo(data);
  const of = (part: 'train' | 'val') => {
    const estimate = part === 'train' ? train : val;
    const k = dataset.classes.length;
    return dataset[part].map(({ file, label }, i) => ({
      file: pathOf(file),
      part,
      given: label,
      wrong: estimate!.wrong[i]!,
      suggested: estimate!.suggested[i]!,
      suggestedProbability: estimate!.posterior[i * k + estimate!.suggested[i]!]!,
    }));
  };
  return [...of('train'), ...of('val')].sort((a, b) => b.wrong - a.wrong);
}

function pageFacts(data: string, images: readonly AuditImage[], found: Audit): AuditFacts {
  const { dataset, train, fingerprint, model } = found;
  return {
    data: rootOf(data),
    name: basename(resolve(data)),
    classes: dataset.classes,
    images,
    rate: train.rate,
    rateByLabel: train.rateByLabel,
    kind: train.kind,
    model,
    fingerprint,
  };
}

function labelsCsv(images: readonly AuditImage[], { dataset: { classes } }: Audit): string {
  const digits = (p: number): string => p.toFixed(4);
  return csv([
    ['file', 'part', 'given', 'wrong', 'suggested', 'suggested_probability'],
    ...images.map(({ file, part, given, wrong, suggested, suggestedProbability }) => {
      const names = [classes[given]!, digits(wrong), classes[suggested]!, digits(suggestedProbability)];
      return [file, part, ...names];
    }),
  ]);
}

const suspects = (wrong: Float64Array): number => wrong.filter((p) => isSuspect({ wrong: p })).length;

/** Every label with its training images and the rate of wrong ones among them. */
function byLabel({ dataset, train }: Pick<Audit, 'dataset' | 'train'>) {
  const images = countLabels(dataset.train, dataset.classes.length);
  return train.rateByLabel.map((rate, c) => ({ label: dataset.classes[c]!, images: images[c]!, ...rate }));
}

function summaryOf(data: string, { dataset, fingerprint, model, noisy, train, val, bad }: Audit) {
  return {
    data: resolve(data),
    fingerprint,
    model,
    images: dataset.train.length,
    noisy,
    rate: train.rate,
    kind: train.kind,
    suspects: suspects(train.wrong),
    byLabel: byLabel({ dataset, train }),
    validation: val === null ? null : { images: dataset.val.length, rate: val.rate, suspects: suspects(val.wrong) },
    bad,
  };
}

function describe(data: string, out: string, found: Audit): string {
  const { dataset, train, val, noisy, bad, model } = found;
  const images = (n: number): string => plural(n, 'image');
  const rows = [
    ['  Wrong labels, estimated', formatRate(train.rate)],
    ['  Suspects, more probably wrong than not', String(suspects(train.wrong))],
  ];
  if (noisy) {
    const spread =
      train.kind === 'uniform' ? 'evenly over the other labels' : 'between some pairs of labels more than others';
    rows.push(['  Wrong labels are spread', spread]);
  }
  if (val !== null)
    rows.push([`  Wrong labels among ${images(dataset.val.length)} to validate on`, formatRate(val.rate)]);
  const head = `${data}: ${images(dataset.train.length)} to train on, judged by the features of ${model}`;
  const sections = [`${head}\n${table(rows)}`];
  if (bad.length > 0) {
    const list = bad.map(({ file, reason }) => `  ${file}: ${reason}`).join('\n');
    sections.push(`${images(bad.length)} missing or unreadable, not judged:\n${list}`);
  }
  if (noisy) sections.push(`Labels with the greatest share of wrong images\n${worst(found)}`);
  else sections.push('No sign of wrong labels beyond single ones.');
  const next = [
    `${join(out, 'labels.csv')} has a row an image, the most probably wrong first.`,
    `Go through the suspects in a browser: ${join(out, 'audit.html')}. What it saves as`,
    '  corrections.csv goes into evenhand train --corrections corrections.csv',
    ...(noisy ? ['Train in spite of them:', `  evenhand train ${quoted(data)} --label-noise auto`] : []),
  ];
  sections.push(next.join('\n'));
  return sections.join('\n\n');
}

function worst(found: Audit): string {
  const rows = byLabel(found)
    .filter(({ images }) => images > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, MOST_CLASSES)
    .map(({ label, images, ...rate }) => [
      `  ${label.length > 30 ? `${label.slice(0, 29)}…` : label}`,
      String(images),
      formatRate(rate),
    ]);
  return table([['  label', 'images', 'wrong'], ...rows], [1]);
}
