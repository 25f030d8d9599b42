import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathsRelativeTo, readDataset, rootOf } from '../../data/index.js';
import { formatRate, plural } from '../../format.js';
import { betterCached } from '../../models/index.js';
import { rangeOf } from '../../part.js';
import { type AuditFacts, type AuditImage, auditPage, isLikelyError, likeliestCandidates } from '../../report/index.js';
import { countLabels, flagName, type TrainEvent } from '../../train/index.js';
import { type Audit, auditLabels, cacheFeatures } from '../../workflows/index.js';
import type { Command } from '../command.js';
import { configFlags, readFlags, readOptionsOf, settingsOf } from '../options/config-flags.js';
import { csvSafeFlag, expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { readShard } from '../options/shard.js';
import { type AuditSummary, auditFolder } from '../output/audit-summary.js';
import { exitCodes, printableMessage } from '../output/errors.js';
import { csv, guardedWrite, json, StatusLine, writeOutput, writePage } from '../output/files.js';
import { listBadImages, quoted, shorten, table } from '../output/text.js';

/** Classes listed in the summary. */
const WORST_CLASSES = 10;

/** Training settings that also apply to an audit. */
const settings = [
  'model',
  'pool',
  'weights',
  'imageSize',
  'device',
  'threads',
  'workers',
  'cache',
  'seed',
  'batchSize',
] as const;

const flags: readonly Flag[] = [
  { name: 'out', boolean: false, value: 'DIR', group: 'Output', doc: 'output folder [audits/DATA]' },
  {
    name: 'corrections',
    boolean: false,
    value: 'FILE',
    doc: 'corrections.csv of an earlier audit, whose labels are taken as correct',
  },
  {
    name: 'json',
    boolean: false,
    value: 'FILE',
    group: 'Output',
    doc: 'write the summary as JSON; - prints JSON instead of the summary',
  },
  csvSafeFlag,
  {
    name: 'shard',
    boolean: false,
    value: 'I/N',
    group: 'Several machines',
    doc: 'only compute the features of part I of N of the images, counted from 0, for an audit without it that follows',
  },
  ...configFlags
    .filter(({ name }) => settings.some((setting) => flagName(setting) === name))
    .map((flag) => (flag.name === 'model' ? { ...flag, doc: flag.doc.replace(/\[.*\]/, '[mobilenet_v2]') } : flag))
    .map((flag) => (flag.name === flagName('batchSize') ? { ...flag, group: 'Machine' } : flag)),
  ...readFlags,
];

const activities: Readonly<Record<string, string>> = {
  scan: 'Reading images',
  features: 'Computing features',
  labels: 'Judging labels',
};

export const audit: Command = {
  name: 'audit',
  usage: ['audit DATA [OPTIONS]'],
  about: [
    'Finds likely label errors: each image is scored by a classifier that was fitted without it, on the features of a ' +
      'pretrained backbone. Prints the estimated rate of wrong labels, overall and per class, and writes labels.csv (one ' +
      'row per image, the least plausible labels first) and audit.html, a page to review them in a browser. The page ' +
      'saves your decisions as corrections.csv for evenhand train --corrections.',
    'DATA is any folder or CSV file that evenhand train reads. It is not changed. Features are cached in the output ' +
      'folder, so repeating an audit takes seconds.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('audit', args, flags);
    const [data] = expectPositionals('audit', parsed, ['DATA']);
    const out = parsed.flags.get('out') ?? auditFolder(data!);
    const status = new StatusLine();
    const corrections = parsed.flags.get('corrections');
    // Unusable data must not leave an empty folder behind.
    await readDataset(data!, readOptionsOf(parsed));
    guardedWrite(out, () => mkdirSync(out, { recursive: true }));
    const shard = readShard(parsed.flags);
    const parts = shard ? [] : shardsIn(out);
    const options = {
      data: data!,
      read: readOptionsOf(parsed),
      values: settingsOf(parsed, settings),
      ...(corrections === undefined ? {} : { corrections }),
      cache: join(out, shard ? `features-${shard.index}-of-${shard.count}.safetensors` : 'features.safetensors'),
      onEvent: (event: TrainEvent) => {
        if (event.type === 'note') {
          status.clear();
          // Where weights are from, and their licence.
          process.stderr.write(`${printableMessage(event.text)}\n`);
        }
        if (event.type !== 'progress') return;
        const { stage, done, total, imagesPerSecond } = event;
        const what = activities[stage] ?? stage;
        status.show(() => `${what}: ${done} of ${total}, ${imagesPerSecond.toFixed(0)} img/s`);
      },
    };
    if (shard) {
      const count = await cacheFeatures(options, (total) => rangeOf(shard, total)).finally(() => status.clear());
      console.log(
        `Wrote the features of ${plural(count, 'image')}, shard ${shard.index} of ${shard.count}, to ${quoted(options.cache)}. When all are there, run evenhand audit without --shard.`,
      );
      return exitCodes.done;
    }
    const result = await auditLabels({ ...options, parts }).finally(() => status.clear());
    for (const part of parts) rmSync(part, { force: true });
    const images = rankImages(data!, result);
    const summary = summarize(data!, result) satisfies AuditSummary;
    writePage(join(out, 'labels.csv'), labelsCsv(images, result, parsed.flags.get('csv-safe') === 'true'));
    writePage(join(out, 'audit.json'), json(summary));
    const file = parsed.flags.get('json');
    const { html, notes } = await auditPage(pageFacts(data!, images, result));
    writePage(join(out, 'audit.html'), html);
    const better = parsed.flags.has('model') ? undefined : betterCached(result.model);
    if (file !== '-') {
      const text = describe(data!, out, result);
      const suggestion = better === undefined ? [] : [suggest(data!, better)];
      console.log([text, ...notes.map(printableMessage), ...suggestion].join('\n'));
    }
    if (file !== undefined) writeOutput(file, json(summary));
    return exitCodes.done;
  },
};

/** The files of shards that an audit has left in its folder. */
const shardsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /^features-\d+-of-\d+\.safetensors$/.test(name))
    .map((name) => join(folder, name));

/** All images, sorted by the probability that their label is wrong, descending. */
function rankImages(data: string, { dataset, train, val }: Audit): AuditImage[] {
  const pathOf = pathsRelativeTo(data);
  const imagesOf = (part: 'train' | 'val') => {
    const estimate = part === 'train' ? train : val;
    const k = dataset.classes.length;
    return dataset[part].map(({ file, label }, i) => ({
      file: pathOf(file),
      part,
      given: label,
      wrong: estimate!.wrong[i]!,
      candidates: likeliestCandidates(estimate!.posterior.subarray(i * k, (i + 1) * k), label),
    }));
  };
  return [...imagesOf('train'), ...imagesOf('val')].sort((a, b) => b.wrong - a.wrong);
}

function pageFacts(data: string, images: readonly AuditImage[], result: Audit): AuditFacts {
  const { dataset, train, fingerprint, model } = result;
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
    trainCommand: `evenhand train ${quoted(data)} --corrections corrections.csv`,
  };
}

function labelsCsv(images: readonly AuditImage[], { dataset: { classes } }: Audit, safe: boolean): string {
  const digits = (p: number): string => p.toFixed(4);
  const header = ['file', 'part', 'given', 'wrong', 'suggested', 'suggested_probability'];
  const rows = images.map(({ file, part, given, wrong, candidates }) => {
    const { label, probability } = candidates[0]!;
    return [file, part, classes[given]!, digits(wrong), classes[label]!, digits(probability)];
  });
  return csv([header, ...rows], { safe });
}

const countLikelyErrors = (wrong: Float64Array): number => wrong.filter((p) => isLikelyError({ wrong: p })).length;

/** Every label with the number of its training images and the estimated share of wrong ones. */
function ratesByLabel({ dataset, train }: Pick<Audit, 'dataset' | 'train'>) {
  const images = countLabels(dataset.train, dataset.classes.length);
  return train.rateByLabel.map((rate, c) => ({ label: dataset.classes[c]!, images: images[c]!, ...rate }));
}

function summarize(data: string, { dataset, fingerprint, model, noisy, train, val, bad }: Audit) {
  return {
    data: resolve(data),
    fingerprint,
    model,
    images: dataset.train.length,
    noisy,
    rate: train.rate,
    kind: train.kind,
    suspects: countLikelyErrors(train.wrong),
    byLabel: ratesByLabel({ dataset, train }),
    validation:
      val === null ? null : { images: dataset.val.length, rate: val.rate, suspects: countLikelyErrors(val.wrong) },
    bad,
  };
}

function describe(data: string, out: string, result: Audit): string {
  const { dataset, train, val, noisy, bad, model } = result;
  const rows = [
    ['  Estimated rate of wrong labels', formatRate(train.rate)],
    ['  Likely label errors (P > 0.5)', String(countLikelyErrors(train.wrong))],
  ];
  if (noisy) {
    const spread =
      train.kind === 'uniform' ? 'evenly over the other classes' : 'mainly between certain pairs of classes';
    rows.push(['  Errors are spread', spread]);
  }
  if (val !== null)
    rows.push([`  Estimated rate in ${plural(dataset.val.length, 'validation image')}`, formatRate(val.rate)]);
  const head = `${data}: ${plural(dataset.train.length, 'training image')}, features of ${model}`;
  const sections = [`${head}\n${table(rows)}`];
  if (bad.length > 0) {
    sections.push(`${plural(bad.length, 'missing or unreadable image')}, not scored:\n${listBadImages(bad)}`);
  }
  if (noisy) sections.push(`Classes with the highest rate of wrong labels\n${describeWorst(result)}`);
  else sections.push('No sign of label errors beyond single images.');
  const next = [
    `All images, the least plausible labels first: ${quoted(join(out, 'labels.csv'))}`,
    `Review them in a browser: ${quoted(join(out, 'audit.html'))}`,
    'Train with the corrections that the page saves:',
    `  evenhand train ${quoted(data)} --corrections corrections.csv`,
    ...(noisy ? ['Train with noise-robust soft labels:', `  evenhand train ${quoted(data)} --label-noise auto`] : []),
  ];
  sections.push(next.join('\n'));
  return sections.join('\n\n');
}

function suggest(data: string, { name, imageSize }: NonNullable<ReturnType<typeof betterCached>>): string {
  return `Judge the labels by better features, whose weights are on this machine:
  evenhand audit ${quoted(data)} --model ${name} --image-size ${imageSize}`;
}

function describeWorst(result: Audit): string {
  const rows = ratesByLabel(result)
    .filter(({ images }) => images > 0)
    .sort((a, b) => b.value - a.value)
    .slice(0, WORST_CLASSES)
    .map(({ label, images, ...rate }) => [`  ${shorten(label, 30)}`, String(images), formatRate(rate)]);
  return table([['  class', 'images', 'wrong'], ...rows], [1]);
}
