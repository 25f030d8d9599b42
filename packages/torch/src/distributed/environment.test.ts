import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstHost, readEnvironment } from './environment.js';

const torchrun = {
  RANK: '3',
  WORLD_SIZE: '4',
  LOCAL_RANK: '1',
  LOCAL_WORLD_SIZE: '2',
  MASTER_ADDR: 'node1',
  MASTER_PORT: '29500',
  TORCHELASTIC_RUN_ID: 'none',
  TORCHELASTIC_RESTART_COUNT: '2',
  TORCHELASTIC_USE_AGENT_STORE: 'True',
};
const pod = { RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: 'train-master-0', MASTER_PORT: '23456' };
const srun = {
  SLURM_JOB_ID: '12345',
  SLURM_STEP_ID: '1',
  SLURM_PROCID: '4',
  SLURM_NTASKS: '7',
  SLURM_LOCALID: '0',
  SLURM_NODEID: '2',
  SLURM_TASKS_PER_NODE: '2(x3),1',
  SLURM_JOB_NODELIST: 'node[003-005,7]',
};
const mpirun = {
  OMPI_COMM_WORLD_RANK: '1',
  OMPI_COMM_WORLD_SIZE: '4',
  OMPI_COMM_WORLD_LOCAL_RANK: '1',
  OMPI_COMM_WORLD_LOCAL_SIZE: '4',
};
const hydra = { PMI_RANK: '2', PMI_SIZE: '3', MPI_LOCALRANKID: '2', MPI_LOCALNRANKS: '3' };

test('readEnvironment knows the launchers', () => {
  const common = { restart: 0, hostsStore: true };
  const cases: [string, Record<string, string>, unknown][] = [
    [
      'torchrun, whose agent has a store',
      torchrun,
      {
        rank: 3,
        worldSize: 4,
        localRank: 1,
        localWorldSize: 2,
        masterAddress: 'node1',
        masterPort: 29500,
        launcher: 'torchrun',
        restart: 2,
        hostsStore: false,
      },
    ],
    [
      'a pod of a PyTorchJob, which has no local rank',
      pod,
      {
        ...common,
        rank: 1,
        worldSize: 2,
        localRank: 0,
        localWorldSize: 1,
        masterAddress: 'train-master-0',
        masterPort: 23456,
        launcher: 'environment',
      },
    ],
    [
      'srun',
      srun,
      {
        ...common,
        rank: 4,
        worldSize: 7,
        localRank: 0,
        localWorldSize: 2,
        masterAddress: 'node003',
        masterPort: 28761,
        launcher: 'slurm',
      },
    ],
    [
      'mpirun on one machine',
      mpirun,
      {
        ...common,
        rank: 1,
        worldSize: 4,
        localRank: 1,
        localWorldSize: 4,
        masterAddress: '127.0.0.1',
        masterPort: 29500,
        launcher: 'openmpi',
      },
    ],
    [
      'MPICH on several machines, started through srun',
      { ...srun, ...hydra, MPI_LOCALNRANKS: '2', MPI_LOCALRANKID: '1', MASTER_ADDR: 'a', MASTER_PORT: '1' },
      {
        ...common,
        rank: 2,
        worldSize: 3,
        localRank: 1,
        localWorldSize: 2,
        masterAddress: 'a',
        masterPort: 1,
        launcher: 'pmi',
      },
    ],
    ['no launcher', {}, null],
    ['no launcher, and a world of one', { WORLD_SIZE: '1' }, null],
    ['the script of sbatch', { ...srun, SLURM_STEP_ID: '' }, null],
    ['the shell of salloc', { ...srun, SLURM_STEP_ID: '4294967290' }, null],
    ['a single task', { ...srun, SLURM_NTASKS: '1' }, null],
    ['a single process of mpirun', { ...mpirun, OMPI_COMM_WORLD_SIZE: '1' }, null],
  ];
  for (const [name, env, expected] of cases) assert.deepEqual(readEnvironment(env), expected, name);

  const fields: [string, Record<string, string>, object][] = [
    ['a group of one', { ...pod, RANK: '0', WORLD_SIZE: '1' }, { rank: 0, worldSize: 1 }],
    ['torchrun in Slurm', { ...srun, ...torchrun }, { launcher: 'torchrun', rank: 3 }],
    ['srun with an address', { ...srun, MASTER_ADDR: 'x', MASTER_PORT: '7' }, { masterAddress: 'x', masterPort: 7 }],
    ['srun on the last node', { ...srun, SLURM_NODEID: '3' }, { localWorldSize: 1 }],
    ['a step of fewer tasks', { ...srun, SLURM_STEP_NUM_TASKS: '5' }, { worldSize: 5 }],
    ['srun with PMI', { ...srun, PMI_RANK: '4', PMI_SIZE: '7' }, { launcher: 'slurm' }],
    ['MPICH', hydra, { launcher: 'pmi', rank: 2, localRank: 2, masterAddress: '127.0.0.1' }],
  ];
  for (const [name, env, expected] of fields) {
    const environment = readEnvironment(env) as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(expected)) assert.equal(environment[key], value, `${name}: ${key}`);
  }
});

test('readEnvironment names the variable that is wrong', () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ WORLD_SIZE: '2' }, /^WORLD_SIZE is 2, but RANK is not set: set RANK/],
    [{ ...pod, WORLD_SIZE: '' }, /^RANK is set, but WORLD_SIZE is not set/],
    [{ ...pod, MASTER_ADDR: '' }, /^RANK is set, but MASTER_ADDR is not set/],
    [{ ...pod, MASTER_PORT: '' }, /^RANK is set, but MASTER_PORT is not set/],
    [{ ...pod, MASTER_PORT: '70000' }, /^MASTER_PORT must be from 1 to 65535, got "70000"/],
    [{ ...pod, RANK: 'one' }, /^RANK must be a whole number of at least 0, got "one"/],
    [{ ...pod, RANK: '-1' }, /^RANK must be a whole number/],
    [{ ...pod, WORLD_SIZE: '0' }, /^WORLD_SIZE must be at least 1/],
    [{ ...pod, RANK: '2' }, /contradict each other: this process has rank 2 of 2, but ranks go from 0 to 1/],
    [{ ...torchrun, LOCAL_RANK: '2' }, /this process has local rank 2 of 2/],
    [{ ...torchrun, LOCAL_WORLD_SIZE: '8' }, /8 processes are on this machine, but there are only 4/],
    [{ ...torchrun, MASTER_PORT: '65535' }, /the port after it is needed too/],
    [{ ...srun, SLURM_NTASKS: '' }, /^SLURM_PROCID is set, but SLURM_NTASKS is not set/],
    [{ ...srun, SLURM_JOB_NODELIST: '' }, /set MASTER_ADDR to the host of rank 0/],
    [{ ...srun, SLURM_JOB_ID: '' }, /SLURM_JOB_ID is not set/],
    [{ ...srun, SLURM_TASKS_PER_NODE: 'two' }, /^SLURM_TASKS_PER_NODE must be a list such as 2\(x3\),1, got "two"/],
    [{ ...mpirun, OMPI_COMM_WORLD_SIZE: '' }, /^OMPI_COMM_WORLD_RANK is set, but OMPI_COMM_WORLD_SIZE is not set/],
    [
      { ...mpirun, OMPI_COMM_WORLD_LOCAL_SIZE: '2' },
      /4 processes, 2 of them on this machine, but MASTER_ADDR is not set/,
    ],
    [{ ...hydra, PMI_SIZE: '' }, /^PMI_RANK is set, but PMI_SIZE is not set/],
  ];
  for (const [env, message] of cases)
    assert.throws(() => readEnvironment(env), { code: 'distributed', message }, JSON.stringify(env));
});

test('firstHost reads lists of Slurm', () => {
  const cases = {
    node7: 'node7',
    'a,b': 'a',
    'node[003-005,7],other': 'node003',
    'node[7,9-12]': 'node7',
    'rack[1-2]-node[10-20].site': 'rack1-node10.site',
    '': '',
  };
  for (const [list, first] of Object.entries(cases)) assert.equal(firstHost(list), first);
});
