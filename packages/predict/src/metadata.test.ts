import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PbfWriter } from 'pbf';
import { MOST_PROBABLE } from './decide.js';
import {
  ModelError,
  type ModelMetadata,
  metadataEntries,
  metadataOf,
  mostFrequentClass,
  readEntries,
  readMetadata,
} from './metadata.js';

const fileOf = (name: string): Buffer => readFileSync(new URL(`../golden/${name}`, import.meta.url));
const tiny = fileOf('tiny.onnx');
const foreign = fileOf('tiny-foreign.onnx');
const golden: { metadata: ModelMetadata } = JSON.parse(fileOf('onnx.json').toString());

const writeEntry = ([key, value]: [string, string], pbf: PbfWriter): void => {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
};

/** An ONNX file as `evenhand export` writes it, with the graph at the end; what is in it nobody looks at here. */
function modelFile(entries: Readonly<Record<string, string>>): Uint8Array {
  const file = new PbfWriter();
  file.writeVarintField(1, 8);
  for (const entry of Object.entries(entries)) file.writeMessage(14, writeEntry, entry);
  file.writeBytesField(7, new Uint8Array(100));
  return file.finish();
}

/** A file whose metadata has another `evenhand.KEY`: its text, or none. */
function changed(key: string, text: string | undefined): Uint8Array {
  const { [`evenhand.${key}`]: _, ...entries } = metadataEntries(golden.metadata);
  return modelFile(text === undefined ? entries : { ...entries, [`evenhand.${key}`]: text });
}

const refused = (bytes: Uint8Array, message: string | RegExp): void =>
  assert.throws(
    () => readMetadata(bytes, 'm.onnx'),
    (error) => {
      assert.ok(error instanceof ModelError, String(error));
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );

test("the metadata of a file that Python's onnx wrote, graph first", () => {
  assert.deepEqual(readMetadata(tiny), golden.metadata);
});

test('what is written is read again, metadata first', () => {
  const metadata = {
    ...golden.metadata,
    classes: ['één', '猫', '"'],
    classCounts: null,
    validation: null,
    config: null,
  };
  assert.deepEqual(readMetadata(modelFile(metadataEntries(metadata))), metadata);
});

test('entries of other programs are told and do no harm', () => {
  const bytes = modelFile({ author: 'somebody', 'evenhand.classes': '["a"]', empty: '' });
  assert.deepEqual(
    [...readEntries(bytes, 'm.onnx')],
    [
      ['author', 'somebody'],
      ['evenhand.classes', '["a"]'],
      ['empty', ''],
    ],
  );
  assert.equal(readMetadata(modelFile({ author: 'somebody' })), undefined);
  assert.equal(readMetadata(foreign), undefined);
});

test('what can be left out has a value', () => {
  const kept = ['evenhand.classes', 'evenhand.preset'];
  const entries = Object.entries(metadataEntries(golden.metadata)).filter(([key]) => kept.includes(key));
  assert.deepEqual(readMetadata(modelFile(Object.fromEntries(entries))), {
    version: 'unknown',
    model: 'unknown',
    classes: golden.metadata.classes,
    preset: golden.metadata.preset,
    decision: MOST_PROBABLE,
    classCounts: null,
    config: null,
    dataFingerprint: null,
    validation: null,
  });
});

test('a file that is no ONNX file is refused, whatever it is', () => {
  refused(new Uint8Array(), 'm.onnx: the file is empty (0 bytes); copy it again.');
  const others = [
    '<!DOCTYPE html><html><body>404 Not Found</body></html>',
    'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n',
    '{"a": 1}',
    'PK\u0003\u0004 an archive',
    '\u0000\u0000\u0000\u0000',
  ];
  for (const text of others) {
    refused(Buffer.from(text), 'm.onnx: it is not an ONNX file; make one with evenhand export.');
  }
  refused(fileOf('small.png'), 'm.onnx: it is not an ONNX file; make one with evenhand export.');
  refused(fileOf('landscape.jpg'), 'm.onnx: it is not an ONNX file; make one with evenhand export.');
});

test('a file that ends too soon is refused, wherever it ends', () => {
  const ours = modelFile(metadataEntries(golden.metadata));
  const cutShort = /^m\.onnx: the ONNX file is damaged or cut short; copy or export it again\.$/;
  for (const cut of [1, 50, 100]) refused(ours.subarray(0, ours.length - cut), cutShort);
  for (let length = 1; length < ours.length - 102; length++) refused(ours.subarray(0, length), /^m\.onnx: .+\.$/);

  // Where the graph stands first, a file that ends between two fields is whole by its form.
  const seen = new Set<string>();
  for (let length = 1; length < tiny.length; length++) {
    let known: ModelMetadata | undefined;
    try {
      known = readMetadata(tiny.subarray(0, length), 'm.onnx');
    } catch (error) {
      assert.ok(error instanceof ModelError, `${length} bytes: ${error}`);
      seen.add(error.message.replace(/^m\.onnx: /, ''));
      continue;
    }
    for (const key of ['version', 'model'] as const) {
      assert.ok(known === undefined || ['unknown', golden.metadata[key]].includes(known[key]), `${length} bytes`);
    }
  }
  assert.deepEqual(
    [...seen].filter((message) => !message.startsWith('its metadata is wrong: preset:')),
    [
      'it is not an ONNX file; make one with evenhand export.',
      'the ONNX file is damaged or cut short; copy or export it again.',
    ],
  );
});

test('metadata of a wrong kind is refused, and named', () => {
  const [wrong, again] = ['m.onnx: its metadata evenhand.', 'export the model again.'];
  const cases: [key: string, text: string | undefined, message: string][] = [
    ['classes', '[', `${wrong}classes is no JSON; ${again}`],
    ['classes', '"cat"', `${wrong}classes is not class names; ${again}`],
    ['classes', '[]', `${wrong}classes is not class names; ${again}`],
    ['classes', '["cat", 1]', `${wrong}classes is not class names; ${again}`],
    ['classCounts', '[1, 2]', `${wrong}classCounts is not a number a class; ${again}`],
    ['classCounts', '[1, 2, null]', `${wrong}classCounts is not a number a class; ${again}`],
    ['classCounts', '{"cat": 1}', `${wrong}classCounts is not a number a class; ${again}`],
    ...['0', '"x"', '{}', '{"temperature": 0}', '{"temperature": -1}', '{"temperature": "2"}', '{"temperature": true}']
      .concat(['{"temperature": 1, "scale": [1, 1]}', '{"temperature": 1, "offset": [1, 1, "1"]}'])
      .map((text): [string, string, string] => [
        'decision',
        text,
        `${wrong}decision is not a temperature above 0 with a scale and an offset a class; ${again}`,
      ]),
    [
      'preset',
      undefined,
      'm.onnx: its metadata is wrong: preset: expected an object with resize, crop, interpolation, mean, std, got null.',
    ],
    [
      'preset',
      JSON.stringify({ ...golden.metadata.preset, crop: 9 }),
      'm.onnx: its metadata is wrong: preset.crop: expected at most preset.resize (8), got 9.',
    ],
  ];
  for (const [key, text, message] of cases) refused(changed(key, text), message);
});

test('given labels and preset take the place of those in the file', () => {
  const labels = ['a', 'b', 'c'];
  const preset = { ...golden.metadata.preset, resize: 9 };
  assert.deepEqual(metadataOf(tiny, 'm.onnx', {}), golden.metadata);
  assert.deepEqual(metadataOf(tiny, 'm.onnx', { labels }), { ...golden.metadata, classes: labels });
  assert.deepEqual(metadataOf(tiny, 'm.onnx', { preset }), { ...golden.metadata, preset });
  assert.throws(() => metadataOf(tiny, 'm.onnx', { labels: ['a'] }), {
    name: 'ModelError',
    message: 'm.onnx: it has 3 classes, and 1 labels are given.',
  });
});

test('a model of another program needs both', () => {
  const labels = ['a', 'b', 'c'];
  const { preset } = golden.metadata;
  const found = metadataOf(foreign, 'm.onnx', { labels, preset });
  assert.deepEqual([found.classes, found.preset, found.decision], [labels, preset, MOST_PROBABLE]);
  assert.deepEqual([found.model, found.classCounts, found.validation], ['unknown', null, null]);
  for (const given of [{}, { labels }, { preset }]) {
    assert.throws(() => metadataOf(foreign, 'm.onnx', given), {
      name: 'ModelError',
      message:
        'm.onnx: it was not written by evenhand and says neither its class names nor its preset: give both (--labels FILE ' +
        'with a name a line, --preset FILE with JSON).',
    });
  }
});

test('the most frequent class is that of training, the first of equals, and the first where nothing is known', () => {
  const { metadata } = golden;
  assert.equal(mostFrequentClass(metadata), 'green');
  assert.equal(mostFrequentClass({ ...metadata, classCounts: [0, 1, 2] }), 'red');
  assert.equal(mostFrequentClass({ ...metadata, classCounts: null }), 'blue');
});
