import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatInterval, formatPercent, formatScore, plural } from '../../format.js';
import { fields } from '../../train/index.js';
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
import { labelsOf, presetOf } from '../predict/flags.js';

const flags: readonly Flag[] = [
  {
    name: 'out',
    boolean: false,
    value: 'FILE',
    doc: "the file to write [RUN/model.onnx; MODEL's name in this folder]",
  },
  {
    name: 'fp16',
    boolean: true,
    doc: 'store the weights in 16 bits: half the file; of a run it says what that costs on its validation images',
  },
  { name: 'model', boolean: false, group: 'Weights from elsewhere', doc: `the backbone: ${fields.model.expects}` },
  {
    name: 'weights',
    boolean: false,
    value: 'FILE',
    group: 'Weights from elsewhere',
    doc: "safetensors or PyTorch's .pth, with the keys of torchvision or timm, the head included",
  },
  {
    name: 'labels',
    boolean: false,
    value: 'FILE',
    group: 'Weights from elsewhere',
    doc: 'class names, a line each, in the order of the logits',
  },
  {
    name: 'image-size',
    boolean: false,
    value: 'N',
    group: 'Weights from elsewhere',
    doc: "pixels of a side that it was trained on [the model's own]",
  },
  {
    name: 'preset',
    boolean: false,
    value: 'FILE',
    group: 'Weights from elsewhere',
    doc: "JSON with resize, crop, interpolation, mean, std; or the JSON itself [the model's own]",
  },
];

const foreign = ['model', 'weights', 'labels', 'image-size', 'preset'];

export const exportModel: Command = {
  name: 'export',
  usage: ['export RUN [OPTIONS]', 'export --model NAME --weights FILE --labels FILE [OPTIONS]'],
  about: [
    'Makes the best checkpoint of a run, or weights that were trained elsewhere, one ONNX file with all in it that ' +
      'prediction needs: class names, preprocessing, decision rule, configuration. evenhand train does it at its end.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('export', args, flags);
    const given = foreign.filter((name) => parsed.flags.has(name));
    if (parsed.positionals.length > 0 || given.length === 0) return ofRun(parsed, given);
    return ofWeights(parsed);
  },
};

async function ofRun(parsed: Parsed, given: readonly string[]): Promise<number> {
  const [run] = expectPositionals('export', parsed, ['RUN']);
  if (given.length > 0) throw new UsageError(`--${given[0]} is for weights from elsewhere; ${quoted(run!)} is a run`);
  const out = parsed.flags.get('out');
  const half = parsed.flags.get('fp16') === 'true';
  const exported = exportRun({ run: run!, half, ...(out === undefined ? {} : { out: folderOf(out) }) });
  console.log(describe(exported));
  const { validation } = exported.metadata;
  if (validation !== null) {
    console.log(
      `Macro F1 of ${plural(validation.images, 'validation image')}: ` +
        formatInterval(validation.macroF1, validation.low, validation.high),
    );
  }
  const status = new StatusLine();
  // In 32 bits a few images show that the file computes what the checkpoint does; in 16 bits all count.
  const comparison = await compareOnValidation(run!, exported.path, half ? Number.POSITIVE_INFINITY : 16, (done, all) =>
    status.show(() => `comparing with the checkpoint: ${done} of ${all}`),
  ).finally(() => status.clear());
  console.log(describeComparison(comparison, half));
  return exitCodes.done;
}

async function ofWeights({ flags: given }: Parsed): Promise<number> {
  const need = (name: string): string => {
    const value = given.get(name);
    if (value !== undefined) return value;
    throw new UsageError(`--${name} is missing: evenhand export --model NAME --weights FILE --labels FILE`);
  };
  const model = fields.model.accept(need('model'));
  if (model === undefined) throw new UsageError(`--model must be ${fields.model.expects}, got ${given.get('model')}`);
  const size = given.get('image-size');
  const imageSize = size === undefined ? 0 : fields.imageSize.accept(fields.imageSize.fromText(size));
  if (imageSize === undefined) throw new UsageError(`--image-size must be ${fields.imageSize.expects}, got ${size}`);
  const preset = presetOf(given.get('preset'));
  if (preset !== undefined && imageSize > 0)
    throw new UsageError('--preset says the size already: leave out --image-size');
  const exported = exportWeights({
    model,
    weights: need('weights'),
    labels: (await labelsOf(need('labels')))!,
    imageSize,
    out: folderOf(given.get('out') ?? `${model}.onnx`),
    half: given.get('fp16') === 'true',
    ...(preset === undefined ? {} : { preset }),
  });
  console.log(describe(exported));
  return exitCodes.done;
}

function folderOf(out: string): string {
  guardedWrite(out, () => mkdirSync(dirname(out), { recursive: true }));
  return out;
}

function describe({ path, bytes, metadata }: Exported): string {
  const { model, classes, preset, decision } = metadata;
  const rule = decision.scale === null ? 'the most probable class' : 'a rule for Macro F1';
  return (
    `${path}: ${model}, ${plural(classes.length, 'class', 'classes')}, ${preset.crop} px, ` +
    `${(bytes / 1e6).toFixed(1)} MB; it answers by ${rule}`
  );
}

function describeComparison(comparison: Comparison, half: boolean): string {
  if (comparison.images === 0) return `Not compared with the checkpoint: ${comparison.reason}`;
  const { images, greatestDifference, agreement, before, after } = comparison;
  const same = `${plural(images, 'validation image')}: logits within ${greatestDifference.toExponential(1)} of the checkpoint's`;
  if (!half) return `Checked on ${same}`;
  return (
    `16 bits cost on ${same}, the same answer for ${formatPercent(agreement)}, ` +
    `Macro F1 ${formatScore(before)} before and ${formatScore(after)} after`
  );
}
