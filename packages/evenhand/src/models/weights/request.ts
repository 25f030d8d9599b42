export interface RequestSettings {
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the host of `url` and to no other. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether redirects to another host are followed; their response is returned otherwise. Default: true. */
  readonly leaveHost?: boolean;
}

/** More redirects than this are a circle. */
const MAX_REDIRECTS = 10;

/** Sends a request and follows redirects. A token never leaves the host that it was meant for, nor goes from https to http. */
export async function request(url: string, settings: RequestSettings = {}): Promise<Response> {
  const { method = 'GET', headers = {}, signal, leaveHost = true } = settings;
  let { token } = settings;
  let target = new URL(url);
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(target, {
      method,
      headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
      redirect: 'manual',
      signal: signal ?? null,
    });
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null || !URL.canParse(location, target)) {
      return response;
    }
    const next = new URL(location, target);
    const stays = next.host === target.host && !(target.protocol === 'https:' && next.protocol !== 'https:');
    if ((!stays && !leaveHost) || !/^https?:$/.test(next.protocol) || redirects === MAX_REDIRECTS) return response;
    await response.body?.cancel();
    if (!stays) token = undefined;
    target = next;
  }
}
