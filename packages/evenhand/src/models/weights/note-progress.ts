import type { Download } from './receive.js';

/** Milliseconds between two notes. */
const INTERVAL = 10_000;

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/** Tells of a download as it begins, with its size, and then every ten seconds. */
export function noteProgress(
  what: string,
  onNote: (text: string) => void,
  now: () => number = Date.now,
): NonNullable<Download['onProgress']> {
  let told: number | undefined;
  return ({ received, total }) => {
    const size = total === undefined ? '' : `${megabytes(total)} MB`;
    if (told === undefined) onNote(`Downloading ${what}${size && `, ${size}`}`);
    else if (now() - told >= INTERVAL) onNote(`Downloading ${what}: ${megabytes(received)}${size && ` of ${size}`}`);
    else return;
    told = now();
  };
}
