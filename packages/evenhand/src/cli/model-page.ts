import { formatGmacs, formatParameters } from '../format.js';
import { architectureNames, familyOf, type ListedModel, listModels } from '../models/index.js';

/** The generated parts of docs/models.md, by the name in their markers. */
const PARTS: Readonly<Record<string, () => string>> = { models: recommendedModels, architectures };

/** A page with its generated parts as the code has them. `npm run docs` writes it to docs/models.md. */
export function withGeneratedParts(page: string): string {
  return Object.entries(PARTS).reduce((text, [name, generate]) => {
    const part = new RegExp(`(<!-- generated: ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
    if (!part.test(text)) throw new Error(`docs/models.md has no part ${name} between its markers`);
    return text.replace(part, (_, start, end) => `${start}\n${generate()}\n\n${end}`);
  }, page);
}

/** One table per family. */
function recommendedModels(): string {
  const families = groupBy(listModels(), ({ family }) => family);
  const header = [
    '| name | parameters | GMACs | size | frozen | pretraining | licence |',
    '| --- | ---: | ---: | ---: | ---: | --- | --- |',
  ];
  return [...families]
    .map(([family, models]) => [`### ${family}`, '', ...header, ...models.map(rowOf)].join('\n'))
    .join('\n\n');
}

function rowOf({ name, parameters, gmacs, imageSize, frozenScore, pretraining, license }: ListedModel): string {
  const cells = [
    `\`${name}\``,
    formatParameters(parameters),
    formatGmacs(gmacs),
    imageSize,
    frozenScore?.toFixed(1) ?? '',
    pretraining ?? '',
    license === null ? '' : license.restriction === undefined ? license.id : `**${license.id}**`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The names of timm that a model may have, family by family. */
function architectures(): string {
  const names = architectureNames().filter((name) => !name.startsWith('torchvision/'));
  return [...groupBy(names, (name) => familyOf(name).name)]
    .map(
      ([family, members]) => `**${family}** (${members.length}): ${members.map((name) => `\`${name}\``).join(', ')}.`,
    )
    .join('\n\n');
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}
