import { plural } from '../../../format.js';
import { showScore } from '../../page/numbers.js';
import { type Analysis, compareByFrequency } from './analyse-run.js';
import type { Headline } from './headline.js';

/** A difference between two scores that is worth a sentence. */
const NOTABLE = 0.03;

/** Confidence from which a wrong prediction suggests a label error. */
export const CONFIDENT = 0.9;

/** What stands out in a run, in sentences. Each says only what the numbers of the run say. */
export function findings(analysis: Analysis, headline: Headline): string[] {
  return [
    ...aboutLabels(analysis, headline),
    ...aboutRareClasses(analysis, headline),
    ...aboutClasses(analysis),
    ...aboutDecision(analysis),
    ...aboutInterval(headline),
    ...aboutTraining(analysis),
    ...aboutFolds(analysis),
  ];
}

function aboutLabels({ labels, scores, unusable }: Analysis, { posterior }: Headline): string[] {
  const sentences: string[] = [];
  if (posterior !== null) {
    sentences.push(
      `There are label errors among the validation images. No validation label was changed: all scores here are on the labels as given. Only the checkpoint was chosen by Macro F1 against posterior labels, ${showScore(posterior.value)} (${showScore(posterior.low)} to ${showScore(posterior.high)}), which counts partly correct predictions in part and is not a score to publish.`,
    );
  }
  if (labels !== null) {
    sentences.push(
      labels.likelyErrors === 0
        ? `No training label of ${labels.images} is a likely label error (labels.jsonl).`
        : `${plural(labels.likelyErrors, 'training label')} of ${labels.images} ${are(labels.likelyErrors)} more probably wrong than right (labels.jsonl).`,
    );
  }
  const confident = scores === null ? 0 : confidentErrors(scores.images);
  if (confident > 0) {
    sentences.push(
      `${plural(confident, 'wrong prediction')} ${have(confident)} a confidence of 90 % or more: check ${confident === 1 ? 'its label' : 'their labels'} first.`,
    );
  }
  if (unusable > 0) {
    sentences.push(
      `${plural(unusable, 'prediction')} could not be scored: ${unusable === 1 ? 'it has' : 'they have'} an unknown label or logits that are not finite.`,
    );
  }
  return sentences;
}

/** The number of wrong predictions with a high calibrated confidence. */
export const confidentErrors = (
  images: readonly { readonly truth: number; readonly predicted: number; readonly confidence: number }[],
): number => images.filter(({ truth, predicted, confidence }) => truth !== predicted && confidence >= CONFIDENT).length;

/** Why accuracy and Macro F1 differ: only as far as the scores of rare and frequent classes show it. */
function aboutRareClasses(analysis: Analysis, { accuracy, macroF1 }: Headline): string[] {
  const gap = accuracy - macroF1;
  if (!(Math.abs(gap) > NOTABLE)) return [];
  const difference = `Accuracy is ${showScore(Math.abs(gap))} ${gap > 0 ? 'above' : 'below'} Macro F1`;
  const comparison = compareByFrequency(analysis);
  if (comparison === null) return [`${difference}.`];
  const { rare, frequent } = comparison;
  const thirds = `mean F1 ${showScore(frequent)} for the third of the classes with the most training images, ${showScore(rare)} for the third with the fewest`;
  if (frequent - rare > NOTABLE) return [`${difference}. Frequent classes do better than rare ones: ${thirds}.`];
  if (rare - frequent > NOTABLE) return [`${difference}. Rare classes do better than frequent ones: ${thirds}.`];
  return [`${difference}. Rare and frequent classes do about equally well: ${thirds}.`];
}

function aboutClasses({ scores }: Analysis): string[] {
  if (scores === null) return [];
  const { perClass, numClasses, numSupported } = scores.report;
  const sentences: string[] = [];
  const zero = perClass.filter(({ f1, support }) => f1 === 0 && support > 0).length;
  if (zero > 0) {
    sentences.push(`${plural(zero, 'class', 'classes')} with validation images ${have(zero)} an F1 of 0.`);
  }
  const absent = numClasses - numSupported;
  if (absent > 0) {
    sentences.push(
      `${plural(absent, 'class', 'classes')} of ${numClasses} ${have(absent)} no validation image and ${absent === 1 ? 'counts' : 'count'} as F1 0 in Macro F1.`,
    );
  }
  return sentences;
}

function aboutDecision({ scores }: Analysis): string[] {
  if (scores?.byRule == null) return [];
  const { value, low, high } = scores.byRule;
  return [
    `The exported model predicts by a rule fitted for Macro F1 instead of the most probable class. Cross-validated, Macro F1 is ${showScore(value)} (${showScore(low)} to ${showScore(high)}) with the rule and ${showScore(scores.report.macroF1)} without it.`,
  ];
}

function aboutInterval({ low, high }: Headline): string[] {
  if (!(high - low > 0.1)) return [];
  return [
    `The 95 % interval of Macro F1 is ${showScore(high - low)} wide: a smaller difference between two runs may be due to the choice of validation images.`,
  ];
}

function aboutTraining({ best, epochs, config }: Analysis): string[] {
  const sentences: string[] = [];
  if (isStillImproving({ best, epochs, config })) {
    sentences.push('The last epoch has the best score: more epochs may improve it.');
  }
  if (epochs.some(({ trainLoss, valLoss }) => !Number.isFinite(trainLoss + valLoss))) {
    sentences.push('Some losses are not finite: training diverged. Lower the learning rate.');
  }
  return sentences;
}

function aboutFolds({ folds, scores }: Analysis): string[] {
  if (folds.length === 0 || scores === null) return [];
  return [
    `All scores are out of fold: each of the ${plural(scores.images.length, 'image')} is predicted by a network that did not train on it.`,
  ];
}

/** Whether the last of several epochs is the best by its score, rather than because the last one is kept. */
export const isStillImproving = ({ best, epochs, config }: Pick<Analysis, 'best' | 'epochs' | 'config'>): boolean =>
  best !== null && epochs.length > 2 && best === epochs.at(-1) && config.keep !== 'last';

const are = (n: number): string => (n === 1 ? 'is' : 'are');
const have = (n: number): string => (n === 1 ? 'has' : 'have');
