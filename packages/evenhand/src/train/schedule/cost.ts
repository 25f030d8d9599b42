import type { Config } from '../config/fields.js';
import { imageSizeAt } from './progressive-size.js';

/** A training step costs about as much as three passes of the network without gradients. */
export const STEP_COST = 3;

/** The area of an image in an epoch of the full phase, relative to the final `size`. */
export const relativeArea = (config: Config, size: number, epoch: number): number =>
  (imageSizeAt(config, size, epoch) / size) ** 2;

/** What an epoch of the full phase costs, in passes of one image of the final `size` without gradients. */
export const epochCost = (
  config: Config,
  size: number,
  epoch: number,
  { train, val }: { readonly train: number; readonly val: number },
): number => STEP_COST * train * relativeArea(config, size, epoch) + val;
