import type { ModelMetadata } from '@evenhand/predict/browser';

/** What the page to try a model says and does. */
export interface TryFacts {
  readonly name: string;
  /** The architecture. */
  readonly model: string;
  /** [K] */
  readonly classes: readonly string[];
  /** A prediction of a lower probability is called unsure. */
  readonly unsureBelow: number;
  /** Whether the decision rule is tuned for Macro F1, so that the predicted class need not be the most probable one. */
  readonly tuned: boolean;
  readonly validation: ModelMetadata['validation'];
  readonly license?: { readonly id: string; readonly restriction?: string } | undefined;
  /** Where the model runs: in the program that serves the page, or in the page. */
  readonly computes: 'server' | 'browser';
  /** Whether the server finds similar training images. */
  readonly similar: boolean;
}

/** The JSON in the page, for its script. */
export interface TryPayload {
  readonly unsureBelow: number;
  readonly numClasses: number;
  readonly similar: boolean;
}

/** What a page says about a model. */
export function tryFacts(
  { model, classes, decision, validation, license }: ModelMetadata,
  unsureBelow: number,
  name = model,
): Omit<TryFacts, 'computes' | 'similar'> {
  return { name, model, classes, unsureBelow, tuned: decision.scale !== null, validation, license };
}
