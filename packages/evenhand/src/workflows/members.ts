import { existsSync } from 'node:fs';
import type { Preset } from '@evenhand/predict';
import type { ModelSpec } from '../models/index.js';
import { heldOutLabels, RunError, RunFolder, type ValidationPrediction, withLikelyLabels } from '../run/index.js';
import { type Config, ConfigError, configOfRun, modelOfRun, presetAt } from '../train/index.js';
import { likelyLabels } from './export-run.js';

/** A trained network of an ensemble. */
export interface Member {
  /** An ordinary run. */
  readonly folder: RunFolder;
  readonly config: Config;
  readonly spec: ModelSpec;
  readonly preset: Preset;
}

/** A run with its networks: one, or those of its folds. */
export interface Source {
  readonly folder: RunFolder;
  readonly members: readonly Member[];
  readonly isCrossValidated: boolean;
}

/**
 * Opens a run for export. A cross-validated run has one run per fold in `folds/`, or its one network in `final`. One that was
 * trained as the folds were, on more images, is judged by their held-out predictions; another only by its own.
 *
 * @throws RunError if there is no run, or if one of its networks has no checkpoint yet
 */
export function openSource(run: string): Source {
  const folder = RunFolder.open(run);
  const { combine } = folder.readConfig();
  if (combine !== undefined && combine !== 'ensemble') {
    if (!RunFolder.isRun(folder.final)) {
      throw new RunError(`${run} has no model yet, because not all of its folds have ended: continue the run first`);
    }
    const final = openMember(RunFolder.open(folder.final));
    const isRefit = combine === 'refit';
    return { folder: isRefit ? folder : final.folder, members: [final], isCrossValidated: isRefit };
  }
  const folds = folder.folds();
  if (folds.length === 0) return { folder, members: [openMember(folder)], isCrossValidated: false };
  const members = folds.map(openMember);
  const planned = members[0]!.config.folds;
  const begun = new Set(folds.map(({ path }) => path));
  const missing = Array.from({ length: planned }, (_, k) => k).find((k) => !begun.has(folder.foldPath(k)));
  if (missing !== undefined) {
    throw new RunError(`${run} has no fold ${missing} of 0 to ${planned - 1} yet: continue the run first`);
  }
  return { folder, members, isCrossValidated: true };
}

function openMember(folder: RunFolder): Member {
  const config = configOfRun(folder);
  const spec = modelOfRun(folder, config);
  if (existsSync(folder.best)) return { folder, config, spec, preset: presetAt(spec.preset, config.imageSize) };
  throw new RunError(
    `${folder.path} has no checkpoint to export, because no epoch has ended yet: continue the run first`,
  );
}

/**
 * The classes of the runs.
 *
 * @throws ConfigError if they are not the same, in the same order
 */
export function commonClasses(sources: readonly Source[]): readonly string[] {
  const [first, ...others] = sources.map(({ folder }) => ({
    path: folder.path,
    classes: folder.readEnvironment().dataset.classes,
  }));
  const { classes, path } = first!;
  for (const other of others) {
    const i = classes.findIndex((name, k) => other.classes[k] !== name);
    if (i < 0 && other.classes.length === classes.length) continue;
    const expected = 'an ensemble needs the same classes in the same order';
    if (other.classes.length !== classes.length) {
      throw new ConfigError(
        `${other.path} has ${other.classes.length} classes, ${path} ${classes.length}: ${expected}`,
      );
    }
    const names = [other.classes[i], classes[i]].map((name) => JSON.stringify(name));
    throw new ConfigError(`Class ${i + 1} of ${other.path} is ${names[0]}, that of ${path} ${names[1]}: ${expected}`);
  }
  return classes;
}

/**
 * Members of an ensemble read the same pixels. Their means and standard deviations may differ, because the graph converts
 * them, and so may their interpolation, which changes pixels little.
 *
 * @throws ConfigError if sizes or crops differ
 */
export function requireSameGeometry([first, ...others]: readonly Member[]): void {
  const geometryOf = ({ preset: { resize, crop, cropMode, mean } }: Member) => ({
    crop,
    resize,
    cropMode: cropMode ?? 'none',
    // The colour of the border is a part of the image.
    ...(cropMode === 'border' ? { mean: `${mean}` } : {}),
  });
  const expected = Object.entries(geometryOf(first!));
  for (const other of others) {
    const found = new Map<string, unknown>(Object.entries(geometryOf(other)));
    for (const [name, value] of expected) {
      if (found.get(name) === value) continue;
      throw new ConfigError(
        `${other.folder.path} reads images with ${name} ${found.get(name)}, ${first!.folder.path} with ${value}: an ` +
          'ensemble prepares an image once, so train its members with the same --image-size and models of the same preset',
      );
    }
  }
}

/**
 * Mean logits of the validation images that all runs share, by file and label. A cross-validated run counts as often as it
 * has folds; the logits of an image are those of the fold that was not trained on it. Labels are the most probable ones if
 * a run found label errors among its validation images.
 */
export function sharedPredictions(sources: readonly Source[]): ValidationPrediction[] {
  const keyOf = ({ file, label }: ValidationPrediction): string => JSON.stringify([file, label]);
  const tables = sources.map(({ folder, members }) => ({
    weight: members.length,
    rows: new Map(folder.readPredictions().map((row) => [keyOf(row), row.logits])),
  }));
  const total = tables.reduce((sum, { weight }) => sum + weight, 0);
  const shared: ValidationPrediction[] = [];
  for (const { file, label, logits } of sources[0]!.folder.readPredictions()) {
    const found = tables.map(({ rows }) => rows.get(keyOf({ file, label, logits })));
    if (!found.every((other) => other?.length === logits.length)) continue;
    const mean = logits.map((_, k) => tables.reduce((sum, { weight }, i) => sum + weight * found[i]![k]!, 0) / total);
    shared.push({ file, label, logits: mean });
  }
  return shared;
}

/** With the most probable labels instead of the given ones if one of the runs found label errors among them. */
export function withJudgedLabels(
  sources: readonly Source[],
  rows: readonly ValidationPrediction[],
): readonly ValidationPrediction[] {
  for (const { folder, isCrossValidated } of sources) {
    if (folder.readLabels().length === 0 && !isCrossValidated) continue;
    if (!isCrossValidated) return likelyLabels(folder, rows);
    const isNoisy = folder
      .folds()
      .some((fold) => fold.readEpochs().some((epoch) => epoch.macroF1Posterior !== undefined));
    if (isNoisy) return withLikelyLabels(rows, heldOutLabels(folder));
  }
  return rows;
}
