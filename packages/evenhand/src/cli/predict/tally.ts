import { NotDone, type Outcome, type Prediction } from '@evenhand/predict';
import { plural } from '../../format.js';
import { printable } from '../../printable.js';
import { duration, quoted } from '../output/text.js';

/** Counts what became of the images. */
export class Tally {
  /** The number of predictions by their number of views and networks. */
  readonly #byPasses = new Map<string, { readonly views: number; readonly members: number; images: number }>();
  #failed: number;
  #notDone = 0;

  /** @param failed images of an interrupted prediction that could not be predicted */
  constructor(failed: number) {
    this.#failed = failed;
  }

  add(outcome: Outcome): void {
    if (isPrediction(outcome)) {
      const { views, members } = outcome;
      const key = `${views} ${members}`;
      const kind = this.#byPasses.get(key) ?? { views, members, images: 0 };
      kind.images++;
      this.#byPasses.set(key, kind);
    } else if (outcome instanceof NotDone) this.#notDone++;
    else this.#failed++;
  }

  /** Whether some images have no prediction of their own. */
  get incomplete(): boolean {
    return this.#failed + this.#notDone > 0;
  }

  /** Whether no image was predicted. */
  get empty(): boolean {
    return this.#byPasses.size === 0;
  }

  /** Lines about images that did not get all `views` by all `members`, or were assigned the `fallback` class. */
  describe(views: number, members: number, fallback: string): string[] {
    const lines: string[] = [];
    const kinds = [...this.#byPasses.values()].sort((a, b) => b.views * b.members - a.views * a.members);
    if (kinds.some((kind) => kind.views < views || kind.members < members)) {
      const networks = (n: number) => (members > 1 ? ` by ${plural(n, 'network')}` : '');
      const counts = kinds.map(
        (kind) => `${plural(kind.images, 'image')} with ${plural(kind.views, 'view')}${networks(kind.members)}`,
      );
      lines.push(`Because of the time limit: ${counts.join(', ')} (${views}${networks(members)} requested).`);
    }
    const assigned = (n: number): string =>
      `${n === 1 ? 'was' : 'were'} assigned the most frequent class, ${printable(fallback)}`;
    const [notDone, failed] = [this.#notDone, this.#failed];
    if (notDone > 0) lines.push(`There was no time for ${plural(notDone, 'image')}, which ${assigned(notDone)}.`);
    if (failed > 0) lines.push(`${plural(failed, 'image')} could not be predicted and ${assigned(failed)}.`);
    return lines;
  }
}

export function isPrediction(outcome: Outcome): outcome is Prediction {
  return 'label' in outcome;
}

/** What was written, and how fast it was predicted. */
export function describeOutput(
  images: number,
  seconds: number,
  device: string | undefined,
  { out, probs }: { readonly out: string; readonly probs: string | undefined },
): string[] {
  const rate = seconds > 0 ? ` (${(images / seconds).toFixed(1)} images/s)` : '';
  const where = device === undefined ? '' : ` on ${device}`;
  return [
    `Predicted ${plural(images, 'image')} in ${duration(seconds)}${rate}${where}.`,
    `Wrote ${quoted(out)}${probs === undefined ? '' : ` and the probabilities, ${quoted(probs)}`}.`,
  ];
}
