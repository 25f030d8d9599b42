import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openWeights, WeightsFileError } from './index.js';

const golden = fileURLToPath(new URL('../../golden/state-dict/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
after(() => rmSync(folder, { recursive: true }));

const casesPerFile = 200;
/** Far more than the golden files hold (2 kB), and what an expanded tensor may claim (2^20 elements of eight bytes). */
const mostBytes = 2 ** 23;

/** Numbers below `limit`, the same in every run (Marsaglia, Xorshift RNGs, 2003). */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

function damage(bytes: Buffer, random: (limit: number) => number): Buffer {
  const at = random(bytes.length);
  const length = 1 + random(16);
  switch (random(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return bytes.fill(random(2) * 255, at, Math.min(at + length, bytes.length));
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length))]);
    case 4:
      bytes[at] = random(256);
      return bytes;
    default:
      bytes[at]! ^= 1 << random(8);
      return bytes;
  }
}

for (const name of [
  'every-kind.zip.pth',
  'every-kind.deflated.pth',
  'every-kind.protocol4.pth',
  'every-kind.legacy.pth',
  'checkpoint.zip.pth',
  'checkpoint.legacy.pth',
  'reference.safetensors',
]) {
  test(`${name}, damaged in ${casesPerFile} ways, is read or refused in a sentence`, () => {
    const original = readFileSync(golden + name);
    const path = join(folder, 'damaged');
    const outcomes = { read: 0, refused: 0 };
    for (let seed = 1; seed <= casesPerFile; seed++) {
      writeFileSync(path, damage(Buffer.from(original), randomFrom(seed * 2654435761)));
      try {
        const weights = openWeights(path);
        try {
          for (const [key, record] of weights.tensors) {
            assert.ok(record.byteLength <= mostBytes, `seed ${seed}: "${key}" claims ${record.byteLength} bytes`);
            weights.read(key);
          }
        } finally {
          weights.close();
        }
        outcomes.read++;
      } catch (error) {
        if (!(error instanceof WeightsFileError)) throw new Error(`seed ${seed} of ${name}`, { cause: error });
        assert.ok(error.message.startsWith(`${path}: `));
        outcomes.refused++;
      }
    }
    // Damage to a number of a tensor cannot be noticed, damage to the structure must be: both have to occur here.
    assert.ok(outcomes.read > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
  });
}
