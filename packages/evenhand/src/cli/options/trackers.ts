import { printable } from '../../printable.js';
import { MlflowServer, TensorBoard, TrackError, type Tracker } from '../../track/index.js';
import { UsageError } from '../output/errors.js';

const makers: Readonly<Record<string, () => Tracker>> = {
  tensorboard: () => new TensorBoard(),
  mlflow: () => new MlflowServer(process.env),
};

/** The names of trackers, for the help. */
export const trackerNames = Object.keys(makers).join(' or ');

/**
 * The tracker of a flag.
 *
 * @throws UsageError for an unknown name, and if a variable of the environment that it needs is not set
 */
export function trackerOf(flag: string, name: string): Tracker {
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
  if (make === undefined) throw new UsageError(`--${flag} is ${printable(name)}; it must be ${trackerNames}`);
  try {
    return make();
  } catch (error) {
    throw error instanceof TrackError ? new UsageError(error.message) : error;
  }
}
