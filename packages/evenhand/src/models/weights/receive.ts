import { setTimeout as sleep } from 'node:timers/promises';
import type { PartialFile } from './partial-file.js';
import { request } from './request.js';
import { systemCode, WeightsError } from './weights-error.js';

export interface Download {
  readonly url: string;
  /** Sent to the host of `url` and to no other. */
  readonly token?: string | undefined;
  /** The remedy if it fails: `download it yourself to PATH`. */
  readonly byHand: string;
  /** Called as bytes arrive, with the number of bytes so far and in total, if the server sends it. */
  readonly onProgress?: ((progress: { received: number; total: number | undefined }) => void) | undefined;
  /** Stops the download. */
  readonly signal?: AbortSignal | undefined;
  /** Delay before the first retry in milliseconds; it doubles with each retry. Default: 500. */
  readonly retryDelay?: number | undefined;
}

/** A download fails after this many attempts in a row that receive nothing new. */
const TRIES = 4;

/**
 * Appends to `file` until it is complete, over as many connections as that takes.
 *
 * @throws WeightsError if the server refuses, cannot be reached, or sends nothing new several times in a row
 */
export async function receive(download: Download, file: PartialFile): Promise<void> {
  const { url, byHand, signal, retryDelay = 500 } = download;
  let furthest = file.size;
  for (let failures = 0; ; ) {
    let problem: string;
    let cause: unknown;
    try {
      const outcome = await receiveOnce(download, file);
      if (outcome === 'complete') return;
      problem = outcome;
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      cause = error.cause;
      const code = systemCode(cause) ?? (cause as Error).message;
      if (code === 'ENOTFOUND' || code === 'ECONNREFUSED') {
        throw new WeightsError('unreachable', `${url} cannot be reached (${code}); check the network, or ${byHand}.`, {
          cause,
        });
      }
      problem = `the connection was interrupted (${code})`;
    }
    failures = file.size > furthest ? 1 : failures + 1;
    furthest = Math.max(furthest, file.size);
    if (failures >= TRIES) {
      throw new WeightsError(
        'interrupted',
        `${url}: ${problem}, ${TRIES} times in a row, after ${file.size} bytes; try again later and the download continues there, or ${byHand}.`,
        { cause },
      );
    }
    await sleep(retryDelay * 2 ** (failures - 1), undefined, { signal });
  }
}

/** A failure of the network, as opposed to one of the disk. */
class ConnectionError extends Error {}

/** Sends one request. Returns 'complete' if the file is complete, else what happened; throws if the connection breaks. */
async function receiveOnce(download: Download, file: PartialFile): Promise<string> {
  const { url, token, byHand, signal, onProgress } = download;
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (file.size > 0) headers.range = `bytes=${file.size}-`;
  const response = await request(url, { headers, token, signal }).catch((error: unknown) => {
    throw signal?.aborted ? error : new ConnectionError('fetch', { cause: error });
  });
  const { status } = response;
  if (status !== 200 && status !== 206) {
    await response.body?.cancel();
    if (status === 416) {
      if (response.headers.get('content-range') === `bytes */${file.size}`) return 'complete';
      await file.restart();
      return 'the server could not continue the download';
    }
    if (status === 404 || status === 410) {
      throw new WeightsError('not-found', `${url} does not exist (HTTP ${status}); ${byHand}.`);
    }
    if (status < 500 && status !== 408 && status !== 429) {
      throw new WeightsError('refused', `${url} was refused by the server (HTTP ${status}); ${byHand}.`);
    }
    return `the server responded with HTTP ${status}`;
  }
  if (status === 200 && file.size > 0) await file.restart();
  if (status === 206 && !response.headers.get('content-range')?.startsWith(`bytes ${file.size}-`)) {
    await response.body?.cancel();
    await file.restart();
    return 'the server sent a part that was not requested';
  }
  const length = response.headers.get('content-length');
  const total = length === null ? undefined : file.size + Number(length);
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw signal?.aborted ? error : new ConnectionError('read', { cause: error });
    });
    if (done) break;
    try {
      await file.write(value);
    } catch (error) {
      await reader.cancel();
      throw error;
    }
    onProgress?.({ received: file.size, total });
  }
  return total === undefined || file.size >= total ? 'complete' : 'the connection was interrupted';
}
