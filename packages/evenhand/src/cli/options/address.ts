import { UsageError } from '../output/errors.js';
import { type Flag, type Parsed, readWholeNumber } from './flags.js';

/** The flags of a local server. @param docs what its help says of two of them */
export const addressFlags = (docs: { readonly host: string; readonly port: string }): Flag[] => [
  { name: 'host', boolean: false, value: 'ADDRESS', group: 'Address', doc: docs.host },
  { name: 'port', boolean: false, value: 'N', group: 'Address', doc: docs.port },
  {
    name: 'allow-host',
    boolean: false,
    value: 'NAMES',
    group: 'Address',
    doc: 'further host names to answer for, separated by commas, such as that of a proxy',
  },
];

/** The port of `--port`; undefined without the flag. */
export function readPort(flags: Parsed['flags']): number | undefined {
  const port = readWholeNumber(flags, 'port', 0);
  if (port !== undefined && port > 65_535) throw new UsageError(`--port must be at most 65535, got ${port}`);
  return port;
}

/** Where a server listens and for which host names it answers, as far as flags say. */
export function readHosts(flags: Parsed['flags']): { host?: string; allowedHosts?: string[] } {
  const host = flags.get('host');
  const allowed = flags.get('allow-host');
  return {
    ...(host === undefined ? {} : { host }),
    ...(allowed === undefined ? {} : { allowedHosts: allowed.split(',').map((name) => name.trim()) }),
  };
}
