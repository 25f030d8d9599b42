import type { RunFolder } from './folder.js';
import type { JudgedLabel } from './records.js';

/**
 * The judgement of the labels of validation images, against which scores are estimated: of a cross-validation those of all
 * its folds. It comes from pretrained features, so that no network grades itself.
 */
export function heldOutLabels(folder: RunFolder): JudgedLabel[] {
  const folds = folder.folds();
  return (folds.length > 0 ? folds : [folder]).flatMap((run) => run.readLabels().filter(({ part }) => part === 'val'));
}
