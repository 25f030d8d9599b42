import { macroF1Difference } from '../../metrics/index.js';
import type { Evaluation } from '../../workflows/index.js';
import { table } from '../output/text.js';

/** The share of the classes that counts as rare: those with the fewest training images. */
const RARE_SHARE = 1 / 3;

export interface Scored {
  readonly title: string;
  readonly score: Evaluation;
}

/** Two runs compared: a row each, and the gain of the second. `counts`: [K] training images per class. */
export function comparisonOf(plain: Scored, balanced: Scored, counts: readonly number[]): string {
  const { classes, truth } = plain.score;
  const order = [...classes.keys()].sort((a, b) => counts[a]! - counts[b]!);
  const rare = new Set(order.slice(0, Math.round(classes.length * RARE_SHARE)));
  const most = Math.max(...[...rare].map((k) => counts[k]!));
  const macroF1Of = ({ report }: Evaluation, includes: (k: number) => boolean): number => {
    const included = report.perClass.filter((_, k) => includes(k));
    return included.reduce((sum, { f1 }) => sum + f1, 0) / included.length;
  };
  const rows = [plain, balanced].map(({ title, score }) => {
    const { value, low, high } = score.interval;
    return [
      title,
      score.report.accuracy.toFixed(3),
      `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
      macroF1Of(score, (k) => !rare.has(k)).toFixed(3),
      macroF1Of(score, (k) => rare.has(k)).toFixed(3),
    ];
  });
  const head = ['', 'accuracy', 'Macro F1 [95 %]', 'frequent', `rare (up to ${most})`];
  const gain = macroF1Difference(truth, plain.score.predicted, balanced.score.predicted, classes.length, {
    average: 'all',
  });
  const signed = (x: number): string => `${x >= 0 ? '+' : ''}${x.toFixed(3)}`;
  return (
    `${table([head, ...rows], [1, 2, 3, 4])}\n\n` +
    `Gain in Macro F1 by ${balanced.title}: ${signed(gain.value)} [${signed(gain.low)}, ${signed(gain.high)}]`
  );
}
