import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { available, initProcessGroup } from './process-group.js';

const PROGRAM = fileURLToPath(new URL('../testing/rank-program.js', import.meta.url));
const GROUPS = 7;

const skip = available().gloo ? false : 'this libtorch has no Gloo';

/** Ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) => new Promise<number>((done) => server.listen(0, () => done((server.address() as AddressInfo).port))),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly told: Readonly<Record<string, string>>;
  readonly errors: string;
}

function run(rank: number, ports: readonly number[]): Promise<Ended> {
  const env = { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' };
  const child = spawn(process.execPath, [PROGRAM, String(rank), ...ports.map(String)], { env, timeout: 120_000 });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (errors += text));
  return new Promise((done) =>
    child.on('close', (code, signal) => {
      const lines = output.split('\n').filter((line) => line !== '');
      const told = Object.fromEntries(lines.map((line) => JSON.parse(line)).map(({ name, told }) => [name, told]));
      done({ code, signal, told, errors });
    }),
  );
}

test('three processes compute together, and each learns which of them stopped, hung or was killed', {
  skip,
}, async () => {
  const ports = await freePorts(GROUPS);
  const ranks = (await Promise.all([0, 1, 2].map((rank) => run(rank, ports)))) as [Ended, Ended, Ended];
  const [first, second, third] = ranks;
  for (const { errors } of ranks) assert.doesNotMatch(errors, /Error|c10d/); // nor what c10d would print
  const at = (group: number): string => `127.0.0.1:${ports[group]}`;

  const stopped = 'Rank 1 of 3 stopped: too little memory';
  assert.deepEqual([first.told.stopped, third.told.stopped], [stopped, stopped]);
  const absent = `Rank 2 of 3 did not join at ${at(2)} within 2 s: check that all were started, with the same MASTER_ADDR and MASTER_PORT.`;
  assert.deepEqual([first.told.absent, second.told.absent], [absent, absent]);
  assert.match(
    third.told['wrong address']!,
    new RegExp(`^Rank 2 of 3 cannot reach rank 0 at ${at(3)} \\(waited 1 s\\)`),
  );
  const hung = 'Rank 1 of 3 is gone or does not answer (waited 2 s in barrier).';
  assert.deepEqual(
    ranks.map(({ told }) => told.hung),
    [hung, hung, hung],
  );
  const killed = 'Rank 2 of 3 is gone or does not answer (in all-reduce of gradients).';
  assert.deepEqual([first.told.killed, second.told.killed], [killed, killed]);
  assert.deepEqual([first.told.again, second.told.again], [killed, killed]);
  assert.equal(second.told['without rank 0'], `Lost contact with rank 0 at ${at(6)}.`);

  // What c10d still has in hand does not keep the last process from ending.
  assert.deepEqual(
    ranks.map(({ code, signal }) => code ?? signal),
    ['SIGKILL', 0, 'SIGKILL'],
  );
});

test('a group of one works, and rank 0 names a port that is in use', { skip }, async () => {
  const [masterPort] = (await freePorts(1)) as [number];
  const environment = {
    rank: 0,
    worldSize: 1,
    localRank: 0,
    localWorldSize: 1,
    masterAddress: '127.0.0.1',
    masterPort: masterPort - 1,
    launcher: 'torchrun',
    restart: 0,
    hostsStore: false,
  } as const;
  const group = initProcessGroup({ environment, timeoutSeconds: 5 });
  assert.deepEqual(group.allGatherBytes(Uint8Array.of(1, 2)), [Uint8Array.of(1, 2)]);
  assert.throws(() => initProcessGroup({ environment, timeoutSeconds: 1 }), {
    code: 'distributed',
    message: `Rank 0 cannot listen on port ${masterPort}: another program uses it; set MASTER_PORT to a free port.`,
  });
  group.destroy();
  process.env.GLOO_SOCKET_IFNAME = 'lo,eth77';
  assert.throws(
    () => initProcessGroup({ environment }),
    /^TorchError: GLOO_SOCKET_IFNAME names "eth77", but the inter/,
  );
  delete process.env.GLOO_SOCKET_IFNAME;
  assert.throws(() => initProcessGroup({ environment, timeoutSeconds: 0 }), /timeoutSeconds must be greater than 0/);
});
