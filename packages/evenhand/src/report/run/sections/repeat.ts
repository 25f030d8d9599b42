import { plural } from '../../../format.js';
import { environmentFacts } from '../../environment-facts.js';
import { modelFacts } from '../../model-facts.js';
import { factList } from '../../page/fact-list.js';
import { html, type Markup } from '../../page/markup.js';
import { NONE } from '../../page/numbers.js';
import type { Analysis } from '../analysis/analyse-run.js';
import type { ShellCommand } from '../analysis/next-steps.js';
import { commandList } from './command-list.js';
import type { ReportSection } from './section.js';

/** A setting of the run. */
export interface Setting {
  readonly name: string;
  readonly value: string;
  /** Whether it differs from the default; undefined if that is unknown. */
  readonly changed?: boolean;
  readonly default?: string;
  readonly doc?: string;
}

export function repeatSection(
  { environment, model }: Analysis,
  settings: readonly Setting[],
  commands: readonly ShellCommand[],
): ReportSection {
  const skipped = environment.dataset.skipped ?? [];
  const changed = settings.filter((setting) => setting.changed !== false);
  const rest = settings.filter((setting) => setting.changed === false);
  return {
    id: 'repeat',
    name: 'Reproduce',
    title: 'How to reproduce this run',
    body: html`<h3>Commands</h3>
<p>All random choices follow from the seed: on the same machine, with the same libtorch and number of threads, the first command gives the same weights bit for bit.</p>
${commandList(commands)}
<h3>Settings${rest.length > 0 && ' that differ from the defaults'}</h3>
${changed.length === 0 ? html`<p>All settings are the defaults.</p>` : settingTable(changed)}
${rest.length > 0 && html`<details><summary>${plural(rest.length, 'setting')} with the default value</summary>${settingTable(rest)}</details>`}
<h3>Environment</h3>
${factList([...modelFacts(model), ...environmentFacts(environment)])}
${skipped.length > 0 && html`<details><summary>${plural(skipped.length, 'unreadable image')} left out</summary><ul>${skipped.map(({ file, reason }) => html`<li><code>${file}</code>: ${reason}</li>`)}</ul></details>`}`,
  };
}

function settingTable(settings: readonly Setting[]): Markup {
  const rows = settings.map(
    ({ name, value, changed, default: defaultValue, doc }) =>
      html`<tr><th scope="row"><code>${name}</code></th><td><code>${value === '' ? NONE : value}</code>${changed && defaultValue !== undefined && html` <small>default ${defaultValue === '' ? NONE : defaultValue}</small>`}</td><td class="doc">${doc}</td></tr>`,
  );
  return html`<div class="scroll"><table class="plain settings"><tbody>${rows}</tbody></table></div>`;
}
