import { createRequire } from 'node:module';

/** What is used of autocannon, which has no types. */
interface AutocannonResult {
  readonly requests: { readonly average: number; readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly duration: number;
  readonly errors: number;
  readonly non2xx: number;
}

const autocannon: (options: object) => Promise<AutocannonResult> = createRequire(import.meta.url)('autocannon');

export interface LoadResult {
  /** Requests per second. */
  readonly rate: number;
  /** Latencies in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Requests without an answer of 200. */
  readonly errors: number;
}

/** Posts images to /v1/predict: `clients` send one request after another, for some seconds or until a number is done. */
export async function runLoad(
  url: string,
  clients: number,
  until: number | { readonly requests: number },
  images: readonly Buffer[],
): Promise<LoadResult> {
  const { requests, latency, duration, errors, non2xx } = await autocannon({
    url: `${url}v1/predict`,
    connections: clients,
    timeout: 60,
    ...(typeof until === 'number' ? { duration: until } : { amount: until.requests }),
    requests: images.map((body) => ({ method: 'POST', headers: { 'content-type': 'image/jpeg' }, body })),
  });
  return { rate: requests.total / duration, p50: latency.p50, p99: latency.p99, errors: errors + non2xx };
}
