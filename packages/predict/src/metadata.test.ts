import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PbfWriter } from 'pbf';
import { MOST_PROBABLE } from './decide.js';
import { type ModelMetadata, metadataEntries, metadataOf, mostFrequentClass, readMetadata } from './metadata.js';
import { ModelError } from './model-error.js';
import { readEntries } from './onnx-entries.js';

const fileOf = (name: string): Buffer => readFileSync(new URL(`../golden/${name}`, import.meta.url));
const tiny = fileOf('tiny.onnx');
const foreign = fileOf('tiny-foreign.onnx');
const golden: { metadata: ModelMetadata } = JSON.parse(fileOf('onnx.json').toString());

const writeEntry = ([key, value]: [string, string], pbf: PbfWriter): void => {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
};

/** An ONNX file as `evenhand export` writes it, with the graph at the end; its content does not matter here. */
function modelFile(entries: Readonly<Record<string, string>>): Uint8Array {
  const file = new PbfWriter();
  file.writeVarintField(1, 8);
  for (const entry of Object.entries(entries)) file.writeMessage(14, writeEntry, entry);
  file.writeBytesField(7, new Uint8Array(100));
  return file.finish();
}

/** A file with another text for `evenhand.KEY`, or without this entry. */
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

test("the metadata of a file written by Python's onnx, graph first", () => {
  assert.deepEqual(readMetadata(tiny), golden.metadata);
});

test('metadata survives writing and reading, metadata first', () => {
  const metadata = {
    ...golden.metadata,
    classes: ['één', '猫', '"'],
    classCounts: null,
    validation: null,
    config: null,
  };
  for (const license of [
    {},
    { license: { id: 'cc-by-nc-4.0', restriction: 'non-commercial use only' } },
    { license: { id: 'mit' } },
  ]) {
    const written = { ...metadata, ...license };
    assert.deepEqual(readMetadata(modelFile(metadataEntries(written))), written);
  }
});

test('entries of other programs are read and ignored', () => {
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

test('missing entries get defaults', () => {
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

test('other kinds of files are refused', () => {
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

test('a truncated file is refused wherever it ends', () => {
  const ours = modelFile(metadataEntries(golden.metadata));
  const cutShort = /^m\.onnx: the ONNX file is damaged or cut short; copy or export it again\.$/;
  for (const cut of [1, 50, 100]) refused(ours.subarray(0, ours.length - cut), cutShort);
  for (let length = 1; length < ours.length - 102; length++) refused(ours.subarray(0, length), /^m\.onnx: .+\.$/);

  // With the graph first, a file that ends between two fields is well-formed.
  const seen = new Set<string>();
  for (let length = 1; length < tiny.length; length++) {
    let metadata: ModelMetadata | undefined;
    try {
      metadata = readMetadata(tiny.subarray(0, length), 'm.onnx');
    } catch (error) {
      assert.ok(error instanceof ModelError, `${length} bytes: ${error}`);
      seen.add(error.message.replace(/^m\.onnx: /, ''));
      continue;
    }
    for (const key of ['version', 'model'] as const) {
      assert.ok(metadata === undefined || ['unknown', golden.metadata[key]].includes(metadata[key]), `${length} bytes`);
    }
  }
  assert.deepEqual(
    [...seen].filter((message) => !message.startsWith('its metadata is malformed: preset:')),
    [
      'it is not an ONNX file; make one with evenhand export.',
      'the ONNX file is damaged or cut short; copy or export it again.',
    ],
  );
});

test('malformed metadata is refused by its key', () => {
  const [wrong, again] = ['m.onnx: its metadata evenhand.', 'export the model again.'];
  const cases: [key: string, text: string | undefined, message: string][] = [
    ['classes', '[', `${wrong}classes must be JSON; ${again}`],
    ['classes', '"cat"', `${wrong}classes must be a list of class names; ${again}`],
    ['classes', '[]', `${wrong}classes must be a list of class names; ${again}`],
    ['classes', '["cat", 1]', `${wrong}classes must be a list of class names; ${again}`],
    ['classCounts', '[1, 2]', `${wrong}classCounts must be one number per class; ${again}`],
    ['classCounts', '[1, 2, null]', `${wrong}classCounts must be one number per class; ${again}`],
    ['classCounts', '{"cat": 1}', `${wrong}classCounts must be one number per class; ${again}`],
    ...['0', '"x"', '{}', '{"temperature": 0}', '{"temperature": -1}', '{"temperature": "2"}', '{"temperature": true}']
      .concat(['{"temperature": 1, "scale": [1, 1]}', '{"temperature": 1, "offset": [1, 1, "1"]}'])
      .map((text): [string, string, string] => [
        'decision',
        text,
        `${wrong}decision must be a temperature above 0 with a scale and an offset per class; ${again}`,
      ]),
    ['version', '{"a": 1}', `${wrong}version must be a text; ${again}`],
    ['model', '[1]', `${wrong}model must be a text; ${again}`],
    ['config', '[]', `${wrong}config must be an object; ${again}`],
    ['license', '"mit"', `${wrong}license must be an object with an id and, if it has any, a restriction; ${again}`],
    ['license', '{"id":1}', `${wrong}license must be an object with an id and, if it has any, a restriction; ${again}`],
    ['dataFingerprint', '{}', `${wrong}dataFingerprint must be a text; ${again}`],
    [
      'validation',
      '{"images": 1}',
      `${wrong}validation must be an object with images, macroF1, low and high; ${again}`,
    ],
    ...['version', 'config', 'classes', 'preset', 'decision'].map((key): [string, string, string] => [
      key,
      '['.repeat(20_000) + ']'.repeat(20_000),
      `${wrong}${key} must be nested at most 50 levels deep; ${again}`,
    ]),
    [
      'preset',
      undefined,
      'm.onnx: its metadata is malformed: preset: expected an object with resize, crop, interpolation, mean, std, got null.',
    ],
    [
      'preset',
      JSON.stringify({ ...golden.metadata.preset, crop: 9 }),
      'm.onnx: its metadata is malformed: preset.crop: expected at most preset.resize (8), got 9.',
    ],
  ];
  for (const [key, text, message] of cases) refused(changed(key, text), message);
});

test('brackets in a text do not count as nesting', () => {
  const classes = ['['.repeat(100), '"{'.repeat(100), '\\\\"[', '猫'];
  const entries = { ...metadataEntries(golden.metadata), 'evenhand.classes': JSON.stringify(classes) };
  const counts = { 'evenhand.classCounts': '[1,2,3,4]', 'evenhand.decision': '{"temperature":1}' };
  assert.deepEqual(readMetadata(modelFile({ ...entries, ...counts }))?.classes, classes);
});

test('classes may have names that every object knows', () => {
  const classes = ['__proto__', 'constructor', 'toString'];
  const metadata = { ...golden.metadata, classes };
  const copy = readMetadata(modelFile(metadataEntries(metadata)));
  assert.deepEqual(copy, metadata);
  assert.equal(mostFrequentClass(copy!), 'constructor');
});

test('the most frequent of 200,000 classes is found', () => {
  const classCounts = Array.from({ length: 200_000 }, (_, k) => k % 1000);
  const classes = classCounts.map((_, k) => `class ${k}`);
  assert.equal(mostFrequentClass({ ...golden.metadata, classes, classCounts }), 'class 999');
});

test('given labels and preset replace those in the file', () => {
  const labels = ['a', 'b', 'c'];
  const preset = { ...golden.metadata.preset, resize: 9 };
  assert.deepEqual(metadataOf(tiny, 'm.onnx', {}), golden.metadata);
  assert.deepEqual(metadataOf(tiny, 'm.onnx', { labels }), { ...golden.metadata, classes: labels });
  assert.deepEqual(metadataOf(tiny, 'm.onnx', { preset }), { ...golden.metadata, preset });
  assert.throws(() => metadataOf(tiny, 'm.onnx', { labels: ['a'] }), {
    name: 'ModelError',
    message: 'm.onnx: it has 3 classes, but 1 labels were given.',
  });
});

test('a model of another program needs labels and preset', () => {
  const labels = ['a', 'b', 'c'];
  const { preset } = golden.metadata;
  const found = metadataOf(foreign, 'm.onnx', { labels, preset });
  assert.deepEqual([found.classes, found.preset, found.decision], [labels, preset, MOST_PROBABLE]);
  assert.deepEqual([found.model, found.classCounts, found.validation], ['unknown', null, null]);
  for (const given of [{}, { labels }, { preset }]) {
    assert.throws(() => metadataOf(foreign, 'm.onnx', given), {
      name: 'ModelError',
      message:
        'm.onnx: it was not written by evenhand and has no class names and no preset; give both (--labels FILE with ' +
        'one name per line, --preset FILE with JSON).',
    });
  }
});

test('the most frequent class has the most training images; the first one wins ties or if no counts are known', () => {
  const { metadata } = golden;
  assert.equal(mostFrequentClass(metadata), 'green');
  assert.equal(mostFrequentClass({ ...metadata, classCounts: [0, 1, 2] }), 'red');
  assert.equal(mostFrequentClass({ ...metadata, classCounts: null }), 'blue');
});
