import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { isLoopback } from './access.js';
import type { Server } from './create-server.js';
import { ServerError } from './server-error.js';

export interface StartOptions {
  /** The port to use; 0 for a free one. */
  readonly port: number;
  /** Uses a free port if the wanted one is taken, instead of failing. */
  readonly orFreePort?: boolean;
  /** How long requests may take to end after a signal to stop, by default 10. */
  readonly stopSeconds?: number;
}

export interface Running {
  /** The address to open in a browser, with the token if reading needs it. */
  readonly url: string;
  /** That for other machines, if the server listens on all addresses of this one. */
  readonly urlElsewhere?: string;
  readonly port: number;
  /** Resolves when the server has stopped: after SIGTERM, SIGINT or `stop`. */
  readonly stopped: Promise<void>;
  /** Lets the requests under way end and stops; after `stopSeconds`, or when it is called again, ends their connections. */
  stop(): void;
}

/**
 * Listens, and stops on SIGTERM and SIGINT.
 *
 * @throws ServerError if the address cannot be used
 */
export async function startServer(server: Server, options: StartOptions): Promise<Running> {
  const { app, host, token, readsNeedToken } = server;
  let resolveStopped!: () => void;
  let rejectStopped!: (error: unknown) => void;
  const stopped = new Promise<void>((resolve, reject) => {
    resolveStopped = resolve;
    rejectStopped = reject;
  });
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) {
      app.server.closeAllConnections();
      return;
    }
    isStopping = true;
    const deadline = setTimeout(() => app.server.closeAllConnections(), (options.stopSeconds ?? 10) * 1000);
    const end = (): void => {
      clearTimeout(deadline);
      for (const signal of signals) process.off(signal, stop);
    };
    app.close().finally(end).then(resolveStopped, rejectStopped);
  };

  try {
    await app.listen({ host, port: options.port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' || !options.orFreePort)
      throw explained(error as NodeJS.ErrnoException, host, options.port);
    // The old sockets are closed, and the application is still ready.
    await app.listen({ host, port: 0 });
  }
  for (const signal of signals) process.on(signal, stop);
  const { port } = app.addresses()[0] as AddressInfo;
  const urlOf = (name: string): string =>
    `http://${name.includes(':') ? `[${name}]` : name}:${port}/${readsNeedToken ? `?token=${token}` : ''}`;
  const local = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host];
  const urls = local === undefined ? { url: urlOf(host) } : { url: urlOf(local), urlElsewhere: urlOf(hostname()) };
  return { ...urls, port, stopped, stop };
}

const signals = ['SIGTERM', 'SIGINT'] as const;

function explained(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program uses this port; choose another with --port, or --port 0 for a free one',
    EACCES: 'permission denied; choose a port of at least 1024 with --port',
    EADDRNOTAVAIL: `this machine has no such address; use ${isLoopback(host) ? 'another loopback address' : '127.0.0.1, or 0.0.0.0 for all of its addresses'}`,
    ENOTFOUND: 'there is no such host; use 127.0.0.1, or 0.0.0.0 for all addresses of this machine',
    EAI_AGAIN: 'the host name could not be looked up; use an address, such as 127.0.0.1',
  };
  const reason = reasons[error.code ?? ''];
  return reason === undefined ? error : new ServerError(`${address}: ${reason}`, { cause: error });
}
