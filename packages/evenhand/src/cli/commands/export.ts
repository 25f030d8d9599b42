import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatInterval, formatPercent, formatScore, plural } from '../../format.js';
import { fields, findSpec } from '../../train/index.js';
import {
  type Comparison,
  compareOnValidation,
  type Exported,
  exportRun,
  exportWeights,
} from '../../workflows/index.js';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, type Parsed, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { guardedWrite, StatusLine } from '../output/files.js';
import { quoted } from '../output/text.js';
import { readLabels, readPreset } from '../predict/flags.js';

const flags: readonly Flag[] = [
  {
    name: 'out',
    boolean: false,
    value: 'FILE',
    doc: 'ONNX file to write [RUN/model.onnx, or MODEL.onnx for weights]',
  },
  {
    name: 'fp16',
    boolean: true,
    doc: 'store weights in half precision: half the size; for a run, also report the effect on validation',
  },
  {
    name: 'model',
    boolean: false,
    value: 'NAME',
    group: 'Weights from elsewhere',
    doc: `architecture: ${fields.model.expects}`,
  },
  {
    name: 'weights',
    boolean: false,
    value: 'FILE',
    group: 'Weights from elsewhere',
    doc: 'weights file (.safetensors or .pth) with the keys of torchvision or timm, including the head',
  },
  {
    name: 'labels',
    boolean: false,
    value: 'FILE',
    group: 'Weights from elsewhere',
    doc: 'text file with one class name per line, in the order of the logits',
  },
  {
    name: 'image-size',
    boolean: false,
    value: 'N',
    group: 'Weights from elsewhere',
    doc: 'input size in pixels that it was trained on [default of the model]',
  },
  {
    name: 'preset',
    boolean: false,
    value: 'FILE',
    group: 'Weights from elsewhere',
    doc: 'preprocessing as JSON, inline or in a file: resize, crop, cropMode (optional), interpolation, mean, std [default of the model]',
  },
];

/** Flags for weights that evenhand did not train. */
const weightsFlags = ['model', 'weights', 'labels', 'image-size', 'preset'];

export const exportModel: Command = {
  name: 'export',
  usage: ['export RUN [OPTIONS]', 'export --model NAME --weights FILE --labels FILE [OPTIONS]'],
  about: [
    'Exports the best checkpoint of a run, or weights that were trained elsewhere, to one ONNX file with everything that ' +
      'prediction needs: class names, preprocessing, decision rule, configuration. evenhand train does this at its end.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('export', args, flags);
    const given = weightsFlags.filter((name) => parsed.flags.has(name));
    if (parsed.positionals.length > 0 || given.length === 0) return exportFromRun(parsed, given);
    return exportFromWeights(parsed);
  },
};

async function exportFromRun(parsed: Parsed, given: readonly string[]): Promise<number> {
  const [run] = expectPositionals('export', parsed, ['RUN']);
  if (given.length > 0) throw new UsageError(`--${given[0]} is for weights from elsewhere; ${quoted(run!)} is a run`);
  const out = parsed.flags.get('out');
  const half = parsed.flags.get('fp16') === 'true';
  const exported = exportRun({ run: run!, half, ...(out === undefined ? {} : { out: makeFolderOf(out) }) });
  console.log(describe(exported));
  const { validation } = exported.metadata;
  if (validation !== null) {
    console.log(
      `Macro F1 of ${plural(validation.images, 'validation image')}: ` +
        formatInterval(validation.macroF1, validation.low, validation.high),
    );
  }
  const status = new StatusLine();
  // In 32 bits a few images show that the file computes what the checkpoint does; in 16 bits every image matters.
  const comparison = await compareOnValidation(run!, exported.path, half ? Number.POSITIVE_INFINITY : 16, (done, all) =>
    status.show(() => `Comparing with the checkpoint: ${done} of ${all}`),
  ).finally(() => status.clear());
  console.log(describeComparison(comparison, half));
  return exitCodes.done;
}

async function exportFromWeights({ flags }: Parsed): Promise<number> {
  const required = (name: string): string => {
    const value = flags.get(name);
    if (value !== undefined) return value;
    throw new UsageError(`--${name} is missing; usage: evenhand export --model NAME --weights FILE --labels FILE`);
  };
  const model = fields.model.accept(required('model'));
  if (model === undefined) throw new UsageError(`--model must be ${fields.model.expects}, got ${flags.get('model')}`);
  // A wrong name is reported before files are read.
  await findSpec(model);
  const size = flags.get('image-size');
  const imageSize = size === undefined ? 0 : fields.imageSize.accept(fields.imageSize.fromText(size));
  if (imageSize === undefined) throw new UsageError(`--image-size must be ${fields.imageSize.expects}, got ${size}`);
  const preset = readPreset(flags.get('preset'));
  if (preset !== undefined && imageSize > 0)
    throw new UsageError('--preset already sets the size: remove --image-size');
  const exported = await exportWeights({
    model,
    weights: required('weights'),
    labels: (await readLabels(required('labels')))!,
    imageSize,
    out: makeFolderOf(flags.get('out') ?? `${model}.onnx`),
    half: flags.get('fp16') === 'true',
    ...(preset === undefined ? {} : { preset }),
  });
  console.log(describe(exported));
  return exitCodes.done;
}

function makeFolderOf(out: string): string {
  guardedWrite(out, () => mkdirSync(dirname(out), { recursive: true }));
  return out;
}

function describe({ path, bytes, metadata }: Exported): string {
  const { model, classes, preset, decision, license } = metadata;
  const rule = decision.scale === null ? 'most probable class' : 'tuned for Macro F1';
  const restriction = license?.restriction === undefined ? '' : ` (${license.restriction})`;
  const terms = license === undefined ? '' : `; licence of the pretrained weights: ${license.id}${restriction}`;
  return (
    `${path}: ${model}, ${plural(classes.length, 'class', 'classes')}, ${preset.crop} px, ` +
    `${(bytes / 1e6).toFixed(1)} MB; decision rule: ${rule}${terms}`
  );
}

function describeComparison(comparison: Comparison, half: boolean): string {
  if (comparison.images === 0) return `Not compared with the checkpoint: ${comparison.reason}`;
  const { images, greatestDifference, agreement, checkpointMacroF1, fileMacroF1 } = comparison;
  const same = `${plural(images, 'validation image')}: logits differ from the checkpoint's by at most ${greatestDifference.toExponential(1)}`;
  if (!half) return `Checked on ${same}`;
  return (
    `Half precision, checked on ${same}, ${formatPercent(agreement)} of predictions are the same, ` +
    `Macro F1 ${formatScore(checkpointMacroF1)} before and ${formatScore(fileMacroF1)} after`
  );
}
