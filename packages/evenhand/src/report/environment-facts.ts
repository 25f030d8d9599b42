import type { Environment } from '../run/index.js';
import { type Content, html } from './page/markup.js';
import { showCount } from './page/numbers.js';

/** What environment.json says of data, versions and machine of a run, as name and value, without what is missing there. */
export function environmentFacts(environment: Environment): [name: string, value: Content][] {
  const { dataset, versions, cpu, os, device, gpu, threads, cores, processes, memoryMB, git, started } = environment;
  const listed = (...parts: readonly (string | false | null | undefined)[]): string => parts.filter(Boolean).join(', ');
  const facts: [string, Content][] = [
    ['Data', dataset.path && html`<code>${dataset.path}</code>`],
    ['Images', `${showCount(dataset.train)} for training, ${showCount(dataset.val)} for validation`],
    ['Fingerprint (SHA-256)', dataset.fingerprint && html`<code>${dataset.fingerprint}</code>`],
    ['Versions', listed(...Object.entries(versions ?? {}).map((each) => each.join(' ')))],
    ['Machine', listed(cpu, os)],
    [
      'Device',
      listed(
        device,
        gpu?.name,
        gpu?.driver && `driver ${gpu.driver}`,
        gpu?.cuda && `CUDA ${gpu.cuda}`,
        Number.isFinite(threads) && `${threads} threads`,
        Number.isFinite(cores) && `${cores} cores`,
        processes !== undefined && `${processes} processes`,
      ),
    ],
    ['Memory', Number.isFinite(memoryMB) && `${(memoryMB / 1000).toFixed(1)} GB`],
    ['Commit', git == null ? 'none' : html`<code>${git.commit}</code>${git.dirty && ', with uncommitted changes'}`],
    ['Started', started],
  ];
  return facts.filter(([, value]) => Boolean(value));
}
