// Finding libtorch and choosing its addon, with folders that look like a libtorch.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { ADDON, findAddon, readNote } from '../addon-file.js';
import { addonFolder, makeAddon, selectAddon, writeNote } from './addons.js';
import { useBundle, writeBundle } from './bundle.js';
import { SetupError } from './command.js';
import { compareVersions, findLibtorch, inspect, isOlder, SUFFIX, type Variant } from './libtorch.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-setup-'));
const saved = { ...process.env };
before(() => {
  process.env.EVENHAND_CACHE = join(folder, 'cache');
});
afterEach(() => {
  delete process.env.LIBTORCH;
});
after(() => {
  process.env = saved;
  rmSync(folder, { recursive: true });
});

/** A folder with the headers and libraries that set-up looks at. */
function makeLibtorch(name: string, version: string, variant: Variant): string {
  const path = join(folder, name);
  const api = join(path, 'include/torch/csrc/api/include/torch');
  mkdirSync(api, { recursive: true });
  mkdirSync(join(path, 'lib'));
  const numbers = version.split('.');
  const defines = ['MAJOR', 'MINOR', 'PATCH'].map((part, i) => `#define TORCH_VERSION_${part} ${numbers[i]}\n`);
  writeFileSync(join(api, 'version.h'), defines.join(''));
  writeFileSync(join(path, `lib/libtorch_cpu.${SUFFIX}`), '');
  writeFileSync(join(path, 'lib/libc10.so'), 'x_ZN3c105ErrorC2ENS_14SourceLocationENSt7__cxx1112basic_string');
  if (variant === 'cuda') writeFileSync(join(path, `lib/libtorch_cuda.${SUFFIX}`), '');
  return path;
}

const cpu = makeLibtorch('cpu', '2.5.1', 'cpu');
const cuda = makeLibtorch('cuda', '2.5.1', 'cuda');

describe('libtorch', () => {
  test('is taken from LIBTORCH, and --libtorch comes before it', () => {
    process.env.LIBTORCH = cpu;
    const { version, variant, source } = findLibtorch()!;
    assert.deepEqual([version, variant, source], ['2.5.1', 'cpu', 'LIBTORCH']);
    assert.equal(findLibtorch('cuda', cuda)?.path, cuda);
  });

  test('of another variant than the one asked for is refused', () => {
    process.env.LIBTORCH = cpu;
    assert.throws(() => findLibtorch('cuda'), /LIBTORCH=.*cpu is built for cpu, but --cuda asks for cuda/);
    assert.throws(() => findLibtorch('cpu', cuda), SetupError);
  });

  test('that is incomplete or too old is refused with the remedy', () => {
    assert.throws(() => findLibtorch(undefined, folder), /has no libtorch headers .*name the folder of an unpacked/);
    const old = makeLibtorch('old', '1.12.1', 'cpu');
    assert.throws(() => inspect(old, 'download'), /is libtorch 1\.12\.1, but 1\.13 or newer is needed/);
  });

  test('versions are compared by their numbers', () => {
    assert.ok(isOlder('1.9', '1.13') && !isOlder('2.0.1', '1.13') && !isOlder('1.13.0+dfsg', '1.13'));
    assert.ok(compareVersions('2.36', '2.4') > 0 && compareVersions('2.34', '2.34') === 0);
  });
});

describe('addons', () => {
  test('are kept for each libtorch, and one is selected', async () => {
    const [first, second] = [inspect(cpu, 'download'), inspect(cuda, 'download')];
    for (const libtorch of [first, second]) {
      await makeAddon(addonFolder(libtorch), libtorch, async (part) => {
        writeFileSync(join(part, ADDON), libtorch.variant);
        writeNote(part, libtorch, 'compiled');
      });
    }
    if (process.platform === 'linux') {
      const name = basename(addonFolder(second));
      assert.match(name, new RegExp(`^libtorch-2\\.5\\.1-cuda-cxx11-linux-${process.arch}-[0-9a-f]{8}$`));
    }
    for (const libtorch of [second, first]) {
      selectAddon(addonFolder(libtorch));
      // The clone's own addon would come first.
      process.env.EVENHAND_ADDON = join(folder, 'cache/addons', version(), 'selected', ADDON);
      assert.equal(findAddon(), join(addonFolder(libtorch), ADDON));
      assert.equal(readNote(findAddon()!)?.path, libtorch.path);
      delete process.env.EVENHAND_ADDON;
    }
  });

  test('that could not be made leave nothing behind', async () => {
    const libtorch = inspect(makeLibtorch('other', '2.6.0', 'cpu'), 'download');
    const failing = makeAddon(addonFolder(libtorch), libtorch, async () => {
      throw new SetupError('no compiler');
    });
    await assert.rejects(failing, /no compiler/);
    const names = readdirSync(join(addonFolder(libtorch), '..'));
    assert.deepEqual(
      names.filter((name) => name.includes('2.6.0')),
      [],
    );
  });
});

describe('a bundle', () => {
  test('that is another archive is refused', async () => {
    const file = join(folder, 'other.tar.gz');
    writeFileSync(file, 'not an archive');
    await assert.rejects(useBundle(join(folder, 'absent.tar.gz')), /absent\.tar\.gz: there is no such file/);
    await assert.rejects(useBundle(file), /other\.tar\.gz: tar failed/);
  });

  test('is not made of a libtorch that needs other packages', () => {
    const libtorch = { ...inspect(cpu, 'system package'), path: '/usr' };
    assert.throws(
      () => writeBundle(join(folder, 'b.tar.gz'), { libtorch, addon: '' }),
      /cannot be bundled: use an archive/,
    );
  });
});

const version = (): string => basename(join(addonFolder(inspect(cpu, 'download')), '..'));
