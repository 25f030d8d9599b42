import { resolve } from 'node:path';
import { type CachedKind, clearCache, clearScanCache, formatBytes, listCache } from '../../data/index.js';
import { plural } from '../../format.js';
import { describeValue, printable } from '../../printable.js';
import { imageCacheFolder, scanCacheFolder } from '../../train/index.js';
import type { Command } from '../command.js';
import { type Flag, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { json } from '../output/files.js';
import { LONGEST_PATH, table } from '../output/text.js';

const DAY = 86_400_000;

const flags: readonly Flag[] = [
  {
    name: 'cache',
    boolean: false,
    value: 'DIR',
    doc: 'the folder that train was given with --cache [the folder of --cache auto]',
  },
  {
    name: 'older-than',
    boolean: false,
    value: 'DAYS',
    doc: 'with clear: delete only images that were last used more than this many days ago',
  },
  { name: 'json', boolean: true, doc: 'print JSON: the folder and what is in it, or what was deleted' },
];

export const imageCache: Command = {
  name: 'cache',
  usage: ['cache [list] [OPTIONS]', 'cache clear [OPTIONS]'],
  about: [
    'Lists the decoded images that evenhand train keeps so that no image is decoded twice, or deletes them. Images of ' +
      'training are kept at the size that --image-size and --crop-scale need, those of validation as the model sees them. ' +
      'What is deleted is decoded again when it is needed; no result changes.',
    'Only files that evenhand wrote to the cache are listed and deleted. Downloaded weights are kept elsewhere.',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('cache', args, flags);
    const [action = 'list', extra] = parsed.positionals;
    if (extra !== undefined)
      throw new UsageError(`Unexpected argument ${describeValue(extra)}; usage: evenhand cache clear`);
    const folder = resolve(parsed.flags.get('cache') ?? imageCacheFolder());
    const isJson = parsed.flags.get('json') === 'true';
    const days = parsed.flags.get('older-than');
    if (action === 'list') {
      if (days !== undefined)
        throw new UsageError('--older-than goes with clear: evenhand cache clear --older-than DAYS');
      const kinds = listCache(folder);
      if (isJson) process.stdout.write(json({ folder, kinds }));
      else console.log(describe(folder, kinds));
      return exitCodes.done;
    }
    if (action !== 'clear') throw new UsageError(`Unknown action ${describeValue(action)}; expected list or clear`);
    const before = days === undefined ? undefined : Date.now() - parseDays(days) * DAY;
    const deleted = clearCache(folder, before);
    // Small, and not listed: what scans found in images.
    const scans = scanCacheFolder(parsed.flags.get('cache'));
    if (before === undefined && scans !== undefined) await clearScanCache(scans);
    if (isJson) process.stdout.write(json({ folder, deleted }));
    else {
      const what = `Deleted ${plural(deleted.images, 'decoded image')} (${formatBytes(deleted.bytes)})`;
      console.log(`${what} in ${printable(folder, LONGEST_PATH)}`);
    }
    return exitCodes.done;
  },
};

function parseDays(text: string): number {
  const days = text.trim() === '' ? Number.NaN : Number(text);
  if (days >= 0 && Number.isFinite(days)) return days;
  throw new UsageError(`--older-than must be a number of days of at least 0, got ${describeValue(text)}`);
}

function describe(folder: string, kinds: readonly CachedKind[]): string {
  const place = printable(folder, LONGEST_PATH);
  if (kinds.length === 0) return `There are no decoded images in ${place}`;
  const rows = kinds.map(({ type, size, current, images, bytes, lastUsed }) => [
    `${type === 'train' ? 'training, up to' : 'evaluation,'} ${size} x ${size} pixels${current ? '' : ' (of another version, not used)'}`,
    images.toLocaleString('en'),
    formatBytes(bytes),
    lastUsed === null ? '' : lastUsed.toISOString().slice(0, 10),
  ]);
  const [images, bytes] = [sum(kinds, 'images'), sum(kinds, 'bytes')];
  return [
    `Decoded images in ${place}`,
    '',
    table(
      [
        ['kind', 'images', 'size', 'last used'],
        ...rows,
        ['together', images.toLocaleString('en'), formatBytes(bytes), ''],
      ],
      [1, 2],
    ),
    '',
    'Delete them: evenhand cache clear; only those not used in 30 days: evenhand cache clear --older-than 30',
  ].join('\n');
}

const sum = (kinds: readonly CachedKind[], name: 'images' | 'bytes'): number =>
  kinds.reduce((total, kind) => total + kind[name], 0);
