/** What the model file of a cross-validation is, by its setting `combine`, and what the out-of-fold score says of it. */
const sentences: Readonly<Record<string, string>> = {
  ensemble:
    'The model file averages the logits of all folds. The score above is that of the single networks; their average is usually a little better.',
  refit:
    'The model file is one network, trained on all images like the folds. The score above is that of networks that were trained on fewer images.',
  soup: 'The model file is one network with the mean of the weights of the folds. The score above is that of the folds, not its own.',
  distil:
    'The model file is one network, trained on all images towards labels and held-out predictions. The score above is that of the folds, not its own.',
};

/** Says what the model file of a cross-validation is. Runs of older versions have no setting `combine`: an ensemble. */
export function describeCombinedModel(combine: unknown): string {
  return sentences[String(combine ?? 'ensemble')] ?? '';
}
