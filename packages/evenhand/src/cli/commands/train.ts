import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { distributed } from '@evenhand/torch';
import { requireAddon } from '@evenhand/torch/setup';
import { stringify } from 'smol-toml';
import { parseDuration } from '../../duration.js';
import { formatInterval, formatScore, plural } from '../../format.js';
import { describeMacroF1, meanAndDeviation } from '../../metrics/index.js';
import { printable } from '../../printable.js';
import { chosenInterval, describeCombinedModel, RunFolder } from '../../run/index.js';
import { followRun } from '../../track/index.js';
import {
  changeOnResume,
  configOfRun,
  configSchema,
  type FieldName,
  fieldNames,
  fields,
  mapPaths,
  type OutOfFold,
} from '../../train/index.js';
import type { TrainedRun } from '../../workflows/index.js';
import type { Command } from '../command.js';
import { configFlags, configOf, type Resolved, settingsOf } from '../options/config-flags.js';
import { expectPositionals, type Flag, type Parsed, parseFlags, readWholeNumber } from '../options/flags.js';
import { trackerOf } from '../options/trackers.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { json } from '../output/files.js';
import { continueWithoutOutput } from '../output/streams.js';
import { nameOf, quoted, table } from '../output/text.js';
import { Display } from '../training/display.js';
import { launched } from '../training/launcher.js';
import { runTraining } from '../training/parent.js';
import type { Job } from '../training/protocol.js';

const flags: readonly Flag[] = [
  {
    name: 'recipe',
    boolean: false,
    value: 'NAME',
    doc: 'recipe to start from; evenhand recipes lists them [auto: fast on a CPU, strong on a GPU]',
  },
  {
    name: 'config',
    boolean: false,
    value: 'FILE',
    doc: 'TOML, YAML or JSON file with settings such as headEpochs = 3; flags override it',
  },
  { name: 'run', boolean: false, value: 'DIR', doc: 'run folder to create [runs/DATA-RECIPE-N]' },
  {
    name: 'resume',
    boolean: false,
    value: 'RUN',
    doc: 'resume an interrupted run; learning rates, --clip-norm and the flags under Machine may change, and --batch-size with --accumulate if their product stays',
  },
  {
    name: 'resume-if-exists',
    boolean: true,
    doc: 'resume the run of --run if it is there: one command for the start and every restart',
  },
  {
    name: 'nproc',
    boolean: false,
    value: 'N',
    doc: 'train with N processes on this machine, which share every batch: one for each GPU, or the cores shared out [1]',
  },
  {
    name: 'timeout',
    boolean: false,
    value: 'TIME',
    doc: 'how long a process waits for the others it trains with before it gives up [10m]',
  },
  { name: 'data', boolean: false, value: 'PATH', doc: 'with --resume: new place of data that has moved' },
  {
    name: 'track',
    boolean: false,
    value: 'NAME',
    doc: 'show the run in tensorboard (an event file in the run folder) or mlflow (the server of MLFLOW_TRACKING_URI) too',
  },
  { name: 'print-config', boolean: true, doc: 'print the resolved configuration as TOML and exit' },
  { name: 'config-schema', boolean: true, doc: 'print the JSON Schema of configuration files, for editors, and exit' },
  ...configFlags,
];

export const train: Command = {
  name: 'train',
  usage: ['train DATA [OPTIONS]', 'train --resume RUN'],
  about: [
    'Trains a classifier on the labelled images of DATA and writes weights, metrics and a log to a run folder. The ' +
      'checkpoint with the best Macro F1 on the validation images is kept, or the last one with --keep last. Ctrl-C saves ' +
      'and quits; --resume then gives the same result as an uninterrupted run.',
    'DATA is a CSV file, a folder with train.csv (and val.csv), or a folder with one sub-folder per class (or with train ' +
      'and val folders of such sub-folders). Run evenhand check DATA first.',
    'Defaults in brackets are those of the recipe competition. To switch off a flag without a value that a recipe or ' +
      'file sets, write --autocast=false.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('train', args, flags);
    const resumed = parsed.flags.get('resume');
    if (resumed !== undefined) return resumeTraining(resumed, parsed);
    const [data] = parsed.positionals.length === 0 ? [] : expectPositionals('train', parsed, ['DATA']);
    if (parsed.flags.get('config-schema') === 'true') {
      process.stdout.write(json(configSchema()));
      return exitCodes.done;
    }
    if (parsed.flags.has('data')) throw new UsageError('--data goes with --resume; give DATA without a flag');
    const resolved = await configOf(parsed, data);
    if (parsed.flags.get('print-config') === 'true') {
      process.stdout.write(`recipe = "${resolved.recipe}"\n${stringify(resolved.config)}`);
      return exitCodes.done;
    }
    if (resolved.config.data === '') throw new UsageError('DATA is missing; usage: evenhand train DATA [OPTIONS]');
    const resumeIfExists = parsed.flags.get('resume-if-exists') === 'true';
    if (resumeIfExists && !parsed.flags.has('run')) {
      throw new UsageError('--resume-if-exists needs --run, the folder of the run');
    }
    const environment = launched();
    if (environment && !parsed.flags.has('run')) {
      throw new UsageError(
        'name the run folder with --run, which all processes of a distributed training must agree on',
      );
    }
    const run = parsed.flags.get('run') ?? freeName(resolved);
    // A run can be resumed from any folder, so its paths must not depend on this one.
    const job = { run, config: mapPaths(resolved.config, (path) => resolve(path)), resumeIfExists };
    return work(
      job,
      `Training on ${quoted(resolved.config.data)} with recipe ${resolved.recipe}${resolved.reason}; run folder: ${quoted(run)}`,
      parsed,
    );
  },
};

async function resumeTraining(run: string, parsed: Parsed): Promise<number> {
  expectPositionals('train --resume RUN', parsed, []);
  const other = ['recipe', 'config', 'run', 'resume-if-exists', 'print-config'].find((name) => parsed.flags.has(name));
  if (other !== undefined) {
    throw new UsageError(`--resume continues a run with its own configuration, so --${other} cannot be given with it`);
  }
  if (parsed.flags.has('epochs')) {
    throw new UsageError(
      `--epochs cannot change when a run is resumed. Train longer in a new run: ${trainLonger(run)}`,
    );
  }
  const data = parsed.flags.get('data');
  const changes: Record<string, unknown> = settingsOf(parsed, fieldNames);
  if (data !== undefined) changes.data = data;
  for (const name of Object.keys(changes) as FieldName[]) {
    if (fields[name].isPath !== undefined) changes[name] = resolve(String(changes[name]));
  }
  // Refused here, before a process is started; other processes of a distributed training may not see the run.
  if (isFirst(launched())) changeOnResume(configOfRun(RunFolder.open(run)), changes);
  return work({ run, changes }, `Resuming ${quoted(run)}`, parsed);
}

/** The command that continues from the weights of a run in a new one. */
function trainLonger(run: string): string {
  const folder = run.replace(/[\\/]+$/, '');
  const [config, weights] = [`${folder}/config.json`, `${folder}/best.safetensors`].map(quoted);
  return `evenhand train --config ${config} --weights ${weights} --epochs N --run ${quoted(`${folder}-longer`)}`;
}

const isFirst = (environment: distributed.Environment | null): boolean => (environment?.rank ?? 0) === 0;

/** The number of processes to start. */
function processesOf({ flags }: Parsed, environment: distributed.Environment | null): number {
  const count = readWholeNumber(flags, 'nproc');
  if (environment && count !== undefined) {
    throw new UsageError(
      `--nproc starts processes itself, but this one is rank ${environment.rank} of ${environment.worldSize} of a launcher (${environment.launcher}): leave it out`,
    );
  }
  return count ?? 1;
}

/** Trains, shows the progress, and prints the result. Of several processes that a launcher started, the first does. */
async function work(unlimited: Job, title: string, parsed: Parsed): Promise<number> {
  const { flags } = parsed;
  const environment = launched();
  const processes = processesOf(parsed, environment);
  const job = { ...unlimited, ...timeoutOf(flags.get('timeout')) };
  const debug = flags.get('debug') === 'true';
  const track = flags.get('track');
  // Of several processes, the first tracks the run.
  const tracker = track !== undefined && isFirst(environment) ? trackerOf('track', track) : undefined;
  const display = new Display(job.run, environment?.rank);
  const resume = `evenhand train --resume ${quoted(job.run)}`;
  const output: string[] = [];
  // Before there is a run, so that it is refused or offered here and not by the child process.
  requireAddon();
  // The run is worth more than its display, and train.log has every line.
  continueWithoutOutput();
  display.line(title);
  const sendRest =
    tracker &&
    followRun(job.run, tracker, (problem) =>
      display.line(
        `${problem}. Training goes on; to send the run later: evenhand track ${quoted(job.run)} --to ${track}`,
      ),
    );
  const outcome = await runTraining(
    job,
    {
      onEvent: (event) => display.event(event),
      onOutput: (line) => {
        const text = printable(line, 1000);
        output.push(text);
        if (debug) display.line(text);
        else display.record(text);
      },
      onStopping: () => {
        display.line('Saving... press Ctrl-C again to quit now');
      },
    },
    processes,
  );
  await sendRest?.();
  display.clear();
  const fail = (text: string, exitCode: number): number => {
    display.record(text);
    // One line for each machine.
    if (!environment || environment.localRank === 0) process.stderr.write(`evenhand: ${text}\n`);
    return exitCode;
  };
  if (outcome.type === 'done') {
    const { result } = outcome;
    if (!result.interrupted) {
      display.line(summary(result));
      if (result.wasFinished) display.line(`The run had finished before. Train longer: ${trainLonger(job.run)}`);
      return exitCodes.done;
    }
    display.line(`Saved after ${plural(result.epochs.length, 'epoch')}. Resume with: ${resume}`);
    return exitCodes.interrupted;
  }
  const started = RunFolder.isRun(job.run);
  if (!started && isFirst(environment)) RunFolder.removeUnstarted(job.run);
  const next = started ? `resume with ${resume}` : 'nothing was saved';
  if (outcome.type === 'stopped') return fail(`interrupted; ${next}`, exitCodes.interrupted);
  if (outcome.type === 'failed') {
    const { text, exitCode, stack, resumable, resumeFlags } = outcome.report;
    const canResume = started && !text.includes('--resume');
    const command = resumeFlags === undefined ? resume : `${resume} ${resumeFlags}`;
    const hint = canResume && (resumable || resumeFlags !== undefined) ? `\nResume with: ${command}` : '';
    return fail(`${text}${debug ? `\n${stack}` : ''}${hint}`, exitCode);
  }
  const memory =
    outcome.cause === 'SIGKILL'
      ? ', as the system does when memory runs out (half of --batch-size with twice of --accumulate needs less)'
      : '';
  const lastLines = debug ? [] : output.slice(-5).map((line) => `\n  ${line}`);
  return fail(
    `the training process${processes > 1 ? ` of rank ${outcome.rank}` : ''} was ended by ${outcome.cause}${memory}; ${next}${lastLines.join('')}`,
    exitCodes.failure,
  );
}

function timeoutOf(text: string | undefined): Pick<Job, 'timeoutSeconds'> {
  if (text === undefined) return {};
  const timeoutSeconds = parseDuration(text);
  if (timeoutSeconds === undefined) throw new UsageError(`--timeout ${text}: expected a time such as 90s or 10m`);
  return { timeoutSeconds };
}

function summary(result: TrainedRun): string {
  const { run, best, stoppedEarly, epochs, outOfFold } = result;
  if (outOfFold !== undefined) return summaryOfFolds(result, outOfFold);
  if (best === undefined) return `Finished without an epoch. Run folder: ${quoted(run)}`;
  const { value, low, high } = chosenInterval(best);
  const noisy = best.macroF1Posterior !== undefined;
  const scores = [
    [
      `  ${describeMacroF1(best, 'all')}${noisy ? ', given labels' : ''}`,
      formatInterval(best.macroF1, best.macroF1Low, best.macroF1High),
    ],
    ...(noisy ? [['  Macro F1, posterior labels (chose the checkpoint)', formatInterval(value, low, high)]] : []),
    ...(best.numPresent < best.numClasses
      ? [[`  ${describeMacroF1(best, 'present')}`, formatScore(best.macroF1Present)]]
      : []),
    ['  Accuracy', formatScore(best.accuracy)],
    ['  Balanced accuracy', formatScore(best.balancedAccuracy)],
  ];
  const phase = { head: 'head phase, ', full: '', 'new-head': 'the new head, ' }[best.phase];
  const checkpoint =
    best.averaged === undefined ? `${phase}epoch ${best.epoch}` : `the mean of the last ${best.averaged} epochs`;
  const numEpochs = epochs.filter(({ averaged }) => averaged === undefined).length;
  return [
    '',
    `${stoppedEarly ? 'Stopped early' : 'Finished'} after ${plural(numEpochs, 'epoch')}. Best checkpoint: ${checkpoint}`,
    table(scores),
    '',
    `Run folder: ${quoted(run)} (weights in best.safetensors, one line per epoch in metrics.jsonl)`,
    `Score it on other labelled images: evenhand eval ${quoted(run)} DATA`,
  ].join('\n');
}

function summaryOfFolds({ run, check }: TrainedRun, scores: OutOfFold): string {
  const { combine } = RunFolder.open(run).readConfig();
  const { macroF1Posterior, macroF1PosteriorLow, macroF1PosteriorHigh, foldScores } = scores;
  const noisy = macroF1Posterior !== undefined;
  const { mean, deviation } = meanAndDeviation(foldScores);
  const rows = [
    [
      `  ${describeMacroF1(scores, 'all')}${noisy ? ', given labels' : ''}`,
      formatInterval(scores.macroF1, scores.macroF1Low, scores.macroF1High),
    ],
    ...(noisy
      ? [
          [
            '  Macro F1, posterior labels',
            formatInterval(macroF1Posterior, macroF1PosteriorLow!, macroF1PosteriorHigh!),
          ],
        ]
      : []),
    ['  Accuracy', formatScore(scores.accuracy)],
    ['  Balanced accuracy', formatScore(scores.balancedAccuracy)],
    [
      '  Macro F1 of the folds, mean ± standard deviation',
      `${formatScore(mean)} ± ${formatScore(deviation)} (${foldScores.map(formatScore).join(', ')})`,
    ],
  ];
  return [
    '',
    `Finished ${foldScores.length} folds. Out of fold, each of the ${plural(scores.images, 'training image')} by the network that was trained without it:`,
    table(rows),
    '',
    describeCombinedModel(combine),
    ...(check === undefined
      ? []
      : [
          `Macro F1 of the model on the ${plural(check.images, 'validation image')} of the data, which no network was trained on: ${formatInterval(check.value, check.low, check.high)}`,
        ]),
    '',
    `Run folder: ${quoted(run)} (folds/0 to folds/${foldScores.length - 1} are runs, predictions.jsonl is out of fold)`,
    `Score it on other labelled images: evenhand eval ${quoted(run)} DATA`,
  ].join('\n');
}

/** `runs/flowers-fast-1`, or the same with the first number that is free. */
function freeName({ recipe, config }: Resolved): string {
  const name = nameOf(config.data);
  for (let n = 1; ; n++) {
    const run = join('runs', `${name}-${recipe}-${n}`);
    if (!existsSync(run)) return run;
  }
}
