// Files that are made to hang, crash or deceive a reader. Each must give one short, printable line.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import * as nn from '../nn/index.js';
import { type Tensor, tensor } from '../tensor.js';
import { legacyFile, pickleText, safetensorsFile } from '../testing/weights-bytes.js';
import { loadStateDict, openWeights, readTensors, saveTensors, WeightsFileError, writeSafetensors } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
after(() => rmSync(folder, { recursive: true }));

const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Fails unless `action` throws an error of this name whose message is one short, printable line that matches. */
function throwsOneLine(action: () => unknown, name: 'TorchError' | 'WeightsFileError', expected: RegExp): void {
  assert.throws(action, (error: unknown) => {
    assert.ok(error instanceof Error && error.name === name, String(error).slice(0, 1000));
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, unprintable);
    assert.ok(error.message.length < 3000, `a message of ${error.message.length} characters`);
    return true;
  });
}

function refuses(bytes: Uint8Array, expected: RegExp): void {
  const path = join(folder, 'file');
  writeFileSync(path, bytes);
  throwsOneLine(() => openWeights(path).close(), 'WeightsFileError', expected);
}

const attack = '\u001b]0;title\u0007\r\nevenhand: everything is fine\u202e';
const long = 'x'.repeat(30_000_000);
/** A tuple that holds itself twice, forty times over: 2^40 values in eighty bytes. */
const doubled = `K\x01\x85${'2\x86'.repeat(40)}`;
const deep = `K\x01${'\x85'.repeat(100_000)}`;

describe('a pickle', () => {
  for (const [name, key, shown] of [
    ['that doubles', doubled, /a dict with \[\[…\], \[…\]\];/],
    ['nested 100,000 deep', deep, /a dict with \[\[…\]\];/],
    ['with a long name', pickleText(long), /a dict with "x{200}…";/],
    [
      'with terminal sequences',
      pickleText(attack),
      /a dict with "\\x1b\]0;title\\x07\\x0d\\nevenhand: .*fine\\u202e";/,
    ],
    ['with a huge integer', `\x8b\xe8\x03\0\0${'\x7f'.repeat(1000)}`, /a dict with a large integer;/],
  ] as const) {
    test(`with a key ${name}`, () => {
      refuses(legacyFile({ object: `}${key}Ns` }), shown);
    });

    test(`with a version ${name}`, () => {
      refuses(legacyFile({ version: key }), /has the legacy protocol .*; only 1001 can be read/);
    });

    test(`with a storage key ${name}`, () => {
      const type = 'ctorch\nFloatStorage\n';
      const id = `(${pickleText('storage')}${type}${key}${pickleText('cpu')}K\x01NtQ`;
      refuses(
        legacyFile({ object: id }),
        /reference to a storage is not|lacks the bytes of storage "(x{200}…|\\x1b.*)"/,
      );
    });
  }

  test('with a long or deceiving global', () => {
    refuses(
      legacyFile({ object: `${pickleText(long)}${pickleText('f')}\x93` }),
      /contains "x{200}…", which is refused/,
    );
    refuses(legacyFile({ object: `cos\u001b[2J\nsystem\n` }), /contains "os\\x1b\[2J\.system", which is refused/);
  });
});

describe('a safetensors header', () => {
  const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const cases: readonly (readonly [name: string, header: string, expected: RegExp])[] = [
    [
      'an element type',
      `{"a":{"dtype":${nested},"shape":[1],"data_offsets":[0,4]}}`,
      /element type \[\[…\]\]; supported/,
    ],
    ['a shape', `{"a":{"dtype":"F32","shape":${nested},"data_offsets":[0,4]}}`, /the shape \[\[…\]\], which is not/],
    ['offsets', `{"a":{"dtype":"F32","shape":[1],"data_offsets":${nested}}}`, /the offsets \[\[…\]\], which are not/],
    ['an entry', `{"a":${nested}}`, /entry for tensor "a" is not an object/],
    ['metadata', `{"__metadata__":{"a":${nested}}}`, /metadata "a" in the header is not a string/],
  ];
  for (const [name, header, expected] of cases) {
    test(`with ${name} nested 100,000 deep`, () => {
      refuses(safetensorsFile(header, 4), expected);
    });
  }

  test('with long names', () => {
    refuses(safetensorsFile(`{"${long}":1}`), /entry for tensor "x{200}…" is not an object/);
    refuses(safetensorsFile(`{"${long}":1,"${long}":1}`), /has "x{200}…" twice/);
    refuses(safetensorsFile(`{"__metadata__":{"${long}":1}}`), /metadata "x{200}…" in the header is not a string/);
  });

  test('with terminal sequences', () => {
    const name = JSON.stringify(attack);
    refuses(safetensorsFile(`{${name}:1}`), /tensor "\\x1b\]0;title\\x07\\x0d\\nevenhand/);
    refuses(safetensorsFile(`{"a":{"dtype":${name}}}`), /element type "\\x1b\]0;/);
    refuses(safetensorsFile(`{"a":{"dtype":"F32","shape":[${name}]}}`), /the shape \["\\x1b\]0;/);
  });

  test('with a tensor of a million dimensions', () => {
    const shape = `[${'1,'.repeat(999_999)}1]`;
    const header = `{"a":{"dtype":"F32","shape":${shape},"data_offsets":[0,4]}}`;
    refuses(safetensorsFile(header, 4), /"a" has 1000000 dimensions; at most 64 are allowed/);
  });
});

class OneParameter extends nn.Module {
  constructor(readonly key: string) {
    super();
  }
  readonly weight = nn.parameter(tensor([1, 2]));

  override members(): Iterable<[string, unknown]> {
    return [[this.key, this.weight]];
  }

  override forward(x: Tensor): Tensor {
    return x;
  }
}

describe('names of tensors', () => {
  test('that are long or contain terminal sequences are shown in part and escaped', () => {
    const module = new OneParameter('weight');
    for (const name of [attack, long]) {
      const path = join(folder, 'names.safetensors');
      saveTensors(path, new Map([[name, tensor([1])]]));
      const file = openWeights(path);
      throwsOneLine(() => loadStateDict(module, file), 'TorchError', /1 unexpected \((x{200}…|\\x1b.*\\u202e)\)$/);
      throwsOneLine(() => file.read(`${name}!`), 'WeightsFileError', /has no tensor "(x{200}…|\\x1b.*\\u202e!)"$/);
      file.close();
      const entry = { name, dtype: 'float32', shape: [2], bytes: () => new Uint8Array(4) } as const;
      throwsOneLine(
        () => writeSafetensors(path, [entry]),
        'WeightsFileError',
        /tensor ".*" of float32 \[2\] needs 8 bytes/,
      );
      throwsOneLine(() => writeSafetensors(path, [entry, entry]), 'WeightsFileError', /tensor name ".*" occurs twice/);
    }
  });

  // A lookup in an object would find its prototype.
  test('may be those of properties that every object has', () => {
    for (const key of ['__proto__', 'constructor']) {
      const path = join(folder, 'proto.safetensors');
      saveTensors(path, nn.stateDict(new OneParameter(key)), JSON.parse('{"__proto__":"kept"}'));
      assert.deepEqual([...readTensors(path).keys()], [key]);
      const file = openWeights(path);
      const loaded = new OneParameter(key);
      loaded.weight.setData(tensor([0, 0]));
      loadStateDict(loaded, file);
      assert.deepEqual([...loaded.weight.toArray()], [1, 2]);
      assert.equal(file.metadata.get('__proto__'), 'kept');
      file.close();
    }
  });

  test('of the file itself are escaped', () => {
    throwsOneLine(
      () => openWeights(join(folder, attack)),
      'WeightsFileError',
      /\\x1b\]0;.*: cannot be opened: no such file/,
    );
    assert.equal(new WeightsFileError(attack, 'is empty').file, attack);
  });
});

describe('a path that is not a regular file is refused before it is opened:', {
  skip: process.platform === 'win32',
}, () => {
  const refusesPath = (path: string, kind: string) =>
    throwsOneLine(
      () => openWeights(path),
      'WeightsFileError',
      new RegExp(`cannot be opened: it is ${kind}, not a regular`),
    );

  test('a folder', () => refusesPath(folder, 'a folder'));

  test('a device', () => {
    refusesPath('/dev/zero', 'a device');
    symlinkSync('/dev/zero', join(folder, 'zero'));
    refusesPath(join(folder, 'zero'), 'a device');
  });

  test('a named pipe', () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    refusesPath(path, 'a named pipe');
  });

  test('a socket', async () => {
    const path = join(folder, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      refusesPath(path, 'a socket');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
