import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  damage,
  type Random,
  randomFrom,
  randomLegacyFile,
  randomSafetensorsFile,
  readWeightsFile,
  tryWeightsFile,
  weightsFiles,
} from '../testing/damaged-weights.js';

const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
after(() => rmSync(folder, { recursive: true }));

const cases = 200;

const generators: Record<string, (random: Random) => Uint8Array> = {
  ...Object.fromEntries(
    weightsFiles.map((name) => {
      const original = readWeightsFile(name);
      return [`damaged ${name}`, (random) => damage(original, random)];
    }),
  ),
  'invented .pth': randomLegacyFile,
  'invented safetensors': randomSafetensorsFile,
};

for (const [name, generate] of Object.entries(generators)) {
  test(`${cases} files, ${name}: each is read, or refused with one line`, () => {
    const path = join(folder, 'file');
    const outcomes = { read: 0, refused: 0 };
    for (let seed = 1; seed <= cases; seed++) {
      writeFileSync(path, generate(randomFrom(seed)));
      try {
        outcomes[tryWeightsFile(path)]++;
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    // Damage to the values of a tensor cannot be noticed, damage to the structure must be: both have to occur here.
    assert.ok(outcomes.read > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
  });
}
