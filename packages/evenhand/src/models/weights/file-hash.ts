import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A weights file on the web. `sha256`: its hash in hex digits, all of them or at least the first eight. */
export interface WeightsSource {
  readonly url: string;
  readonly sha256: string;
}

/** Any file on the web whose hash is known: SHA-256, or MD5 if its publisher gives no other. */
export type FileSource = WeightsSource | { readonly url: string; readonly md5: string };

/**
 * The hash of a file in hex digits. `git` is that of its blob in a Git repository, which is the ETag of small files on the
 * Hugging Face hub.
 */
export async function hashFile(path: string, algorithm: 'sha256' | 'md5' | 'git'): Promise<string> {
  const hash = createHash(algorithm === 'git' ? 'sha1' : algorithm);
  if (algorithm === 'git') hash.update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Whether a file has the hash of its source, and a text that compares the two. */
export async function verifyHash(path: string, source: FileSource): Promise<{ matches: boolean; difference: string }> {
  const algorithm = 'md5' in source ? 'md5' : 'sha256';
  const expected = ('md5' in source ? source.md5 : source.sha256).toLowerCase();
  const actual = await hashFile(path, algorithm);
  return {
    matches: actual.startsWith(expected),
    difference: `${algorithm === 'md5' ? 'MD5' : 'SHA-256'} ${actual.slice(0, expected.length)} instead of ${expected}`,
  };
}
