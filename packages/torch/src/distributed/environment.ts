import { TorchError } from '../errors.js';
import { quote } from '../printable.js';

/** What a launcher tells a process about its group. */
export interface Environment {
  /** The number of this process, from 0. */
  readonly rank: number;
  /** The number of processes. */
  readonly worldSize: number;
  /** The number of this process among those of its machine, from 0. */
  readonly localRank: number;
  /** The number of processes on this machine; 1 if unknown. */
  readonly localWorldSize: number;
  /** Where rank 0 is. */
  readonly masterAddress: string;
  readonly masterPort: number;
  readonly launcher: 'torchrun' | 'slurm' | 'openmpi' | 'pmi' | 'environment';
  /** How often torchrun has started the group again. */
  readonly restart: number;
  /** False if torchrun's agent has a store on `masterPort`, so that rank 0 hosts its own on the next port. */
  readonly hostsStore: boolean;
}

type Variables = Readonly<Record<string, string | undefined>>;

// The port of PyTorch's launchers.
const DEFAULT_PORT = 29500;
// Of steps that are no `srun`: the shells of `salloc`, `sbatch` and others have numbers from here on.
const FIRST_SPECIAL_STEP = 0xfffffff0;

export const failure = (message: string): TorchError => new TorchError(message, 'distributed');

/**
 * What the launcher of this process says: torchrun and Kubernetes' PyTorchJob (`RANK`), Open MPI (`OMPI_COMM_WORLD_RANK`),
 * Slurm's srun (`SLURM_PROCID`), MPICH and Intel MPI (`PMI_RANK`). A group of one counts only with `RANK`.
 *
 * @returns null if no launcher started this process as one of several
 * @throws TorchError `distributed` if variables are missing, malformed or contradict each other
 */
export function readEnvironment(env: Variables = process.env): Environment | null {
  const found = new Reader(env);
  const environment =
    fromRank(found) ??
    fromOpenMpi(found) ??
    // mpirun starts itself by srun, so that Slurm's variables then count machines. srun sets PMI_RANK, but not the local rank.
    (found.has('MPI_LOCALRANKID') ? fromPmi(found) : null) ??
    fromSlurm(found) ??
    fromPmi(found);
  if (environment) check(environment);
  return environment;
}

function fromRank(found: Reader): Environment | null {
  if (!found.has('RANK')) {
    if (found.has('WORLD_SIZE') && found.count('WORLD_SIZE') > 1)
      throw failure(
        `WORLD_SIZE is ${found.count('WORLD_SIZE')}, but RANK is not set: set RANK to the number of this process, from 0, or unset WORLD_SIZE.`,
      );
    return null;
  }
  const rank = found.number('RANK');
  const elastic = found.has('TORCHELASTIC_RESTART_COUNT') || found.has('TORCHELASTIC_RUN_ID');
  return {
    rank,
    worldSize: found.count('WORLD_SIZE', 'RANK is set'),
    localRank: found.number('LOCAL_RANK', 0),
    localWorldSize: found.has('LOCAL_WORLD_SIZE') ? found.count('LOCAL_WORLD_SIZE') : 1,
    masterAddress: found.text('MASTER_ADDR', 'RANK is set'),
    masterPort: found.port('RANK is set'),
    launcher: elastic ? 'torchrun' : 'environment',
    restart: found.number('TORCHELASTIC_RESTART_COUNT', 0),
    hostsStore: found.optional('TORCHELASTIC_USE_AGENT_STORE') !== 'True',
  };
}

function fromSlurm(found: Reader): Environment | null {
  // The script of sbatch, which is not in a step, has some of the variables too.
  if (!found.has('SLURM_PROCID') || !found.has('SLURM_STEP_ID')) return null;
  const step = found.number('SLURM_STEP_ID');
  if (step >= FIRST_SPECIAL_STEP) return null;
  const worldSize = found.count(
    found.has('SLURM_STEP_NUM_TASKS') ? 'SLURM_STEP_NUM_TASKS' : 'SLURM_NTASKS',
    'SLURM_PROCID is set',
  );
  if (worldSize === 1) return null;
  const hosts = found.optional('SLURM_STEP_NODELIST') ?? found.optional('SLURM_JOB_NODELIST');
  const address = found.optional('MASTER_ADDR') ?? (hosts && firstHost(hosts));
  if (!address)
    throw failure(
      'SLURM_PROCID is set, but neither MASTER_ADDR nor SLURM_JOB_NODELIST: set MASTER_ADDR to the host of rank 0.',
    );
  return {
    rank: found.number('SLURM_PROCID'),
    worldSize,
    localRank: found.number('SLURM_LOCALID', 0),
    localWorldSize: tasksHere(found),
    masterAddress: address,
    // Every step of a job has another port, below those that the system gives away.
    masterPort: found.has('MASTER_PORT')
      ? found.port()
      : 10_000 + ((found.number('SLURM_JOB_ID') * 8 + (step % 8)) % 20_000),
    launcher: 'slurm',
    restart: 0,
    hostsStore: true,
  };
}

function fromOpenMpi(found: Reader): Environment | null {
  if (!found.has('OMPI_COMM_WORLD_RANK')) return null;
  const given = 'OMPI_COMM_WORLD_RANK is set';
  return fromMpi(found, 'openmpi', {
    rank: found.number('OMPI_COMM_WORLD_RANK'),
    worldSize: found.count('OMPI_COMM_WORLD_SIZE', given),
    localRank: found.number('OMPI_COMM_WORLD_LOCAL_RANK', 0),
    localWorldSize: found.has('OMPI_COMM_WORLD_LOCAL_SIZE') ? found.count('OMPI_COMM_WORLD_LOCAL_SIZE') : 1,
  });
}

function fromPmi(found: Reader): Environment | null {
  if (!found.has('PMI_RANK')) return null;
  return fromMpi(found, 'pmi', {
    rank: found.number('PMI_RANK'),
    worldSize: found.count('PMI_SIZE', 'PMI_RANK is set'),
    localRank: found.number('MPI_LOCALRANKID', 0),
    localWorldSize: found.has('MPI_LOCALNRANKS') ? found.count('MPI_LOCALNRANKS') : 1,
  });
}

type Ranks = Pick<Environment, 'rank' | 'worldSize' | 'localRank' | 'localWorldSize'>;

function fromMpi(found: Reader, launcher: 'openmpi' | 'pmi', ranks: Ranks): Environment | null {
  if (ranks.worldSize === 1) return null;
  const here = ranks.localWorldSize === ranks.worldSize;
  if (!here && !found.has('MASTER_ADDR'))
    throw failure(
      `mpirun started ${ranks.worldSize} processes, ${ranks.localWorldSize} of them on this machine, but MASTER_ADDR is not set: set it to the host of rank 0, for example by \`mpirun -x MASTER_ADDR=HOST\`.`,
    );
  return {
    ...ranks,
    masterAddress: found.optional('MASTER_ADDR') ?? '127.0.0.1',
    masterPort: found.has('MASTER_PORT') ? found.port() : DEFAULT_PORT,
    launcher,
    restart: 0,
    hostsStore: true,
  };
}

function check({ rank, worldSize, localRank, localWorldSize, masterPort, hostsStore }: Environment): void {
  const problem =
    rank >= worldSize
      ? `this process has rank ${rank} of ${worldSize}, but ranks go from 0 to ${worldSize - 1}`
      : localWorldSize > worldSize
        ? `${localWorldSize} processes are on this machine, but there are only ${worldSize}`
        : localWorldSize > 1 && localRank >= localWorldSize
          ? `this process has local rank ${localRank} of ${localWorldSize}, but local ranks go from 0 to ${localWorldSize - 1}`
          : !hostsStore && masterPort === 65535
            ? 'MASTER_PORT is 65535, but under torchrun the port after it is needed too'
            : null;
  if (problem) throw failure(`The launcher's variables contradict each other: ${problem}.`);
}

/** The first host of a list of Slurm's: `node003` of `node[003-005,7],other`. */
export function firstHost(list: string): string {
  const first = /^(?:[^,[\]]|\[[^\]]*\])+/.exec(list)?.[0] ?? '';
  return first.replace(/\[([^\]]*)\]/g, (_, ranges: string) => /^[^,-]*/.exec(ranges)![0]);
}

/** The number of processes on this machine by Slurm's variables, such as `2(x3),1`: two on each of three machines, then one. */
function tasksHere(found: Reader): number {
  const name = ['SLURM_STEP_TASKS_PER_NODE', 'SLURM_TASKS_PER_NODE', 'SLURM_NTASKS_PER_NODE'].find((each) =>
    found.has(each),
  );
  if (!name) return 1;
  const counts = found
    .text(name)
    .split(',')
    .flatMap((part) => {
      const match = /^(\d+)(?:\(x(\d+)\))?$/.exec(part.trim());
      if (!match) throw found.malformed(name, 'be a list such as 2(x3),1');
      return [{ tasks: Number(match[1]), machines: Number(match[2] ?? 1) }];
    });
  if (counts.length === 1) return counts[0]!.tasks;
  let node = found.number('SLURM_NODEID', Number.POSITIVE_INFINITY);
  for (const { tasks, machines } of counts) {
    if (node < machines) return tasks;
    node -= machines;
  }
  return 1;
}

class Reader {
  constructor(private readonly env: Variables) {}

  optional(name: string): string | undefined {
    return this.env[name] || undefined;
  }

  has(name: string): boolean {
    return this.optional(name) !== undefined;
  }

  text(name: string, because = ''): string {
    const value = this.optional(name);
    if (value === undefined)
      throw failure(`${because}, but ${name} is not set: set it, or start the program without a launcher.`);
    return value;
  }

  /** A whole number of at least 0; with a default, the variable may be absent. */
  number(name: string, absent?: number): number {
    if (absent !== undefined && !this.has(name)) return absent;
    const value = this.text(name, 'The launcher set other variables');
    if (!/^\d{1,15}$/.test(value)) throw this.malformed(name, 'be a whole number of at least 0');
    return Number(value);
  }

  count(name: string, because?: string): number {
    if (because) this.text(name, because);
    const value = this.number(name);
    if (value < 1) throw this.malformed(name, 'be at least 1');
    return value;
  }

  port(because = ''): number {
    if (because) this.text('MASTER_PORT', because);
    const value = this.number('MASTER_PORT');
    if (value < 1 || value > 65535) throw this.malformed('MASTER_PORT', 'be from 1 to 65535');
    return value;
  }

  malformed(name: string, expected: string): TorchError {
    return failure(`${name} must ${expected}, got ${quote(this.env[name] ?? '')}.`);
  }
}
