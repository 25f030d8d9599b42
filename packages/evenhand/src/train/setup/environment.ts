import { execFileSync } from 'node:child_process';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { type distributed, gpuInfo, torchVersion } from '@evenhand/torch';
import type { Environment } from '../../run/index.js';
import { version } from '../../version.js';
import type { Config } from '../config/fields.js';
import { countLabels } from '../objective/balance.js';
import { chooseDevice } from './device.js';
import type { Prepared } from './prepare.js';

/** What a run runs on: all that its result may depend on besides its configuration. */
export function environmentOf(
  config: Config,
  data: Prepared,
  group: (distributed.ProcessGroup & { readonly cores: number }) | null,
): Environment {
  const { classes, train, val, fingerprint, splitFingerprint, skipped } = data;
  const device = chooseDevice(config.device, group);
  return {
    versions: { evenhand: version(), node: process.versions.node, libtorch: torchVersion() },
    os: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    threads: config.threads || (group?.cores ?? availableParallelism()),
    ...(group ? { processes: group.worldSize } : {}),
    device,
    gpu: gpuInfo(device),
    memoryMB: Math.round(totalmem() / 1e6),
    git: gitState(),
    dataset: {
      fingerprint,
      splitFingerprint,
      path: config.data,
      classes,
      classCounts: Array.from(countLabels(train, classes.length)),
      train: train.length,
      val: val.length,
      skipped,
    },
    started: new Date().toISOString(),
  };
}

function gitState(): Environment['git'] {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    return { commit: git('rev-parse', 'HEAD').trim(), dirty: git('status', '--porcelain').trim() !== '' };
  } catch {
    return null; // no git, or no repository
  }
}
