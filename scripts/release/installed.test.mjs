// The packages as users get them, packed and installed in an empty folder: what works in the workspace can be missing there.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pack, stageAll } from '../pack.mjs';
import { checkFiles, checkTypes, commandLine, draw, install, isUnreachable, trainAndPredict } from './installed.mjs';
import { ADDON } from './packages.mjs';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-installed-'));
const app = join(folder, 'app');
after(() => rmSync(folder, { recursive: true, force: true }));

test('the packed packages install in an empty folder, and train, report and predict there', async (context) => {
  const folders = await stageAll({ out: folder });
  // Compressing 60 MB of ONNX Runtime takes as long as the rest: npm links the folder instead.
  const isLarge = (path) => /(onnxruntime|torch)-\w+-\w+$/.test(path);
  const archives = pack(
    folders.filter((path) => !isLarge(path)),
    folder,
  );
  try {
    await install(app, [...archives.values(), ...folders.filter(isLarge)], ['--prefer-offline']);
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    context.skip("npm's registry cannot be reached, and npm's cache lacks a package");
    return;
  }
  checkFiles(app, [...archives.keys()]);
  assert.ok(!existsSync(join(app, 'node_modules/onnxruntime-node')), 'it has every platform, and downloads');

  const evenhand = commandLine(app, { EVENHAND_ADDON: ADDON });
  await draw(app);
  await trainAndPredict(app, evenhand, ['--threads', '1', '--workers', '1']);
  await checkTypes(app);
});
