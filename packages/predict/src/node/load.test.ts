import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ModelMetadata } from '../metadata.js';
import type { LoadOptions } from '../options.js';
import { load, type NodeModel } from './load.js';

const golden = (name: string): string => fileURLToPath(new URL(`../../golden/${name}`, import.meta.url));
const TINY = golden('tiny.onnx');
const FOREIGN = golden('tiny-foreign.onnx');
interface Golden {
  logits: number[];
  label: string;
}
const { metadata, answers }: { metadata: ModelMetadata; answers: Record<string, Golden> } = JSON.parse(
  readFileSync(golden('onnx.json'), 'utf8'),
);
const images = Object.keys(answers);
/** Enough images for every thread. */
const many = Array.from({ length: 6 }, () => [...images, 'landscape.jpg', 'portrait.jpg'])
  .flat()
  .map(golden);

async function using<T>(model: string | Uint8Array, options: LoadOptions, use: (model: NodeModel) => Promise<T>) {
  const loaded = await load(model, options);
  try {
    return await use(loaded);
  } finally {
    await loaded.close();
  }
}

describe('a loaded model', () => {
  it("predicts the same as numpy on PIL's pixels", async () => {
    await using(TINY, { threads: 1 }, async (model) => {
      assert.deepEqual([model.metadata, model.classes], [metadata, metadata.classes]);
      for (const [name, expected] of Object.entries(answers)) {
        const { logits, label, views } = await model.predict(golden(name));
        for (const [k, logit] of expected.logits.entries()) {
          assert.ok(Math.abs(logits[k]! - logit) < 1e-5, `${name}: ${logits}, not ${expected.logits}`);
        }
        assert.deepEqual([label, views], [expected.label, 1], name);
      }
    });
  });

  it('predicts the same, bit for bit, with any number of threads', async () => {
    const predictions: unknown[] = [];
    for (const threads of [1, 2, 3]) {
      predictions.push(await using(TINY, { threads }, (model) => model.predict(many, { tta: 'flip+scales' })));
    }
    assert.deepEqual(predictions[1], predictions[0]);
    assert.deepEqual(predictions[2], predictions[0]);
  });

  it('is the same from its path and from its bytes, and so is an image', async () => {
    const image = readFileSync(golden('landscape.jpg'));
    const byPath = await using(TINY, { threads: 1 }, (model) => model.predict(golden('landscape.jpg')));
    const byBytes = await using(readFileSync(TINY), { threads: 2 }, async (model) => [
      await model.predict(golden('landscape.jpg')),
      await model.predict(image),
      await model.predict(new Uint8Array(image)),
    ]);
    assert.deepEqual(byBytes, [byPath, byPath, byPath]);
    assert.equal(image.length, readFileSync(golden('landscape.jpg')).length);
  });

  it('of another program predicts the same with labels and preset, whatever its inputs are called', async () => {
    const { classes: labels, preset } = metadata;
    const ours = await using(TINY, { threads: 1 }, (model) => model.predict(golden('small.png')));
    const other = await using(FOREIGN, { threads: 1, labels, preset }, (model) => model.predict(golden('small.png')));
    assert.deepEqual(other.logits, ours.logits);
  });

  it('predicts the readable images of a list with unreadable ones', async () => {
    await using(TINY, { threads: 2 }, async (model) => {
      const reasons: string[] = [];
      const images = [golden('small.png'), golden('no.jpg'), Buffer.from('<html>'), golden('grey.jpg')];
      for await (const outcome of model.predictAll(images)) {
        reasons.push('label' in outcome ? 'predicted' : outcome.reason);
      }
      assert.equal(reasons[0], 'predicted');
      assert.match(reasons[1]!, /no such file/);
      assert.match(reasons[2]!, /web page \(HTML\)/);
      assert.equal(reasons[3], 'predicted');
      await assert.rejects(model.predict(golden('no.jpg')), { name: 'ImageError', file: golden('no.jpg') });
    });
  });

  it('can be closed twice, and refuses to predict after that', async () => {
    const model = await load(TINY, { threads: 2 });
    await model.close();
    await model.close();
    await assert.rejects(model.predict(golden('small.png')), { message: `${TINY}: the model was closed.` });
  });

  it('rejects what is in progress when it is closed', async () => {
    const model = await load(TINY, { threads: 1 });
    const rejection = assert.rejects(model.predict(golden('landscape.jpg')), {
      message: `${TINY}: the model was closed.`,
    });
    await model.close();
    await rejection;
  });
});

/** Runs a program in a process of its own. */
const run = (lines: string) =>
  promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { load } from ${JSON.stringify(import.meta.resolve('./load.js'))};\n${lines}`,
    ],
    { timeout: 300_000 },
  );

describe('a program that does not close its model', () => {
  it('ends by itself', async () => {
    const { stdout } = await run(
      `const model = await load(${JSON.stringify(TINY)}, { threads: 2 });
       const predictions = await model.predict(${JSON.stringify(many)});
       console.log(predictions.length);`,
    );
    assert.equal(stdout, `${many.length}\n`);
  });

  it('stays until its predictions are done', async () => {
    const { stdout } = await run(
      `load(${JSON.stringify(TINY)}).then((model) => model.predict(${JSON.stringify(golden('small.png'))}))
         .then(({ label }) => console.log(label));`,
    );
    assert.equal(stdout, 'blue\n');
  });
});

describe('workers are never stopped inside ONNX Runtime, which would abort the process:', () => {
  // With two threads or more, most such processes ended by SIGABRT.
  it('when the model cannot be opened', async () => {
    const preset = JSON.stringify({ ...metadata.preset, resize: 9, crop: 9 });
    const { stdout } = await run(
      `for (let i = 0; i < 4; i++) {
         await load(${JSON.stringify(TINY)}, { threads: 4, preset: ${preset} }).catch(({ name }) => console.log(name));
       }`,
    );
    assert.equal(stdout, 'ModelError\n'.repeat(4));
  });

  it('when the model is closed while it loads or predicts', async () => {
    const { stdout } = await run(
      `for (let i = 0; i < 4; i++) {
         const model = await load(${JSON.stringify(TINY)}, { threads: 4 });
         const outcomes = ${JSON.stringify(many)}.map((image) => model.predict(image).catch(() => {}));
         await new Promise((resolve) => setTimeout(resolve, 8 * i));
         await model.close();
         console.log('closed');
         await Promise.all(outcomes);
       }`,
    );
    assert.equal(stdout, 'closed\n'.repeat(4));
  });

  it('when the program exits while it loads or predicts', async () => {
    for (const milliseconds of [0, 60]) {
      const { stdout } = await run(
        `const loading = load(${JSON.stringify(TINY)}, { threads: 4 });
         loading.then((model) => {
           setTimeout(() => process.exit(0), ${milliseconds / 4});
           model.predict(${JSON.stringify([...many, ...many])}, { tta: 'flip+scales' });
         });
         if (${milliseconds} === 0) setTimeout(() => process.exit(0), 100);
         process.on('exit', () => console.log('exit'));`,
      );
      assert.equal(stdout, 'exit\n');
    }
  });
});

describe('load refuses by one sentence:', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'evenhand-load-'));
  });
  after(() => rm(folder, { recursive: true }));

  const refused = async (model: string | Uint8Array, options: LoadOptions, message: string | RegExp) => {
    await assert.rejects(load(model, { threads: 2, ...options }), { name: 'ModelError', message });
  };

  it('a missing file, a folder, and other kinds of files', async () => {
    const missing = path.join(folder, 'no.onnx');
    await refused(missing, {}, `${missing}: there is no such file.`);
    await refused(folder, {}, `${folder}: it is a folder, not a model file.`);
    const page = path.join(folder, 'page.onnx');
    await writeFile(page, '<html>404</html>');
    await refused(page, {}, `${page}: it is not an ONNX file; make one with evenhand export.`);
    await refused(new Uint8Array(), {}, 'The model: the file is empty (0 bytes); copy it again.');
    const fifo = path.join(folder, 'fifo.onnx');
    execFileSync('mkfifo', [fifo]);
    await refused(fifo, {}, `${fifo}: it is a FIFO (named pipe), not a model file.`);
    await refused('/dev/zero', {}, '/dev/zero: it is a device, not a model file.');
  });

  it('a truncated or damaged file', async () => {
    const bytes = readFileSync(TINY);
    const cut = path.join(folder, 'cut.onnx');
    await writeFile(cut, bytes.subarray(0, 200));
    await refused(cut, {}, `${cut}: the ONNX file is damaged or cut short; copy or export it again.`);
    const damaged = Buffer.from(bytes);
    damaged.write('Xlatten', damaged.indexOf('Flatten'));
    await refused(damaged, {}, /^The model: ONNX Runtime cannot load the model: .*Xlatten.*[^.]\.$/);
  });

  it('a preset that makes logits which are not finite', async () => {
    const preset = { ...metadata.preset, std: [1e-300, 1e-300, 1e-300] as const };
    await refused(
      TINY,
      { preset },
      /^.*tiny\.onnx: logit 0 is \S+, not a finite number: .*; export the model again\.$/,
    );
  });

  it('labels, a preset or a device that do not fit', async () => {
    const { classes: labels, preset } = metadata;
    await refused(TINY, { labels: ['a', 'b'] }, `${TINY}: it has 3 classes, but 2 labels were given.`);
    await refused(
      FOREIGN,
      { labels },
      /^.*tiny-foreign\.onnx: it was not written by evenhand and has no class names and no preset/,
    );
    await refused(
      FOREIGN,
      { labels: ['a'], preset },
      `${FOREIGN}: its output has 3 logits, but there are 1 class names.`,
    );
    await refused(
      TINY,
      { preset: { ...preset, resize: 9, crop: 9 } },
      `${TINY}: its input is 8 x 8 pixels, but the preset crops images to 9 x 9.`,
    );
  });

  it('cuda if it is not installed', {
    skip: existsSync('/dev/nvidiactl') && 'an NVIDIA driver is installed',
  }, async () => {
    await refused(
      TINY,
      { device: 'cuda' },
      /^.*tiny\.onnx: the device cuda is not available: [^\n]+[^.]; choose another one, such as cpu\.$/,
    );
  });

  it('an invalid option', async () => {
    await assert.rejects(load(TINY, { threads: 0 }), { name: 'TypeError', message: /^threads: expected/ });
    await assert.rejects(load(TINY, { device: 'tpu' as 'cpu' }), { name: 'TypeError', message: /^device: expected/ });
  });
});
