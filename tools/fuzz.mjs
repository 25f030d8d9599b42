// Feeds damaged and invented input to everything that reads files of unknown origin, and reports each case that is
// neither read nor refused with one clear line. CONTRIBUTING.md shows how to call it.
import { parseArgs } from 'node:util';
import { runCampaign } from './fuzz/campaign.mjs';
import { targets } from './fuzz/targets.mjs';

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    seed: { type: 'string' },
    count: { type: 'string' },
    seconds: { type: 'string' },
    case: { type: 'string' },
    help: { type: 'boolean' },
  },
});

if (values.help) {
  console.log(`Usage: node tools/fuzz.mjs [OPTIONS]

Options:
  --target NAME  what to fuzz, several times for several; default all:
                 ${Object.keys(targets).join(', ')}
  --seed N       whole number from which every input follows; default a new one
  --count N      cases per target; default no limit
  --seconds N    seconds for all targets together; default 60
  --case N       run only case N of a seed and one target, as a fault's command does`);
} else {
  const names = values.target ?? Object.keys(targets);
  const unknown = names.find((name) => !Object.hasOwn(targets, name));
  if (unknown !== undefined) fail(`there is no target ${unknown}; known are ${Object.keys(targets).join(', ')}`);
  const only = wholeNumber('case', undefined);
  if (only !== undefined && (names.length !== 1 || values.seed === undefined)) {
    fail('--case needs --seed and one --target');
  }
  const faults = await runCampaign({
    targets: Object.fromEntries(names.map((name) => [name, targets[name]])),
    seed: wholeNumber('seed', Date.now() % 1_000_000_000),
    count: wholeNumber('count', Number.POSITIVE_INFINITY),
    seconds: wholeNumber('seconds', values.count === undefined ? 60 : Number.POSITIVE_INFINITY),
    only,
  });
  // Workers and handles that a fault has left behind must not keep the process.
  process.exit(faults > 0 ? 1 : 0);
}

function wholeNumber(name, otherwise) {
  const text = values[name];
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) fail(`--${name} must be a whole number, got ${JSON.stringify(text)}`);
  return Number(text);
}

function fail(message) {
  console.error(`fuzz: ${message}`);
  process.exit(2);
}
