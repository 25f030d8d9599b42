import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { DataError } from '../errors.js';
import { readMatFile } from './mat-file.js';

/** The source of the Oxford 102 flowers and the MD5 of each file (from torchvision `datasets/flowers102.py`). */
export const FLOWERS102 = {
  home: 'https://www.robots.ox.ac.uk/~vgg/data/flowers/102/',
  files: {
    images: { name: '102flowers.tgz', md5: '52808999861908f626f3c1f4e79d11fa' },
    labels: { name: 'imagelabels.mat', md5: 'e0620be6f572b9609742df49c70aed4d' },
    split: { name: 'setid.mat', md5: 'a5357ecc9cb78c4bef273ce3793fc85c' },
  },
} as const;

/** The parts of the official split, and their names in setid.mat. */
const PARTS = { train: 'trnid', val: 'valid', test: 'tstid' } as const;
type Part = keyof typeof PARTS;

/** The number of images in each part. */
export type Flowers102Summary = Readonly<Record<Part, number>>;

/**
 * Writes the Oxford 102 flowers in evenhand's layout, with the official split (Nilsback and Zisserman, ICVGIP 2008): train.csv,
 * val.csv, `train/images`, `val/images`; test.csv without labels with `test/images`, test-labels.csv; label_list.txt.
 * Labels are 1 to 102.
 *
 * @param files paths of 102flowers.tgz, imagelabels.mat, setid.mat
 * @throws DataError if the files do not belong together or the folder already has a train.csv
 */
export async function writeFlowers102(
  folder: string,
  files: Readonly<Record<keyof typeof FLOWERS102.files, string>>,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Flowers102Summary> {
  const taken = await access(path.join(folder, 'train.csv')).then(
    () => true,
    () => false,
  );
  if (taken) throw new DataError(`${folder} already has a train.csv: choose another folder or remove the file.`);
  const array = async (file: string, name: string): Promise<Float64Array> => {
    const found = readMatFile(await readFile(file), file).get(name);
    if (found === undefined || found.length === 0) throw new DataError(`${file} has no array ${name}.`);
    return found;
  };
  const labels = await array(files.labels, 'labels');
  const partOf = new Map<number, Part>();
  for (const [part, name] of Object.entries(PARTS) as [Part, string][]) {
    for (const id of await array(files.split, name)) {
      if (labels[id - 1] === undefined)
        throw new DataError(`${files.split} names image ${id}, but only ${labels.length} images have labels.`);
      partOf.set(id, part);
    }
  }
  for (const part of Object.keys(PARTS)) await mkdir(path.join(folder, part, 'images'), { recursive: true });
  const written = await unpack(files.images, folder, partOf, onProgress);
  const missing = [...partOf.keys()].find((id) => !written.has(id));
  if (missing !== undefined)
    throw new DataError(`${files.images} has no image ${missing}, which ${files.split} names.`);

  const counts = { train: 0, val: 0, test: 0 };
  const rows: Record<Part, string[]> = { train: [], val: [], test: [] };
  const testLabels: string[] = [];
  for (const [id, part] of [...partOf].sort(([a], [b]) => a - b)) {
    counts[part]++;
    const name = fileName(id);
    const row = `${name.replace('.jpg', '')},${name}`;
    rows[part].push(part === 'test' ? row : `${row},${labels[id - 1]}`);
    if (part === 'test') testLabels.push(`${row},${labels[id - 1]}`);
  }
  const text = (head: string, lines: readonly string[]) => `${[head, ...lines].join('\n')}\n`;
  const labelled = 'image_id,filename,label';
  const distinct = [...new Set(labels)].sort((a, b) => a - b);
  await writeFile(path.join(folder, 'label_list.txt'), `${distinct.join('\n')}\n`);
  await writeFile(path.join(folder, 'test-labels.csv'), text(labelled, testLabels));
  await writeFile(path.join(folder, 'test.csv'), text('image_id,filename', rows.test));
  await writeFile(path.join(folder, 'val.csv'), text(labelled, rows.val));
  // Written last: a folder with train.csv counts as complete.
  await writeFile(path.join(folder, 'train.csv'), text(labelled, rows.train));
  return counts;
}

const fileName = (id: number): string => `image_${String(id).padStart(5, '0')}.jpg`;

/** Writes each image of the archive to the folder of its part; returns the ids found. */
async function unpack(
  archive: string,
  folder: string,
  partOf: ReadonlyMap<number, Part>,
  onProgress: (done: number, total: number) => void,
): Promise<Set<number>> {
  const done = new Set<number>();
  const entries = extract();
  const reading = pipeline(createReadStream(archive), createGunzip(), entries);
  // A failure also ends the loop below, which reports it.
  reading.catch(() => {});
  try {
    for await (const entry of entries) {
      const id = Number(/(?:^|\/)image_(\d{5})\.jpg$/.exec(entry.header.name)?.[1] ?? Number.NaN);
      const part = partOf.get(id);
      if (part === undefined || entry.header.type !== 'file') {
        entry.resume();
        continue;
      }
      await pipeline(entry, createWriteStream(path.join(folder, part, 'images', fileName(id))));
      done.add(id);
      onProgress(done.size, partOf.size);
    }
    await reading;
  } catch (error) {
    throw new DataError(`${archive} cannot be unpacked: ${(error as Error).message}.`, { cause: error });
  }
  return done;
}
