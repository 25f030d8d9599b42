import { formatGmacs, formatParameters } from '../../format.js';
import { type ListedModel, listModels, recommend } from '../../models/index.js';
import type { Command } from '../command.js';
import { type Flag, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { json } from '../output/files.js';
import { table, wrap } from '../output/text.js';

const flags: readonly Flag[] = [
  { name: 'json', boolean: true, doc: 'print JSON: the recommended models and all models of the list' },
];

export const modelList: Command = {
  name: 'models',
  usage: ['models [WORD...]'],
  about: [
    'Lists the models for evenhand train --model NAME, or those whose name, family, pretraining or licence contains every ' +
      'WORD, with their number of parameters, multiply-accumulates per image, image size, pretraining and licence. A * ' +
      'marks weights that are on this machine.',
    'Any other model of timm whose architecture is known works as well: NAME.TAG as timm writes it, ' +
      'hf-hub:ORGANISATION/REPOSITORY, or a folder with config.json and weights.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('models', args, flags);
    const words = parsed.positionals.map((word) => word.toLowerCase());
    const models = listModels().filter((model) => words.every((word) => textOf(model).includes(word)));
    if (parsed.flags.get('json') === 'true') {
      process.stdout.write(json({ recommended: recommend(), models }));
      return exitCodes.done;
    }
    if (models.length === 0) {
      throw new UsageError(`no model of the list matches ${parsed.positionals.join(' ')}; evenhand models lists all`);
    }
    console.log(table([HEADER, ...models.map(rowOf)], [1, 2, 3]));
    const restricted = new Map(
      models.flatMap(({ license }) => (license?.restriction ? [[license.id, license.restriction]] : [])),
    );
    if (restricted.size > 0) console.log('\n! Restricted licences');
    for (const [id, restriction] of restricted) console.log(wrap(`${id}: ${restriction}.`, { indent: 2 }));
    if (words.length === 0) console.log(`\n${describeRecommended()}`);
    return exitCodes.done;
  },
};

const HEADER = ['  name', 'parameters', 'GMACs', 'size', 'pretraining', 'licence'];

function rowOf({ name, cached, parameters, gmacs, imageSize, pretraining, license }: ListedModel): string[] {
  return [
    `${cached ? '*' : ' '} ${name}`,
    formatParameters(parameters),
    formatGmacs(gmacs),
    String(imageSize),
    pretraining ?? '',
    license === null ? '' : license.restriction === undefined ? license.id : `${license.id} !`,
  ];
}

/** What the words are searched in. */
const textOf = ({ name, family, pretraining, license }: ListedModel): string =>
  `${name} ${family} ${pretraining ?? ''} ${license?.id ?? ''}`.toLowerCase();

function describeRecommended(): string {
  const lines = recommend().map(({ situation, name, imageSize, why }) =>
    wrap(`${situation}: --model ${name} --image-size ${imageSize}. ${why[0]!.toUpperCase()}${why.slice(1)}.`, {
      indent: 2,
    }),
  );
  return ['Recommended', ...lines].join('\n');
}
