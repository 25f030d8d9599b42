// A run that several test files look at from different sides: trained once, kept in build/, and copied by each.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drawDiscs, succeed } from './support.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const STORE = join(ROOT, 'build/trained-runs');
/** From pretrained weights that come with the package, so that in seconds it tells most of the images apart. */
const TRAINING = [
  ...'--model efficientnet_mini --image-size 32 --batch-size 8 --threads 1 --workers 1'.split(' '),
  ...'--head-epochs 2 --epochs 1 --head-phase-rate 0.01 --mix-probability 0'.split(' '),
];
const HOUR = 3_600_000;

/**
 * Puts `discs` (9 training and 12 validation images of red, green and blue) and a run that was trained on it into a
 * folder. The run names the images that it was trained on, which are those in build/.
 */
export async function copyTrainedRun(folder: string, run: string): Promise<void> {
  const made = await trainedRun();
  cpSync(join(made, 'discs'), join(folder, 'discs'), { recursive: true });
  cpSync(join(made, 'run'), join(folder, run), { recursive: true });
}

/** The folder of the run, which is trained again only after a change of the code that trains it. */
async function trainedRun(): Promise<string> {
  const folder = join(STORE, codeHash());
  const complete = join(folder, 'complete');
  const lock = `${folder}.lock`;
  mkdirSync(STORE, { recursive: true });
  while (!existsSync(complete)) {
    if (!takeLock(lock)) {
      await sleep(100);
      continue;
    }
    try {
      removeOld();
      rmSync(folder, { recursive: true, force: true });
      await drawDiscs(join(folder, 'discs'), { train: 9, val: 12 });
      await succeed(['train', 'discs', '--run', 'run', ...TRAINING], folder);
      writeFileSync(complete, '');
    } finally {
      rmSync(lock, { force: true });
    }
  }
  return folder;
}

/** Whether this process may train it; a lock of a process that is gone is removed. */
function takeLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    const holder = Number(readFileSync(lock, 'utf8'));
    // It is empty for a moment after it was made.
    if (holder > 0) process.kill(holder, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') rmSync(lock, { force: true });
  }
  return false;
}

function codeHash(): string {
  const hash = createHash('sha256');
  const add = (file: string): unknown => hash.update(file).update(readFileSync(join(ROOT, file)));
  for (const name of ['evenhand', 'predict', 'torch']) {
    const folder = `packages/${name}/dist`;
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
    for (const file of files.sort()) if (/(?<!\.test)\.js$/.test(file)) add(`${folder}/${file}`);
  }
  for (const file of ['packages/torch/build/evenhand_torch.node', 'test/dist/support.js', 'test/dist/trained-run.js']) {
    add(file);
  }
  return hash.digest('hex').slice(0, 16);
}

function removeOld(): void {
  for (const name of readdirSync(STORE)) {
    const path = join(STORE, name);
    if (!name.endsWith('.lock') && Date.now() - statSync(path).mtimeMs > HOUR) rmSync(path, { recursive: true });
  }
}
