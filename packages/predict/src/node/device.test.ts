import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { metadataOf } from '../metadata.js';
import { ModelError } from '../model-error.js';
import { load, type NodeModel, openOnFirst } from './load.js';
import { Pool } from './pool.js';

const golden = (name: string): string => fileURLToPath(new URL(`../../golden/${name}`, import.meta.url));
const TINY = golden('tiny.onnx');

test('auto opens on cuda if there is a driver and it works, else on cpu, and knows why', async () => {
  const words = 'libcudnn.so.9: cannot open shared object file';
  const refusal = new ModelError(
    `m.onnx: the device cuda is not available: ${words}; choose another one, such as cpu.`,
  );
  const opener = (failure?: Error) => (device: string, whyNotCuda?: string) =>
    failure && device === 'cuda'
      ? Promise.reject(failure)
      : Promise.resolve({ device, whyNotCuda } as unknown as NodeModel);
  const facts = async (hasDriver: boolean, failure?: Error) => {
    const { device, whyNotCuda } = await openOnFirst(hasDriver, opener(failure));
    return [device, whyNotCuda];
  };
  assert.deepEqual(await facts(true), ['cuda', undefined]);
  assert.deepEqual(await facts(true, refusal), ['cpu', words]);
  assert.deepEqual(await facts(true, new Error('no memory\nmore')), ['cpu', 'no memory']);
  assert.deepEqual(await facts(false, refusal), ['cpu', undefined]);
});

test('batches that are filled up give the same logits as single views', async () => {
  const metadata = metadataOf(readFileSync(TINY), TINY, {});
  const setup = { model: TINY, name: TINY, metadata, provider: 'cpu', threads: 1, batch: 4 };
  const { pool } = await Pool.open(setup, 1);
  const model = await load(TINY, { threads: 1 });
  try {
    const files = ['landscape.jpg', 'portrait.jpg', 'small.png', 'grey.jpg', 'landscape.jpg'].map(golden);
    const view = { zoom: 1, flip: false };
    const runs = await Promise.all(files.map((file) => pool.run(file, [view])));
    for (const [i, file] of files.entries()) {
      const { logits } = await model.predict(file);
      for (const [k, logit] of logits.entries()) assert.ok(Math.abs(runs[i]!.logits[k]! - logit) < 1e-5, file);
    }
  } finally {
    await pool.close();
    await model.close();
  }
});
