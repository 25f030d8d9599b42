// Every structural variant of timm's families, exported and run by ONNX Runtime: see tools/golden_timm.py.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { liveTensors, nn } from '@evenhand/torch';
import { createModel } from '../models/index.js';
import { fillTimm, timmCase, timmCases } from '../models/timm.test.helper.js';
import { assertEqual, runOnnx, runTorch, type Values, values } from './export.test.helper.js';
import { exportOnnx } from './export-onnx.js';

const folder = mkdtempSync(join(tmpdir(), 'evenhand-export-timm-'));
after(() => rmSync(folder, { recursive: true }));

/** Cases whose weights are exported in 16 bits too: their constants are position embeddings, rotations, bias tables, masks. */
const HALF = ['vit', 'vit_siglip', 'eva02', 'swin', 'convnextv2', 'mobilenetv4_hybrid'];

const imagesBySize = new Map<number, Values[]>();

/** One image and three, of `size` pixels. */
function imagesOf(size: number): Values[] {
  const shapes = [1, 3].map((count) => [count, 3, size, size]);
  const images = imagesBySize.get(size) ?? shapes.map((shape) => ({ shape, data: values(shape) }));
  imagesBySize.set(size, images);
  return images;
}

for (const name of timmCases) {
  const { architecture, args, pool, gain, outputs } = timmCase(name);
  // Exported files have square inputs.
  const size = Math.max(...outputs[0]!.size);

  test(`${name} in ONNX has libtorch's logits for one image and for three`, async () => {
    const before = liveTensors();
    const own = pool === null ? {} : { pool };
    const model = createModel({ architecture, args }, { numClasses: 7, imageSize: size, ...own });
    try {
      fillTimm(nn.setTraining(model, false), gain);
      const images = imagesOf(size);
      const expected = images.map((x) => runTorch((pixels) => model.forward(pixels), x));
      const bytes = exportOnnx(model, { size, version: '0' });
      for (const [i, logits] of (await runOnnx(bytes, images)).entries()) {
        assertEqual(logits, expected[i]!, `${name} for ${images[i]!.shape[0]}`, 1e-4);
      }
      writeFileSync(join(folder, `${name}.onnx`), bytes);
      if (HALF.includes(name)) {
        const half = exportOnnx(model, { size, version: '0', half: true });
        const [logits] = await runOnnx(half, images);
        assertEqual(logits!, expected[0]!, `${name} in 16 bits`, 0.02);
      }
    } finally {
      nn.disposeModule(model);
    }
    assert.equal(liveTensors(), before, 'tensors are left');
  });
}

const python = '/usr/bin/python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;

test('every file passes the ONNX checker', { skip: !hasOnnx && `${python} has no onnx` }, () => {
  const program =
    'import onnx, sys\nfor file in sys.argv[1:]: onnx.checker.check_model(onnx.load(file), full_check=True)';
  const files = timmCases.map((name) => join(folder, `${name}.onnx`));
  const { status, stderr } = spawnSync(python, ['-c', program, ...files], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
