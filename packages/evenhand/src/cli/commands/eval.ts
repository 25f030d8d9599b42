import { statSync } from 'node:fs';
import { DEVICES } from '@evenhand/predict';
import { formatInterval, formatScore, plural } from '../../format.js';
import { describeMacroF1 } from '../../metrics/index.js';
import { describeValue, printable } from '../../printable.js';
import { DATA_FILES, fields, type TrainEvent } from '../../train/index.js';
import { type Evaluation, evaluate, evaluateFile } from '../../workflows/index.js';
import type { Command } from '../command.js';
import { configFlags, readFlags, readOptionsOf, settingsOf } from '../options/config-flags.js';
import { csvSafeFlag, expectPositionals, type Flag, type Parsed, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { csv, json, StatusLine, writeOutput } from '../output/files.js';
import { listBadImages, quoted, shorten, table } from '../output/text.js';

/** Number of classes listed with the lowest F1. */
const LISTED_CLASSES = 10;

const dataFlags: readonly Flag[] = [
  {
    name: 'part',
    boolean: false,
    value: 'PART',
    doc: 'part of DATA to score: train or val [val if DATA has one, else train]',
    group: DATA_FILES,
  },
  ...readFlags,
];

const flags: readonly Flag[] = [
  { name: 'data', boolean: false, value: 'PATH', doc: 'current location of the training data, if it has moved' },
  {
    name: 'csv',
    boolean: false,
    value: 'FILE',
    group: 'Output',
    doc: 'write per-class scores as CSV, one row per class',
  },
  {
    name: 'json',
    boolean: false,
    value: 'FILE',
    group: 'Output',
    doc: 'write all scores as JSON; - prints JSON instead of the report',
  },
  csvSafeFlag,
  { name: 'device', boolean: false, value: 'DEVICE', doc: `${fields.device.expects} [as in training]` },
  { name: 'threads', boolean: false, value: 'N', doc: 'number of compute threads; 0 = one per core [as in training]' },
  ...configFlags.filter(({ name }) => name === 'cache'),
  ...dataFlags,
];

export const evaluation: Command = {
  name: 'eval',
  usage: ['eval RUN [OPTIONS]', 'eval RUN DATA [OPTIONS]', 'eval MODEL.onnx DATA [OPTIONS]'],
  about: [
    'Scores the best checkpoint of the run folder RUN on the validation images of the run, or on the labelled images of ' +
      'DATA, in any layout that evenhand train reads. Macro F1 is the unweighted mean of the F1 of all classes of the ' +
      'run, with its 95 % interval.',
    'A model file is scored by its predictions, that is by its decision rule, and needs no libtorch.',
    'If images that the run was trained on are among those scored, the scores are too high, and a warning says how many ' +
      'there are.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('eval', args, flags);
    const names = parsed.positionals.length < 2 ? ['RUN'] : ['RUN', 'DATA'];
    const [run, data] = expectPositionals('eval', parsed, names);
    requireData(data, parsed);
    const status = new StatusLine();
    const onEvent = (event: TrainEvent): void => {
      if (event.type !== 'progress') return;
      const action = event.stage === 'scan' ? 'Reading' : 'Scoring';
      status.show(() => `${action} images: ${event.done} of ${event.total}`);
    };
    const scored = isFile(run!) ? scoreFile(run!, data, parsed, onEvent) : scoreRun(run!, data, parsed, onEvent);
    const result = await scored.finally(() => status.clear());
    const [csvFile, jsonFile] = [parsed.flags.get('csv'), parsed.flags.get('json')];
    if (csvFile !== '-' && jsonFile !== '-') console.log(describe(run!, data, result));
    else for (const warning of warningsOf(run!, data, result)) process.stderr.write(`evenhand: ${warning}\n`);
    if (csvFile !== undefined) writeOutput(csvFile, perClassCsv(result, parsed.flags.get('csv-safe') === 'true'));
    if (jsonFile !== undefined) writeOutput(jsonFile, json(asJson(run!, data, result)));
    return exitCodes.done;
  },
};

type OnEvent = (event: TrainEvent) => void;

async function scoreRun(run: string, data: string | undefined, parsed: Parsed, onEvent: OnEvent): Promise<Evaluation> {
  const part = readPart(parsed);
  const { threads, cache } = settingsOf(parsed, ['threads', 'cache']);
  const device = parsed.flags.get('device');
  const runData = parsed.flags.get('data');
  return evaluate({
    run,
    ...(data === undefined ? {} : { data, read: readOptionsOf(parsed) }),
    ...(part === undefined ? {} : { part }),
    ...(runData === undefined ? {} : { runData }),
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(cache === undefined ? {} : { cache }),
    onEvent,
  });
}

async function scoreFile(
  model: string,
  data: string | undefined,
  parsed: Parsed,
  onEvent: OnEvent,
): Promise<Evaluation> {
  if (data === undefined)
    throw new UsageError(
      `DATA is missing: a model file has no images of its own; usage: evenhand eval ${quoted(model)} DATA`,
    );
  const other = ['data', 'cache'].find((name) => parsed.flags.has(name));
  if (other !== undefined) throw new UsageError(`--${other} goes with a run folder, not with a model file`);
  const part = readPart(parsed);
  const { threads } = settingsOf(parsed, ['threads']);
  const device = parsed.flags.get('device');
  const known = DEVICES.find((name) => name === device);
  if (device !== undefined && known === undefined)
    throw new UsageError(
      `--device must be one of ${DEVICES.join(', ')} for a model file, got ${describeValue(device)}`,
    );
  return evaluateFile({
    model,
    data,
    read: readOptionsOf(parsed),
    ...(part === undefined ? {} : { part }),
    ...(known === undefined ? {} : { device: known }),
    ...(threads === undefined ? {} : { threads }),
    onEvent,
  });
}

/** Whether this is a model file, and not the folder of a run. */
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? path.endsWith('.onnx');

function readPart({ flags }: Parsed): 'train' | 'val' | undefined {
  const part = flags.get('part');
  if (part === undefined || part === 'train' || part === 'val') return part;
  throw new UsageError(`--part must be train or val, got ${describeValue(part)}`);
}

/** Throws `UsageError` for flags that say how DATA is read if there is no DATA. */
function requireData(data: string | undefined, { flags }: Parsed): void {
  const flag = data === undefined ? dataFlags.find(({ name }) => flags.has(name)) : undefined;
  if (flag === undefined) return;
  throw new UsageError(`--${flag.name} says how DATA is read, but DATA is missing: evenhand eval RUN DATA [OPTIONS]`);
}

/** What makes the scores too high, or may. */
function warningsOf(run: string, data: string | undefined, result: Evaluation): string[] {
  const { trainingImages, report, runData } = result;
  // A model file does not say which images it was trained on.
  if (trainingImages === null && runData === '') return [];
  if (trainingImages === null) {
    return [
      `It is unknown whether the run was trained on some of these images, because its data is no longer in ` +
        `${printable(runData)}: pass its current location with --data.`,
    ];
  }
  if (trainingImages === 0) return [];
  const count =
    trainingImages === report.numImages
      ? `All of these images are`
      : `${trainingImages.toLocaleString('en')} of these images ${trainingImages === 1 ? 'is' : 'are'}`;
  const remedy = data === undefined ? '' : ` Score the validation images of the run with: evenhand eval ${quoted(run)}`;
  return [`Warning: ${count} training images of this run, so the scores are too high.${remedy}`];
}

function describe(run: string, data: string | undefined, result: Evaluation): string {
  const { report, bad } = result;
  const { value, low, high } = result.interval;
  const scores = [
    [describeMacroF1(report, 'all'), formatInterval(value, low, high)],
    ...(report.numPresent < report.numClasses
      ? [[describeMacroF1(report, 'present'), formatScore(report.macroF1Present)]]
      : []),
    ['Accuracy', formatScore(report.accuracy)],
    ['Balanced accuracy', formatScore(report.balancedAccuracy)],
    ['Weighted F1', formatScore(report.weightedF1)],
    ...(result.top5 === undefined ? [] : [['Top-5 accuracy', formatScore(result.top5)]]),
    ['Expected calibration error', formatScore(result.calibrationError)],
    ['Cross-entropy', formatScore(result.loss)],
  ];
  const images = `${plural(report.numImages, 'image')} of ${plural(report.numSupported, 'class', 'classes')}`;
  return [
    data === undefined ? `${run} on its validation images: ${images}` : `${run} on ${data}: ${images}`,
    ...warningsOf(run, data, result),
    ...(bad.length === 0
      ? []
      : [`${plural(bad.length, 'missing or unreadable image')}, not scored:\n${listBadImages(bad)}`]),
    table(scores.map(([name, text]) => [`  ${name}`, text!])),
    `Classes with the lowest F1\n${worstClasses(result)}`,
  ].join('\n\n');
}

function worstClasses({ report, classes }: Evaluation): string {
  const rows = report.perClass
    .map((score, i) => ({ ...score, label: classes[i]! }))
    .filter(({ support }) => support > 0)
    .sort((a, b) => a.f1 - b.f1)
    .slice(0, LISTED_CLASSES)
    .map(({ label, f1, precision, recall, support }) => [
      `  ${shorten(label, 30)}`,
      formatScore(f1),
      formatScore(precision),
      formatScore(recall),
      String(support),
    ]);
  return table([['  class', 'F1', 'precision', 'recall', 'images'], ...rows], [1, 2, 3, 4]);
}

function perClassCsv({ report, classes }: Evaluation, safe: boolean): string {
  const header = ['label', 'precision', 'recall', 'f1', 'support', 'predicted'];
  const rows = report.perClass.map(({ precision, recall, f1, support, predicted }, i) => {
    return [classes[i]!, precision, recall, f1, support, predicted];
  });
  return csv([header, ...rows], { safe });
}

function asJson(run: string, data: string | undefined, result: Evaluation): unknown {
  const { report, classes, loss, top5, calibrationError, trainingImages, runData, bad } = result;
  const { perClass, ...averages } = report;
  return {
    run,
    data: data ?? runData,
    trainingImages,
    ...averages,
    macroF1Interval: { low: result.interval.low, high: result.interval.high },
    loss,
    top5: top5 ?? null,
    calibrationError,
    perClass: perClass.map((score, i) => ({ label: classes[i], ...score })),
    bad,
  };
}
