import { mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ModelMetadata } from '@evenhand/predict';
import { formatInterval, formatPercent, formatScore, plural } from '../../format.js';
import { tryPages } from '../../report/index.js';
import { fields, findSpec } from '../../train/index.js';
import {
  type Comparison,
  compareOnValidation,
  type Exported,
  exportRuns,
  exportWeights,
} from '../../workflows/index.js';
import type { Command } from '../command.js';
import { type Flag, type Parsed, parseFlags, readUnsureBelow } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { guardedWrite, StatusLine, writeOutput } from '../output/files.js';
import { quoted } from '../output/text.js';
import { readLabels, readPreset } from '../predict/flags.js';

const flags: readonly Flag[] = [
  {
    name: 'out',
    boolean: false,
    value: 'FILE',
    doc: 'ONNX file to write; needed for several runs [RUN/model.onnx, or MODEL.onnx for weights]',
  },
  {
    name: 'fp16',
    boolean: true,
    doc: 'store weights in half precision: half the size; for a run, also report the effect on validation',
  },
  {
    name: 'web',
    boolean: false,
    value: 'DIR',
    group: 'Page',
    doc: 'also write a folder with the model and a page that runs it in the browser; needs onnxruntime-web',
  },
  {
    name: 'unsure-below',
    boolean: false,
    value: 'P',
    group: 'Page',
    doc: 'the page calls predictions of a lower probability unsure [0.5]',
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
  usage: [
    'export RUN [OPTIONS]',
    'export RUN RUN... --out FILE [OPTIONS]',
    'export --model NAME --weights FILE --labels FILE [OPTIONS]',
  ],
  about: [
    'Exports the best checkpoint of a run, or weights that were trained elsewhere, to one ONNX file with everything that ' +
      'prediction needs: class names, preprocessing, decision rule, configuration. evenhand train does this at its end.',
    'Several runs with the same classes, and a cross-validated run, become an ensemble: one file that averages the logits ' +
      'of its members. Its decision rule and score come from the mean logits of the validation images that the runs ' +
      'share. evenhand predict --time-limit drops the last members first if time is short.',
    '--web writes a page that classifies images in the browser, on WebGPU or WebAssembly: put the folder on any server of ' +
      'static files. It works offline once it was open.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('export', args, flags);
    const given = weightsFlags.filter((name) => parsed.flags.has(name));
    if (parsed.positionals.length > 0 || given.length === 0) return exportFromRuns(parsed, given);
    return exportFromWeights(parsed);
  },
};

async function exportFromRuns({ positionals: runs, flags }: Parsed, given: readonly string[]): Promise<number> {
  if (runs.length === 0) throw new UsageError('RUN is missing; usage: evenhand export RUN [OPTIONS]');
  if (given.length > 0)
    throw new UsageError(`--${given[0]} is for weights from elsewhere; ${quoted(runs[0]!)} is a run`);
  const out = flags.get('out');
  if (out === undefined && runs.length > 1) {
    throw new UsageError(`--out is missing; the file of ${runs.length} runs needs a name: --out FILE`);
  }
  const half = flags.get('fp16') === 'true';
  const exported = exportRuns({ runs, half, ...(out === undefined ? {} : { out: makeFolderOf(out) }) });
  const { metadata, note, path } = exported;
  console.log(describe(exported));
  if (note !== undefined) console.log(`${note}.`);
  console.log(describeScore(metadata));
  const status = new StatusLine();
  // In 32 bits a few images show that the file computes what the checkpoint does; otherwise every image matters.
  const isExact = !half && note === undefined;
  const comparison = await compareOnValidation(runs, path, isExact ? 16 : Number.POSITIVE_INFINITY, (done, all) =>
    status.show(() => `Comparing with the checkpoint: ${done} of ${all}`),
  ).finally(() => status.clear());
  console.log(describeComparison(comparison, isExact, half ? 'Half precision, checked on' : 'Checked on'));
  await writeWebFolder(flags, exported, basename(resolve(runs[0]!)));
  return exitCodes.done;
}

function describeScore({ validation, members = 1 }: ModelMetadata): string {
  if (validation !== null) {
    return (
      `Macro F1 of ${plural(validation.images, 'validation image')}: ` +
      formatInterval(validation.macroF1, validation.low, validation.high)
    );
  }
  return members === 1
    ? 'No decision rule and no score: the run has no validation images'
    : 'No decision rule and no score: the runs share no validation images';
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
  await writeWebFolder(flags, exported, model);
  return exitCodes.done;
}

/** Writes the folder of `--web`, if it is given. @param name the title of its page */
async function writeWebFolder(flags: Parsed['flags'], { path, metadata }: Exported, name: string): Promise<void> {
  const folder = flags.get('web');
  if (folder === undefined) return;
  const { MissingRuntime, tryFacts, webFolder } = await tryPages();
  const facts = tryFacts(metadata, readUnsureBelow(flags), name);
  const files = await webFolder(facts, readFileSync(path)).catch((error: unknown) => {
    throw error instanceof MissingRuntime ? new UsageError(`--web: ${error.message}`) : error;
  });
  guardedWrite(folder, () => mkdirSync(folder, { recursive: true }));
  for (const [file, bytes] of files) writeOutput(join(folder, file), bytes);
  const size = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  console.log(`${folder}: a page for any server of static files, ${(size / 1e6).toFixed(1)} MB`);
}

function makeFolderOf(out: string): string {
  guardedWrite(out, () => mkdirSync(dirname(out), { recursive: true }));
  return out;
}

function describe({ path, bytes, metadata }: Exported): string {
  const { model, members = 1, classes, preset, decision, license } = metadata;
  const rule = decision.scale === null ? 'most probable class' : 'tuned for Macro F1';
  const restriction = license?.restriction === undefined ? '' : ` (${license.restriction})`;
  const terms = license === undefined ? '' : `; licence of the pretrained weights: ${license.id}${restriction}`;
  const networks = members === 1 ? model : `${members} members of ${model}`;
  return (
    `${path}: ${networks}, ${plural(classes.length, 'class', 'classes')}, ${preset.crop} px, ` +
    `${(bytes / 1e6).toFixed(1)} MB; decision rule: ${rule}${terms}`
  );
}

/** @param isExact whether the file should compute what the checkpoints do */
function describeComparison(comparison: Comparison, isExact: boolean, checked: string): string {
  if (comparison.images === 0) return `Not compared with the checkpoint: ${comparison.reason}`;
  const { images, greatestDifference, agreement, checkpointMacroF1, fileMacroF1 } = comparison;
  const same = `${plural(images, 'validation image')}: logits differ from the checkpoint's by at most ${greatestDifference.toExponential(1)}`;
  if (isExact) return `${checked} ${same}`;
  return (
    `${checked} ${same}, ${formatPercent(agreement)} of predictions are the same, ` +
    `Macro F1 ${formatScore(checkpointMacroF1)} before and ${formatScore(fileMacroF1)} after`
  );
}
