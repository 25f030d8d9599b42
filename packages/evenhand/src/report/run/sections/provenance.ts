import { count, html, type Markup, NONE, plural } from '../../page/markup.js';
import type { Analysis } from '../analysis.js';
import type { Section } from './overview.js';

/** A setting of the run, as the command line knows it. */
export interface Setting {
  readonly name: string;
  readonly value: string;
  /** Whether it is not the default; undefined where that is not known. */
  readonly changed?: boolean;
  readonly default?: string;
  readonly doc?: string;
}

/** A command, and what it is for. */
export interface RepeatCommand {
  readonly command: string;
  readonly why: string;
}

export function repeatSection(
  { environment }: Analysis,
  settings: readonly Setting[],
  commands: readonly RepeatCommand[],
): Section {
  const { dataset, git, versions } = environment;
  const facts: [string, string | Markup][] = [
    ['Data', html`<code>${dataset.path || NONE}</code>`],
    ['Images', `${count(dataset.train)} to train on, ${count(dataset.val)} to validate on`],
    ['Fingerprint', html`<code>${dataset.fingerprint ?? NONE}</code>`],
    [
      'Versions',
      Object.entries(versions ?? {})
        .map(([name, version]) => `${name} ${version}`)
        .join(', ') || NONE,
    ],
    ['Machine', [environment.cpu, environment.os].filter(Boolean).join(', ') || NONE],
    [
      'Computed by',
      `${environment.device ?? NONE}, ${plural(environment.threads ?? Number.NaN, 'thread')} of ${plural(environment.cores ?? Number.NaN, 'core')}`,
    ],
    ['Memory', Number.isFinite(environment.memoryMB) ? `${(environment.memoryMB / 1000).toFixed(1)} GB` : NONE],
    ['Commit', git == null ? 'none' : html`<code>${git.commit}</code>${git.dirty && ', with changes'}`],
    ['Begun', environment.started ?? NONE],
  ];
  const skipped = dataset.skipped ?? [];
  const changed = settings.filter((setting) => setting.changed !== false);
  const rest = settings.filter((setting) => setting.changed === false);
  return {
    id: 'repeat',
    name: 'Repeat',
    body: html`<h3>Commands</h3>
<p>Every random choice follows from the seed: on the same machine, with the same number of threads, the first command ends with the same weights bit for bit.</p>
<dl class="commands">${commands.map(({ command, why }) => html`<div><dt>${why}</dt><dd><code>${command}</code></dd></div>`)}</dl>
<h3>Settings${rest.length > 0 && ' that differ from the defaults'}</h3>
${changed.length === 0 ? html`<p>All settings are the defaults.</p>` : settingTable(changed)}
${rest.length > 0 && html`<details><summary>The ${rest.length} others, which are the defaults</summary>${settingTable(rest)}</details>`}
<h3>Environment</h3>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${skipped.length > 0 && html`<details><summary>${plural(skipped.length, 'unreadable image')} left out</summary><ul>${skipped.map(({ file, reason }) => html`<li><code>${file}</code>: ${reason}</li>`)}</ul></details>`}`,
  };
}

function settingTable(settings: readonly Setting[]): Markup {
  const rows = settings.map(
    ({ name, value, changed, default: usual, doc }) =>
      html`<tr><th scope="row"><code>${name}</code></th><td><code>${value === '' ? NONE : value}</code>${changed && usual !== undefined && html` <small>default ${usual === '' ? NONE : usual}</small>`}</td><td class="doc">${doc}</td></tr>`,
  );
  return html`<div class="scroll"><table class="plain settings"><tbody>${rows}</tbody></table></div>`;
}
