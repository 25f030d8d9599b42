import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { libraryVersions, readMetadata } from '@evenhand/predict';
import { ZipFile } from 'yazl';
import { submissionReport } from '../../report/index.js';
import { RunFolder } from '../../run/index.js';
import {
  type Config,
  configOfRun,
  DATA_FILES,
  type FieldName,
  fieldNames,
  fields,
  flagName,
  mapPaths,
} from '../../train/index.js';
import { version } from '../../version.js';
import { exportRuns } from '../../workflows/index.js';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { json, writeOutput } from '../output/files.js';
import { bundleProgram } from '../submit/bundle.js';
import { pinned } from '../submit/pinned.js';

const flags: readonly Flag[] = [
  { name: 'team', boolean: false, value: 'NAME', doc: 'name of the team, the zip file and the folder in it' },
  { name: 'out', boolean: false, value: 'FILE', doc: 'zip file to write [NAME.zip]' },
];

/** What the competition runs: one flip as test-time augmentation, and a margin below its ten minutes for a slow start. */
const PREDICT = '--csv test.csv --images test/images --out predictions.csv --tta flip --time-limit 9m30s';

export const submit: Command = {
  name: 'submit',
  usage: ['submit RUN --team NAME [OPTIONS]'],
  about: [
    'Packages a run for a competition as one zip file: a prediction program that works offline, the model, pinned ' +
      'dependencies, the training configuration, and a two-page report.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('submit', args, flags);
    const [run] = expectPositionals('submit', parsed, ['RUN']);
    const team = parsed.flags.get('team');
    if (team === undefined) throw new UsageError('--team is missing; usage: evenhand submit RUN --team NAME');
    const folder = team.trim().replace(/[^\p{L}\p{N}._-]+/gu, '-');
    if (!/[\p{L}\p{N}]/u.test(folder))
      throw new UsageError(`--team must have a letter or digit, got ${JSON.stringify(team)}`);
    const out = parsed.flags.get('out') ?? `${folder}.zip`;
    const files = await filesOf(run!, team.trim(), folder);
    writeOutput(out, await zipOf(folder, files));
    const list = [...files.keys()].map((name) => `  ${folder}/${name}`).join('\n');
    console.log(
      `${out}: after unpacking, run "npm ci" once, then "npm run predict" classifies the images of test.csv\n${list}`,
    );
    return exitCodes.done;
  },
};

async function filesOf(run: string, team: string, folder: string): Promise<Map<string, Uint8Array>> {
  const opened = RunFolder.open(run);
  if (!existsSync(opened.model)) exportRuns({ runs: [run] });
  const model = readFileSync(opened.model);
  const metadata = readMetadata(model, opened.model);
  const program = await bundleProgram();
  const { onnxruntimePackage } = await libraryVersions();
  const about = {
    name:
      folder
        .toLowerCase()
        .replace(/[^a-z0-9._-]+/g, '-')
        .replace(/^[._-]+/, '') || 'submission',
    version: '1.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.9' },
    scripts: { predict: `node predict.js ${PREDICT}` },
  };
  const { manifest, lock } = pinned(about, [onnxruntimePackage, 'sharp']);
  const config = configOfRun(opened);
  const rule = metadata?.decision;
  const report = await submissionReport(opened, {
    team,
    decision:
      rule?.scale == null
        ? 'the most probable class'
        : 'a rule for Macro F1, affine in the probabilities, kept because it scored better on images held out of its fit',
    validation: metadata?.validation ?? null,
    settings: settingsOf(config),
    commands: ['evenhand train DATA --config training/config.json', `node predict.js ${PREDICT}`],
  });
  const text = (content: string): Uint8Array => Buffer.from(content);
  return new Map<string, Uint8Array>([
    ['README.md', text(readme(team, onnxruntimePackage))],
    ['predict.js', program['program.js']],
    ['worker.js', program['worker.js']],
    ['model.onnx', model],
    ['package.json', text(json(manifest))],
    ['package-lock.json', text(json(lock))],
    ['report.pdf', report],
    // Paths of this machine mean nothing on another.
    ['training/config.json', text(json(mapPaths(config, (path, name) => (isLocation(name) ? '' : path))))],
    ['training/environment.json', readFileSync(join(run, 'environment.json'))],
    ['training/metrics.jsonl', readFileSync(join(run, 'metrics.jsonl'))],
  ]);
}

const isLocation = (name: FieldName): boolean => fields[name].group === DATA_FILES;

/** The settings that matter most, and those that differ from their defaults. */
function settingsOf(config: Config): [string, string][] {
  const always: FieldName[] = [
    'model',
    'imageSize',
    'balance',
    'labelSmoothing',
    'mixProbability',
    'headEpochs',
    'epochs',
    'batchSize',
    'backboneRate',
    'headRate',
    'weightDecay',
    'patience',
    'seed',
  ];
  const isHidden = (name: FieldName): boolean =>
    isLocation(name) || fields[name].group === 'Machine' || name === 'weights' || always.includes(name);
  const changed = fieldNames.filter((name) => !isHidden(name) && String(config[name]) !== String(fields[name].default));
  const most = 22;
  return [...always, ...changed].slice(0, most).map((name) => [flagName(name), String(config[name])]);
}

function readme(team: string, onnxruntimePackage: string): string {
  const hint =
    onnxruntimePackage === 'onnxruntime-node'
      ? '\nIf npm fails because onnxruntime-node cannot download CUDA files: `ONNXRUNTIME_NODE_INSTALL=skip npm ci`.\n'
      : '';
  return `# ${team}

Requires Node.js 20.9 or newer. Install once, with a network or npm's cache:

    npm ci

Then run, offline, in the folder with test.csv and test/images, or with their paths in place of these:

    npm run predict
    node predict.js ${PREDICT}

predictions.csv has one row per row of test.csv, in the same order. Every row has a prediction within 9:30 minutes: views
are dropped if time runs out, never rows. An image that cannot be read is assigned the most frequent class and named on
standard error, and the exit code is 3. See \`node predict.js --help\` for all options.

| file | contents |
| --- | --- |
| predict.js, worker.js | the prediction program, evenhand ${version()} |
| model.onnx | network, class names, preprocessing and decision rule |
| package.json, package-lock.json | the two libraries it runs on and their dependencies, pinned |
| training/ | configuration, environment and metrics of the training |
| report.pdf | the report |
${hint}`;
}

/** A zip file with `files` in `folder`. */
function zipOf(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, bytes] of files) {
    // Weights hardly compress.
    zip.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), `${folder}/${name}`, {
      compress: !name.endsWith('.onnx'),
    });
  }
  zip.end();
  return buffer(zip.outputStream);
}
