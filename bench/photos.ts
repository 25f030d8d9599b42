// Data of `npm run bench -- epoch`: a folder with train.csv, val.csv, label_list.txt and JPEG files. As a program it draws one.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawSpecies, herbariumSpecies } from '@evenhand/herbarium';
import { readDataset } from 'evenhand';
import { Random } from 'evenhand/random';
import sharp from 'sharp';

export interface Counts {
  readonly train: number;
  readonly val: number;
}

/** Height and width of drawn photos; with their quality, files of about 45 kB as those of real photos of this size. */
const PHOTO = { width: 600, height: 500 };
const QUALITY = 88;
const DRAWING = 800;
const CLASSES = 32;

/** Draws photos: windows at random places of one drawing per class. Each is another image, and few are near-duplicates. */
async function drawPhotos(folder: string, counts: Counts): Promise<void> {
  // One image per thread; the number of threads is UV_THREADPOOL_SIZE.
  sharp.concurrency(1);
  const species = herbariumSpecies({ seed: 1 }).slice(0, CLASSES);
  const drawings = await Promise.all(
    species.map(async (each) =>
      sharp(await drawSpecies(each, 0, { size: DRAWING }))
        .raw()
        .toBuffer(),
    ),
  );
  const raw = { width: DRAWING, height: DRAWING, channels: 3 } as const;
  const draw = async (file: string, i: number): Promise<void> => {
    const random = new Random(1, i);
    const left = random.int(DRAWING - PHOTO.width + 1);
    const top = random.int(DRAWING - PHOTO.height + 1);
    const gain = 0.8 + 0.4 * random.uniform();
    const window = sharp(drawings[i % CLASSES]!, { raw })
      .extract({ left, top, ...PHOTO })
      .flop(random.int(2) === 1);
    await writeFile(file, await window.linear(gain).jpeg({ quality: QUALITY }).toBuffer());
  };
  let next = 0;
  const total = counts.train + counts.val;
  const files = Array.from({ length: total }, (_, i) => ({ name: `${i}.jpg`, label: species[i % CLASSES]!.name }));
  const pathOf = writeTables(folder, species.map(({ name }) => name), files, counts.train); // biome-ignore format: one line
  const drawNext = async (): Promise<void> => {
    while (next < total) {
      const i = next++;
      await draw(pathOf(i), i);
    }
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, drawNext));
}

/**
 * Links images of a data set that evenhand reads, in a fixed random order. If it has fewer than asked for, both parts shrink
 * alike.
 *
 * @throws DataError if the data set cannot be read
 */
export async function linkPhotos(folder: string, data: string, { train, val }: Counts): Promise<Counts> {
  const dataset = await readDataset(data);
  const samples = [...dataset.train, ...dataset.val];
  const share = Math.min(1, samples.length / (train + val));
  const counts = { train: Math.floor(train * share), val: Math.floor(val * share) };
  const order = Array.from(new Random(1).permutation(samples.length).subarray(0, counts.train + counts.val));
  const chosen = order.map((i) => samples[i]!);
  const files = chosen.map(({ file, label }, i) => ({ name: `${i}${extname(file)}`, label: dataset.classes[label]! }));
  const pathOf = writeTables(folder, dataset.classes, files, counts.train);
  for (const [i, { file }] of chosen.entries()) symlinkSync(resolve(file), pathOf(i));
  return counts;
}

/** Writes the tables of the first `train` files and of the others. Returns the path of each file. */
function writeTables(
  folder: string,
  classes: readonly string[],
  files: readonly { name: string; label: string }[],
  train: number,
): (i: number) => string {
  writeFileSync(join(folder, 'label_list.txt'), classes.map((name) => `${name}\n`).join(''));
  for (const [part, rows] of [
    ['train', files.slice(0, train)],
    ['val', files.slice(train)],
  ] as const) {
    mkdirSync(join(folder, part, 'images'), { recursive: true });
    const lines = rows.map(({ name, label }) => `${name},${label}\n`);
    writeFileSync(join(folder, `${part}.csv`), `filename,label\n${lines.join('')}`);
  }
  return (i) => join(folder, i < train ? 'train' : 'val', 'images', files[i]!.name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = '.', train, val] = process.argv.slice(2);
  await drawPhotos(folder, { train: Number(train), val: Number(val) });
}
