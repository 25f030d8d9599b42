import { MOST_PROBABLE, type ModelLicense, type ModelMetadata, metadataEntries } from '@evenhand/predict';
import { nn } from '@evenhand/torch';
import { type EnsembleMember, exportEnsemble } from '../export/index.js';
import { expectedClassCounts, RunFolder } from '../run/index.js';
import { buildModel, ConfigError } from '../train/index.js';
import { version } from '../version.js';
import { type Exported, exportRun, type FileOptions, judge, loadWeights, writeFile } from './export-run.js';
import {
  commonClasses,
  type Member,
  openSource,
  requireSameGeometry,
  sharedPredictions,
  withJudgedLabels,
} from './members.js';

export interface ExportRunsOptions extends Partial<FileOptions> {
  /** Run folders. The path of the model file is needed if there are several; for one it is `model.onnx` in it. */
  readonly runs: readonly string[];
}

/**
 * Exports the best checkpoints of several runs, or of the folds of a cross-validated run, to one ONNX file that averages
 * their logits. Members are in the order of the runs and folds; `predict` drops the last ones first if time is short.
 * Decision rule and score come from the mean logits of the validation images that the runs share; without any, the file
 * has neither. A single ordinary run is exported as by `exportRun`.
 *
 * @throws RunError if there is no run or no checkpoint, ConfigError if classes or preprocessing differ, ExportError if a
 * model cannot be exported or the file would be too large, WeightsFileError if it cannot be written
 */
export function exportRuns({ runs, out, half = false }: ExportRunsOptions): Exported {
  const sources = runs.map(openSource);
  const [source] = sources;
  if (source === undefined) throw new ConfigError('There is no run to export');
  const members = sources.flatMap((one) => one.members);
  if (members.length === 1) {
    const run = members[0]!.folder.path;
    const rows = source.isCrossValidated ? withJudgedLabels(sources, sharedPredictions(sources)) : undefined;
    return exportRun({ run, half, out: out ?? RunFolder.open(runs[0]!).model, ...(rows ? { rows } : {}) });
  }
  if (out === undefined && sources.length > 1)
    throw new ConfigError('out is missing: the file of several runs needs a path');
  const classes = commonClasses(sources);
  requireSameGeometry(members);
  const [first] = members;
  const rows = withJudgedLabels(sources, sharedPredictions(sources));
  const datasets = sources.map(({ folder }) => folder.readEnvironment().dataset);
  const trainingCounts = expectedClassCounts(datasets[0]!, source.folder.readLabels());
  const { decision, validation } = judge(rows, { classes, trainingCounts, seed: first!.config.seed });
  const license = licenseOf(members);
  const metadata: ModelMetadata = {
    version: version(),
    model: [...new Set(members.map(({ config }) => config.model))].join(' + '),
    members: members.length,
    classes,
    preset: first!.preset,
    decision: decision?.rule ?? MOST_PROBABLE,
    classCounts: datasets[0]!.classCounts ?? null,
    config: source.folder.readConfig(),
    dataFingerprint: datasets.every(({ fingerprint }) => fingerprint === datasets[0]!.fingerprint)
      ? datasets[0]!.fingerprint
      : null,
    validation,
    ...(license === undefined ? {} : { license }),
  };
  const bytes = exportEnsemble(loadMembers(members, classes), {
    size: first!.preset.crop,
    metadata: metadataEntries(metadata),
    half,
    version: metadata.version,
  });
  const exported = writeFile(out ?? source.folder.model, bytes, metadata);
  const note = describeInterpolation(members);
  return note === undefined ? exported : { ...exported, note };
}

/** Says whose images are scaled otherwise than in training; undefined if none are. */
function describeInterpolation([first, ...others]: readonly Member[]): string | undefined {
  const { interpolation } = first!.preset;
  const other = others.find(({ preset }) => preset.interpolation !== interpolation);
  if (other === undefined) return undefined;
  return (
    `${other.folder.path} was trained on images scaled with ${other.preset.interpolation} interpolation; this file uses ` +
    `${interpolation}, as ${first!.folder.path}`
  );
}

/** The models one after another; each is freed when the next is taken. */
function* loadMembers(members: readonly Member[], classes: readonly string[]): Generator<EnsembleMember> {
  for (const member of members) {
    const model = buildModel(member.spec, member.config, classes.length, 'cpu');
    try {
      loadWeights(model, null, member.folder.best, { model: member.config.model, classes });
      yield { model, normalisation: member.preset };
    } finally {
      nn.disposeModule(model);
    }
  }
}

/** What all licences of the pretrained weights demand together; undefined if nobody says anything. */
function licenseOf(members: readonly Member[]): ModelLicense | undefined {
  const licenses = members.flatMap(({ spec }) => spec.license ?? []);
  if (licenses.length === 0) return undefined;
  const ids = new Set(licenses.map(({ id }) => id));
  const restrictions = new Set(licenses.flatMap(({ restriction }) => restriction ?? []));
  const id = [...ids].join(' and ');
  return restrictions.size === 0 ? { id } : { id, restriction: [...restrictions].join('; ') };
}
