// Two network namespaces with a slow link between them, for `npm run bench -- distributed --rate`. Linux, as root.
import { spawnSync } from 'node:child_process';

export interface Link {
  /** The namespaces, on each side of the link. */
  readonly sides: readonly [string, string];
  /** The interfaces in them. */
  readonly interfaces: readonly [string, string];
  /** The address of the first side. */
  readonly address: string;
  remove(): void;
}

/** @returns the link, or a sentence that says why there is none */
export function slowLink(rate: string): Link | string {
  const id = process.pid.toString(36);
  const sides = [`eh${id}a`, `eh${id}b`] as const;
  const interfaces = [`v${id}a`, `v${id}b`] as const;
  const remove = (): void => {
    for (const side of sides) spawnSync('ip', ['netns', 'delete', side]);
  };
  const commands = [
    ...sides.map((side) => ['ip', 'netns', 'add', side]),
    [
      'ip',
      'link',
      'add',
      interfaces[0],
      'netns',
      sides[0],
      'type',
      'veth',
      'peer',
      'name',
      interfaces[1],
      'netns',
      sides[1],
    ],
    ...sides.flatMap((side, i) => [
      ['ip', '-n', side, 'address', 'add', `10.213.0.${i + 1}/24`, 'dev', interfaces[i]!],
      ['ip', '-n', side, 'link', 'set', 'lo', 'up'],
      ['ip', '-n', side, 'link', 'set', interfaces[i]!, 'up'],
      ['ip', 'netns', 'exec', side, 'tc', 'qdisc', 'add', 'dev', interfaces[i]!, 'root', 'tbf'].concat([
        'rate',
        rate,
        'burst',
        '512kb',
        'latency',
        '50ms',
      ]),
    ]),
  ];
  for (const [command, ...args] of commands as [string, ...string[]][]) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
    if (status === 0) continue;
    remove();
    const reason = error?.message ?? stderr.trim().split('\n')[0];
    return `no slow link, because \`${[command, ...args].join(' ')}\` failed: ${reason}`;
  }
  process.once('exit', remove);
  return { sides, interfaces, address: '10.213.0.1', remove };
}
