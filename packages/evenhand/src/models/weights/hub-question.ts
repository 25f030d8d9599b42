import type { HubRepository } from '../spec.js';
import { isCommit } from './hub-cache.js';
import type { HubSettings } from './hub-settings.js';
import { request } from './request.js';
import { systemCode, WeightsError } from './weights-error.js';

/** What the hub says about a file of a repository. */
export type HubAnswer =
  | {
      readonly kind: 'file';
      readonly commit: string;
      /** The hash of its content, the name of its blob in the cache. */
      readonly etag: string;
      /** Bytes, if known. */
      readonly size: number | undefined;
    }
  | { readonly kind: 'absent'; readonly commit: string | undefined };

interface Settings {
  readonly settings: HubSettings;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The address of a file. */
export function hubUrl(endpoint: string, { repository, revision }: HubRepository, file: string): string {
  return `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${file.split('/').map(encodeURIComponent).join('/')}`;
}

/**
 * Asks the hub for the commit, hash and size of a file, without its content. Redirects are followed on the same host only,
 * because a renamed repository is there, and contents elsewhere.
 * Source: huggingface_hub `file_download.py`, `get_hf_file_metadata`; `utils/_http.py`, `hf_raise_for_status`.
 *
 * @throws WeightsError; `interrupted` if it may answer a little later
 */
export async function askHub(
  source: HubRepository,
  file: string,
  { settings, token, signal }: Settings,
): Promise<HubAnswer> {
  const { endpoint, timeout } = settings;
  const url = hubUrl(endpoint, source, file);
  let response: Response;
  try {
    const limit = AbortSignal.timeout(timeout);
    response = await request(url, {
      method: 'HEAD',
      headers: { 'accept-encoding': 'identity' },
      token,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      leaveHost: false,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw noAnswer(endpoint, error, timeout);
  }
  const { status, headers } = response;
  const commit = headers.get('x-repo-commit') ?? undefined;
  if (status < 200 || status >= 400)
    return refusal(response, source, { endpoint, commit, hasToken: token !== undefined });
  const etag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replace(/^"|"$/g, '');
  // They become names of files.
  if (commit === undefined || !isCommit(commit) || !/^\w[\w.-]{0,199}$/.test(etag)) {
    throw new WeightsError(
      'refused',
      `${url} was not answered by a Hugging Face hub (it sent no X-Repo-Commit and ETag); check HF_ENDPOINT and the proxy.`,
    );
  }
  const size = headers.get('x-linked-size') ?? (status < 300 ? headers.get('content-length') : null);
  return { kind: 'file', commit, etag, size: size !== null && /^\d{1,15}$/.test(size) ? Number(size) : undefined };
}

function noAnswer(endpoint: string, error: unknown, timeout: number): WeightsError {
  const slow = error instanceof Error && error.name === 'TimeoutError';
  const code = slow ? `no answer within ${timeout / 1000} s` : (systemCode(error) ?? reasonOf(error));
  const final = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH'].includes(code);
  return new WeightsError(
    final ? 'unreachable' : 'interrupted',
    `${endpoint} cannot be reached (${code}); check the network, set HF_ENDPOINT to a mirror, or give a folder with the model.`,
    { cause: error },
  );
}

/** The message of the cause, since that of `fetch` says only that it failed. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

/** The hub's message if the token is wrong, whatever the repository. Source: `hf_raise_for_status`. */
const WRONG_TOKEN = 'Invalid credentials in Authorization header';

function refusal(
  { status, headers }: Response,
  { repository, revision }: HubRepository,
  { endpoint, commit, hasToken }: { endpoint: string; commit: string | undefined; hasToken: boolean },
): HubAnswer {
  const code = headers.get('x-error-code');
  const page = `${endpoint}/${repository}`;
  if (code === 'RevisionNotFound') {
    throw new WeightsError('not-found', `${repository} has no revision ${revision}; ${page}/refs lists them.`);
  }
  if (code === 'GatedRepo') {
    const remedy = hasToken
      ? `accept its terms at ${page} with the account of your token`
      : `accept its terms at ${page} and set HF_TOKEN to a token of your account`;
    throw new WeightsError('refused', `${repository} is gated (HTTP ${status}); ${remedy}.`);
  }
  if (status === 401 && hasToken && headers.get('x-error-message') === WRONG_TOKEN) {
    throw new WeightsError(
      'refused',
      `${endpoint} does not accept the token of HF_TOKEN or of the file that hf auth login writes (HTTP 401); correct it, or for a public model set HF_HUB_DISABLE_IMPLICIT_TOKEN=1.`,
    );
  }
  if (code === 'RepoNotFound' || status === 401) {
    const account = hasToken
      ? 'and that the account of your token may read it'
      : 'or set HF_TOKEN if it is private or gated';
    throw new WeightsError(
      code === 'RepoNotFound' && status === 404 ? 'not-found' : 'refused',
      `${repository} does not exist on ${endpoint}, or is not public (HTTP ${status}); check its name, ${account}.`,
    );
  }
  if (status === 404 || status === 410)
    return { kind: 'absent', commit: commit && isCommit(commit) ? commit : undefined };
  if (status === 403) {
    throw new WeightsError(
      'refused',
      `${repository} was refused (HTTP 403); accept its terms at ${page} if it has any, and set HF_TOKEN to a token of an account that may read it.`,
    );
  }
  const passing = status >= 500 || status === 408 || status === 429;
  throw new WeightsError(
    passing ? 'interrupted' : 'refused',
    `${endpoint} answered with HTTP ${status} about ${repository}; ${passing ? 'try again later' : 'check HF_ENDPOINT'}.`,
  );
}
