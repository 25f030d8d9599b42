import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ImageError } from '../image.js';
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
/** Often enough the same ones that every thread has some. */
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
  it("answers as numpy does on PIL's pixels", async () => {
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

  it('answers the same, bit for bit, whatever the number of threads', async () => {
    const found: unknown[] = [];
    for (const threads of [1, 2, 3]) {
      found.push(await using(TINY, { threads }, (model) => model.predict(many, { tta: 'flip+scales' })));
    }
    assert.deepEqual(found[1], found[0]);
    assert.deepEqual(found[2], found[0]);
  });

  it('is the same from its path and from its bytes, as an image is', async () => {
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

  it('of another program answers the same with labels and preset given, whatever its inputs are called', async () => {
    const { classes: labels, preset } = metadata;
    const ours = await using(TINY, { threads: 1 }, (model) => model.predict(golden('small.png')));
    const other = await using(FOREIGN, { threads: 1, labels, preset }, (model) => model.predict(golden('small.png')));
    assert.deepEqual(other.logits, ours.logits);
  });

  it('answers for the images that it can read beside one that it cannot', async () => {
    await using(TINY, { threads: 2 }, async (model) => {
      const found: string[] = [];
      const images = [golden('small.png'), golden('no.jpg'), Buffer.from('<html>'), golden('grey.jpg')];
      for await (const outcome of model.predictAll(images)) {
        found.push(outcome instanceof ImageError ? outcome.reason : 'label' in outcome ? 'answered' : outcome.reason);
      }
      assert.equal(found[0], 'answered');
      assert.match(found[1]!, /no such file/);
      assert.match(found[2]!, /web page \(HTML\)/);
      assert.equal(found[3], 'answered');
      await assert.rejects(model.predict(golden('no.jpg')), { name: 'ImageError', file: golden('no.jpg') });
    });
  });

  it('can be closed twice, and refuses to predict after that', async () => {
    const model = await load(TINY, { threads: 2 });
    await model.close();
    await model.close();
    await assert.rejects(model.predict(golden('small.png')), { message: `${TINY}: the model was closed.` });
  });

  it('ends what it is at work on when it is closed', async () => {
    const model = await load(TINY, { threads: 1 });
    const answer = assert.rejects(model.predict(golden('landscape.jpg')), {
      message: `${TINY}: the model was closed.`,
    });
    await model.close();
    await answer;
  });
});

describe('a program that does not close its model', () => {
  const run = (lines: string) =>
    promisify(execFile)(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { load } from ${JSON.stringify(import.meta.resolve('./load.js'))};\n${lines}`,
      ],
      { timeout: 60_000 },
    );

  it('ends by itself', async () => {
    const { stdout } = await run(
      `const model = await load(${JSON.stringify(TINY)}, { threads: 2 });
       const answers = await model.predict(${JSON.stringify(many)});
       console.log(answers.length);`,
    );
    assert.equal(stdout, `${many.length}\n`);
  });

  it('stays until its answers are there', async () => {
    const { stdout } = await run(
      `load(${JSON.stringify(TINY)}).then((model) => model.predict(${JSON.stringify(golden('small.png'))}))
         .then(({ label }) => console.log(label));`,
    );
    assert.equal(stdout, 'blue\n');
  });
});

describe('load refuses, in a sentence:', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'evenhand-load-'));
  });
  after(() => rm(folder, { recursive: true }));

  const refused = async (model: string | Uint8Array, options: LoadOptions, message: string | RegExp) => {
    await assert.rejects(load(model, { threads: 2, ...options }), { name: 'ModelError', message });
  };

  it('a file that is missing, a folder, and what is no ONNX file', async () => {
    const missing = path.join(folder, 'no.onnx');
    await refused(missing, {}, `${missing}: there is no such file.`);
    await refused(folder, {}, `${folder}: it is a folder, not a model file.`);
    const page = path.join(folder, 'page.onnx');
    await writeFile(page, '<html>404</html>');
    await refused(page, {}, `${page}: it is not an ONNX file; make one with evenhand export.`);
    await refused(new Uint8Array(), {}, 'The model: the file is empty (0 bytes); copy it again.');
  });

  it('a file that is cut short or damaged', async () => {
    const bytes = readFileSync(TINY);
    const cut = path.join(folder, 'cut.onnx');
    await writeFile(cut, bytes.subarray(0, 200));
    await refused(cut, {}, `${cut}: the ONNX file is damaged or cut short; copy or export it again.`);
    const damaged = Buffer.from(bytes);
    damaged.write('Xlatten', damaged.indexOf('Flatten'));
    await refused(damaged, {}, /^The model: ONNX Runtime cannot load the model: .*Xlatten.*[^.]\.$/);
  });

  it('labels, a preset or a device that do not fit', async () => {
    const { classes: labels, preset } = metadata;
    await refused(TINY, { labels: ['a', 'b'] }, `${TINY}: it has 3 classes, and 2 labels are given.`);
    await refused(FOREIGN, { labels }, /^.*tiny-foreign\.onnx: it was not written by evenhand and says neither/);
    await refused(FOREIGN, { labels: ['a'], preset }, `${FOREIGN}: it has 3 logits, and there are 1 labels.`);
    await refused(
      TINY,
      { preset: { ...preset, resize: 9, crop: 9 } },
      `${TINY}: its images are 8 x 8 pixels, and the preset makes 9 x 9.`,
    );
  });

  it('cuda where there is none', { skip: existsSync('/dev/nvidiactl') && 'an NVIDIA driver is here' }, async () => {
    await refused(
      TINY,
      { device: 'cuda' },
      /^.*tiny\.onnx: the device cuda cannot be used here: [^\n]+[^.]; choose another device, such as cpu\.$/,
    );
  });

  it('an option that is not one', async () => {
    await assert.rejects(load(TINY, { threads: 0 }), { name: 'TypeError', message: /^threads: expected/ });
    await assert.rejects(load(TINY, { device: 'tpu' as 'cpu' }), { name: 'TypeError', message: /^device: expected/ });
  });
});
