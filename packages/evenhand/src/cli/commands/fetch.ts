import { FLOWERS102, type Flowers102Summary, writeFlowers102 } from '../../data/index.js';
import { plural } from '../../format.js';
import { cacheFolder, fetchFile } from '../../models/index.js';
import type { Command } from '../command.js';
import { expectPositionals, type Flag, parseFlags } from '../options/flags.js';
import { exitCodes, UsageError } from '../output/errors.js';
import { StatusLine } from '../output/files.js';
import { bar, quoted } from '../output/text.js';

const flags: readonly Flag[] = [
  { name: 'from', boolean: false, value: 'URL', doc: `base URL of the files [${FLOWERS102.home}]` },
];

export const fetchData: Command = {
  name: 'fetch',
  usage: ['fetch flowers102 [DIR] [OPTIONS]'],
  about: [
    'Downloads a data set, verifies it, and writes it to DIR [flowers102], ready for evenhand check and train, with its ' +
      'official split: train.csv, val.csv, test.csv without labels, and test-labels.csv. Downloads are kept in the cache, ' +
      'and an interrupted download is continued.',
    'flowers102: 8,189 photos of 102 species of flowers (Nilsback and Zisserman, 2008; 350 MB).',
  ],
  flags,
  async run(args) {
    const parsed = parseFlags('fetch', args, flags);
    const [name, folder = 'flowers102'] =
      parsed.positionals.length === 2 ? parsed.positionals : expectPositionals('fetch', parsed, ['flowers102']);
    if (name !== 'flowers102') throw new UsageError(`Unknown data set ${quoted(name!)}; available: flowers102`);
    const home = parsed.flags.get('from') ?? FLOWERS102.home;
    if (!URL.canParse(home)) throw new UsageError(`--from must be a URL, got ${JSON.stringify(home)}`);
    const status = new StatusLine();
    try {
      const counts = await fetchFlowers102(folder, home, FLOWERS102.files, (text) => status.show(text));
      status.clear();
      console.log(
        `${folder}: ${plural(counts.train, 'training image')}, ${counts.val} for validation, ${counts.test} for testing; ` +
          `downloads are kept in ${cacheFolder()}\nNext: evenhand check ${quoted(folder)}`,
      );
    } finally {
      status.clear();
    }
    return exitCodes.done;
  },
};

type Files = Readonly<Record<keyof typeof FLOWERS102.files, { readonly name: string; readonly md5: string }>>;

/** Downloads the files from `home` into the cache, the small ones first, and writes the data set to `folder`. */
export async function fetchFlowers102(
  folder: string,
  home: string,
  files: Files,
  onProgress: (text: () => string) => void,
): Promise<Flowers102Summary> {
  const get = ({ name, md5 }: Files['images']): Promise<string> => {
    const url = new URL(name, home.endsWith('/') ? home : `${home}/`).href;
    const show = (received: number, total: number | undefined) => onProgress(() => downloadLine(name, received, total));
    return fetchFile({ url, md5 }, { onProgress: ({ received, total }) => show(received, total) });
  };
  const labels = await get(files.labels);
  const split = await get(files.split);
  const images = await get(files.images);
  return writeFlowers102(folder, { images, labels, split }, (done, total) =>
    onProgress(() => `Unpacking ${done} of ${total}`),
  );
}

function downloadLine(file: string, received: number, total: number | undefined): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  if (total === undefined) return `${file}  ${megabytes(received)} MB`;
  return `${file}  ${bar(received / total, 24, '·')}  ${megabytes(received)} of ${megabytes(total)} MB`;
}
