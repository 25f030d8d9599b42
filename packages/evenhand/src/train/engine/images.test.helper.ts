// Small images to train on, and the smallest training that is one.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { Random } from '../../random.js';
import type { Config } from '../config/fields.js';
import { type ConfigLayer, resolveConfig } from '../config/resolve.js';

const COLOURS: Readonly<Record<string, readonly number[]>> = {
  red: [200, 60, 60],
  green: [60, 200, 60],
  blue: [60, 60, 200],
};

export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'evenhand-train-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Draws `count` images of each of three colours, no two alike, into a folder a colour. */
export async function drawImages(folder: string, count: number, seed = 0): Promise<void> {
  for (const [c, [label, colour]] of Object.entries(COLOURS).entries()) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let i = 0; i < count; i++) await drawImage(join(folder, label, `${i}.png`), colour, new Random(seed, c, i));
  }
}

/** 32 pixels a side: the colour in random patches of light and shade. */
function drawImage(file: string, colour: readonly number[], random: Random): Promise<unknown> {
  const patches = new Uint8Array(6 * 6 * 3);
  for (let at = 0; at < patches.length; at += 3) {
    const light = 0.2 + random.uniform();
    for (const [c, value] of colour.entries()) patches[at + c] = Math.min(255, value * light);
  }
  return sharp(patches, { raw: { width: 6, height: 6, channels: 3 } })
    .resize(32, 32)
    .png()
    .toFile(file);
}

/** By one thread, because two that wait for each other at every small operation take long while other tests run. */
export function smallConfig(data: string, values: ConfigLayer['values'] = {}): Config {
  const small = { model: 'mobilenet_v2', weights: 'none', imageSize: 32, batchSize: 8, threads: 1, workers: 1 };
  return resolveConfig('competition', [{ source: 'test', values: { data, ...small, epochs: 1, ...values } }]);
}

export const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
