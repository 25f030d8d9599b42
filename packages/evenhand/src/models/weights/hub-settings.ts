import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describeValue } from '../../printable.js';
import { systemCode, WeightsError } from './weights-error.js';

/** How the Hugging Face hub is used; the environment variables are those of Python's huggingface_hub (`constants.py`). */
export interface HubSettings {
  /** Address of the hub or a mirror, without a slash at the end. */
  readonly endpoint: string;
  /** The folder that is shared with Python's huggingface_hub. */
  readonly cache: string;
  /** Sends no request. */
  readonly offline: boolean;
  readonly symlinks: boolean;
  /** Milliseconds for the answer to a question about a file. */
  readonly timeout: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');

/** A path with `~` and variables replaced, as Python's `expanduser` and `expandvars` do. */
function expand(path: string, env: Environment): string {
  const home = path === '~' || /^~[\\/]/.test(path) ? homedir() + path.slice(1) : path;
  return home.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, plain) => env[braced ?? plain] ?? whole);
}

function hubHome(env: Environment): string {
  return expand(env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'), env);
}

/** Source: huggingface_hub `constants.py`. @throws WeightsError if `HF_ENDPOINT` is not an address */
export function hubSettings(env: Environment = process.env): HubSettings {
  const timeout = Number(env.HF_HUB_ETAG_TIMEOUT || 10);
  const endpoint = (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new WeightsError(
      'refused',
      `HF_ENDPOINT must be an address such as https://huggingface.co, but it is ${describeValue(endpoint)}; correct it.`,
    );
  }
  return {
    endpoint,
    cache: expand(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(hubHome(env), 'hub'), env),
    offline: isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
    timeout: 1000 * (timeout > 0 && timeout < 1e6 ? timeout : 10),
  };
}

/**
 * The token to send: of `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, or the file `HF_TOKEN_PATH` that `hf auth login` writes; none
 * if `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set.
 *
 * @throws WeightsError if it cannot be part of a request
 */
export function hubToken(env: Environment = process.env): string | undefined {
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const path = expand(env.HF_TOKEN_PATH || join(hubHome(env), 'token'), env);
  const name = env.HF_TOKEN ? 'HF_TOKEN' : env.HUGGING_FACE_HUB_TOKEN ? 'HUGGING_FACE_HUB_TOKEN' : path;
  const token = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || readToken(path)).trim();
  if (token === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new WeightsError(
    'refused',
    `${name} must hold a token of the hub, such as hf_..., without spaces; correct it.`,
  );
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return '';
    throw new WeightsError('disk', `${path} cannot be read (${systemCode(error)}); check it, or set HF_TOKEN.`, {
      cause: error,
    });
  }
}
