import { statSync } from 'node:fs';
import path from 'node:path';

/** The folder that the files of a data set are named relative to: `data`, or the folder of the CSV file `data`. */
export function rootOf(data: string): string {
  return statSync(data, { throwIfNoEntry: false })?.isFile() ? path.dirname(data) : data;
}

/**
 * How every file of evenhand names the images of `data` (predictions.jsonl, labels.jsonl, labels.csv, corrections.csv):
 * by the path relative to `rootOf(data)`. It returns a function because `data` is looked up only once.
 */
export function pathsRelativeTo(data: string): (file: string) => string {
  const root = rootOf(data);
  return (file) => path.relative(root, file);
}
