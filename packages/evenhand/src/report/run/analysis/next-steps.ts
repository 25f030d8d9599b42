import { plural } from '../../../format.js';
import { expectedMacroF1IntervalWidth, WIDEST_INTERVAL } from '../../../metrics/index.js';
import type { Analysis } from './analyse-run.js';
import { confidentErrors, isStillImproving } from './findings.js';

/** A command to type in a shell, and what it is for. */
export interface ShellCommand {
  readonly why: string;
  readonly command: string;
}

/** The run folder and the data as they are typed in a shell. */
export interface ShellPaths {
  readonly run: string;
  readonly data: string;
  /** A file of the run folder, and a folder beside it whose name ends in `-suffix`. */
  file(name: string): string;
  sibling(suffix: string): string;
}

/** The commands that make sense for this run now, the most urgent first. */
export function nextSteps(analysis: Analysis, paths: ShellPaths, hasModelFile: boolean): ShellCommand[] {
  const { run } = paths;
  const { epochs, folds, scores } = analysis;
  const hasNothing = folds.length > 0 ? scores === null : epochs.length === 0;
  if (hasNothing) return [{ why: 'Resume training', command: `evenhand train --resume ${run}` }];
  return [
    ...reviewLabels(analysis, paths),
    ...holdOutMore(analysis, paths),
    ...trainLonger(analysis, paths),
    { why: 'Score it on labelled test images', command: `evenhand eval ${run} TEST_DATA` },
    { why: 'Classify new images', command: `evenhand predict ${run} IMAGES` },
    hasModelFile
      ? {
          why: 'Export a model file of half the size',
          command: `evenhand export ${run} --fp16 --out ${paths.file('model-fp16.onnx')}`,
        }
      : { why: 'Export to one ONNX file', command: `evenhand export ${run}` },
  ];
}

function reviewLabels({ labels, scores }: Analysis, { data }: ShellPaths): ShellCommand[] {
  const command = `evenhand audit ${data}`;
  if (labels !== null && labels.likelyErrors > 0) {
    return [{ why: `Review ${plural(labels.likelyErrors, 'likely label error')}`, command }];
  }
  const confident = scores === null ? 0 : confidentErrors(scores.images);
  return confident > 0 ? [{ why: `Check for label errors: ${plural(confident, 'confident mistake')}`, command }] : [];
}

/** If validation cannot choose an epoch: train again with more validation images, as far as there are any. */
function holdOutMore({ scores, config, environment }: Analysis, paths: ShellPaths): ShellCommand[] {
  if (scores === null || !cannotChooseEpoch(scores.report.perClass)) return [];
  const { train, val } = environment.dataset;
  // Early versions did not record them.
  if (![train, val].every(Number.isFinite)) return [];
  const images = Number(config.valFraction) > 0 ? train + val : train;
  const fraction = [0.15, 0.2, 0.25, 0.3].find((share) => share * images > 1.25 * val);
  // --val-fraction contradicts folds and a CSV file of validation images.
  const hasOtherSplit = Number(config.folds) > 0 || (config.valCsv ?? '') !== '';
  if (fraction === undefined || hasOtherSplit) return [];
  return [
    {
      why: `Use more validation images: ${plural(val, 'image')} cannot choose an epoch`,
      command: `${trainAgain(paths)} --val-fraction ${fraction} --run ${paths.sibling('more-validation')}`,
    },
  ];
}

/** The rule of `evenhand check`: the expected 95 % interval of Macro F1 is too wide to tell epochs apart. */
const cannotChooseEpoch = (perClass: readonly { readonly support: number }[]): boolean =>
  expectedMacroF1IntervalWidth(perClass.map(({ support }) => support)) > WIDEST_INTERVAL;

function trainLonger(analysis: Analysis, paths: ShellPaths): ShellCommand[] {
  const epochs = Number(analysis.config.epochs);
  if (!isStillImproving(analysis) || !(epochs > 0)) return [];
  return [
    {
      why: 'Train longer: the last epoch has the best score',
      command: `${trainAgain(paths)} --epochs ${2 * epochs} --run ${paths.sibling('longer')}`,
    },
  ];
}

/** The command that trains with the run's configuration, to which flags can be added. */
export const trainAgain = ({ data, file }: ShellPaths): string =>
  `evenhand train ${data} --config ${file('config.json')}`;
