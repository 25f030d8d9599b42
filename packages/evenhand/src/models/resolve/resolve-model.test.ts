import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { modelInfo } from '../catalogue.js';
import type { HubRepository } from '../spec.js';
import { COMMIT, failure, newFolder, startHub } from '../weights/hub.test.helper.js';
import { resolveModel } from './resolve-model.js';

const hub = await startHub();
let env: Record<string, string>;
beforeEach(() => {
  hub.requests.length = 0;
  hub.files = {};
  env = { HF_ENDPOINT: hub.url, HF_HOME: newFolder() };
});

const resolve = (name: string) => resolveModel(name, { env, retryDelay: 1 });
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const HUB_FILES = ['model.safetensors', 'pytorch_model.bin'];
const OPEN_CLIP_FILES = ['open_clip_model.safetensors', 'open_clip_pytorch_model.bin'];

/** As timm writes it to the hub. */
const CONVNEXT = {
  architecture: 'convnext_tiny',
  num_classes: 1000,
  num_features: 768,
  pretrained_cfg: {
    tag: 'in12k_ft_in1k_384',
    custom_load: false,
    input_size: [3, 384, 384],
    fixed_input_size: false,
    interpolation: 'bicubic',
    crop_pct: 1.0,
    crop_mode: 'squash',
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    num_classes: 1000,
    pool_size: [12, 12],
    first_conv: 'stem.0',
    classifier: 'head.fc',
    license: 'apache-2.0',
  },
};

test('names and architectures of the catalogue need no network', async () => {
  assert.deepEqual(await resolve('mobilenet_v2'), modelInfo('mobilenet_v2'));
  assert.deepEqual(await resolve('convnext_tiny.in12k'), modelInfo('convnext_tiny.in12k'));
  assert.equal((await resolve('convnext_tiny')).name, 'convnext_tiny.in12k');
  assert.deepEqual(hub.requests, []);
  await assert.rejects(resolve('convnext-tiny.in12k'), {
    name: 'RangeError',
    message: /did you mean convnext_tiny\.in12k\?/,
  });
  await assert.rejects(resolve('vit_medium_patch16_gap_240'), { name: 'RangeError', message: /240\.TAG/ });
  await assert.rejects(resolve('inception_v3.tf_in1k'), { name: 'RangeError', message: /Unknown model "inception_v3/ });
  await assert.rejects(resolve(''), { name: 'RangeError' });
});

test("other weights of a known architecture have the settings of timm's config.json", async () => {
  hub.files['config.json'] = json(CONVNEXT);
  assert.deepEqual(await resolve('convnext_tiny.in12k_ft_in1k_384'), {
    name: 'convnext_tiny.in12k_ft_in1k_384',
    architecture: 'convnext_tiny',
    args: {},
    pool: null,
    preset: {
      resize: 384,
      crop: 384,
      cropMode: 'squash',
      interpolation: 'bicubic',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
    weights: {
      repository: 'timm/convnext_tiny.in12k_ft_in1k_384',
      revision: COMMIT,
      files: [...HUB_FILES, ...OPEN_CLIP_FILES],
    },
    classifiers: ['head.fc'],
    license: { id: 'apache-2.0' },
    parameters: null,
    gmacs: null,
    pretraining: null,
  });
  assert.deepEqual(hub.requests, [
    'HEAD /timm/convnext_tiny.in12k_ft_in1k_384/resolve/main/config.json',
    `GET /timm/convnext_tiny.in12k_ft_in1k_384/resolve/${COMMIT}/config.json`,
  ]);
});

test('a repository of the hub may have arguments, a pool, another licence and a revision', async () => {
  const { pretrained_cfg: settings } = CONVNEXT;
  hub.files['config.json'] = json({
    architecture: 'vit_small_patch16_224',
    global_pool: 'token',
    license: 'cc-by-nc-4.0',
    model_args: {
      img_size: 288,
      global_pool: 'avg',
      class_token: false,
      num_classes: 12,
      depth: 10,
      drop_path_rate: null,
    },
    pretrained_cfg: {
      ...settings,
      license: undefined,
      crop_mode: 'border',
      crop_pct: 0.9,
      classifier: ['head', 'head_dist'],
    },
  });
  for (const prefix of ['hf-hub', 'hf_hub']) {
    const spec = await resolve(`${prefix}:org/name@${COMMIT}`);
    assert.deepEqual([spec.args, spec.pool], [{ class_token: false, depth: 10, global_pool: 'avg' }, 'avg']);
    assert.deepEqual([spec.preset.crop, spec.preset.resize, spec.preset.cropMode], [288, 320, 'border']);
    assert.deepEqual(spec.classifiers, ['head', 'head_dist']);
    assert.deepEqual(spec.license, { id: 'cc-by-nc-4.0', restriction: 'non-commercial use only' });
  }
});

test("timm's defaults fill what an old file of one level leaves out, and the model card states the licence", async () => {
  hub.files['config.json'] = json({ architecture: 'resnet50', num_classes: 5, mean: [0.5], std: null });
  hub.files['README.md'] = Buffer.from(
    '---\ntags:\n- x\nlicense: other\nlicense_name: "my-terms"\n---\nlicense: mit\n',
  );
  const spec = await resolve('hf-hub:org/name');
  assert.deepEqual(spec.preset, {
    resize: 256,
    crop: 224,
    interpolation: 'bicubic',
    mean: [0.5, 0.5, 0.5],
    std: [0.229, 0.224, 0.225],
  });
  assert.equal(spec.license?.id, 'my-terms');
  assert.match(spec.license?.restriction ?? '', /read them/);
});

test('the licence of a model card may be a list', async () => {
  hub.files['config.json'] = json({ architecture: 'resnet50' });
  for (const [i, list] of ['\n- mit', '\r\n  - "mit"', " ['mit']"].entries()) {
    const repository = `org/card-${i}`;
    hub.files['README.md'] = Buffer.from(`---\nlicense:${list}\ntags:\n- cc0-1.0\n---\n`);
    assert.deepEqual((await resolve(`hf-hub:${repository}`)).license, { id: 'mit' });
  }
});

test("DINO's features are pooled as its authors do, and CLIP's QuickGELU is chosen by name", async () => {
  const vit = { global_pool: 'token', pretrained_cfg: CONVNEXT.pretrained_cfg };
  hub.files['config.json'] = json({ ...vit, architecture: 'vit_small_patch14_dinov2' });
  assert.equal((await resolve('hf-hub:org/name')).pool, 'token+avg');
  assert.equal(modelInfo('vit_small_patch14_dinov2.lvd142m').pool, 'token+avg');
  hub.files['config.json'] = json({ ...vit, global_pool: 'avg', architecture: 'vit_small_patch16_dinov3' });
  assert.equal((await resolve('hf-hub:org/name')).pool, 'token+avg');
  assert.equal(modelInfo('convnext_tiny.dinov3_lvd1689m').pool, null);
  hub.files['config.json'] = json({
    ...vit,
    architecture: 'vit_huge_patch14_224',
    model_args: { global_pool: '' },
  });
  const unpooled = await resolve('hf-hub:org/name');
  assert.deepEqual([unpooled.args, unpooled.pool], [{}, 'token']);
  hub.files['config.json'] = json({ ...vit, architecture: 'vit_large_patch14_clip_336' });
  const spec = await resolve('vit_large_patch14_clip_quickgelu_336.openai');
  assert.equal(spec.architecture, 'vit_large_patch14_clip_quickgelu_336');
  assert.equal((spec.weights as HubRepository).repository, 'timm/vit_large_patch14_clip_336.openai');
});

test('a folder is a model: ./folder, local-dir:folder, or the name of a folder that exists', async () => {
  const folder = join(newFolder(), 'my model');
  mkdirSync(folder);
  await assert.rejects(resolve(folder), failure('invalid', /neither config\.json nor open_clip_config\.json/));
  writeFileSync(join(folder, 'config.json'), json({ ...CONVNEXT, license: 'mit' }));
  await assert.rejects(
    resolve(folder),
    failure('not-found', /my model has no weights; expected one of model\.safetensors/),
  );
  writeFileSync(join(folder, 'pytorch_model.bin'), '');
  const spec = await resolve(folder);
  assert.equal(spec.weights, join(folder, 'pytorch_model.bin'));
  assert.deepEqual(await resolve(`local-dir:${folder}`), { ...spec, name: `local-dir:${folder}` });
  await assert.rejects(resolve('org/name'), failure('not-found', /no folder "org\/name".*write hf-hub:org\/name/));
  await assert.rejects(resolve('./absent'), failure('not-found', /no folder ".\/absent".*check the path/));
  assert.deepEqual(hub.requests, []);
});

test("open_clip's vision towers are timm's CLIP towers", async () => {
  hub.files['README.md'] = Buffer.from('---\nlicense: mit\n---\n');
  // A file of transformers lies beside it.
  hub.files['config.json'] = json({ architectures: ['CLIPModel'] });
  const tower = async (model_cfg: unknown, preprocess_cfg?: unknown) => {
    hub.files['open_clip_config.json'] = json({ model_cfg, preprocess_cfg });
    env.HF_HOME = newFolder();
    return resolve('hf-hub:org/name');
  };
  const bioclip2 = await tower(
    { embed_dim: 768, vision_cfg: { image_size: 224, layers: 24, width: 1024, patch_size: 14 }, text_cfg: {} },
    { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711], resize_mode: 'shortest' },
  );
  assert.deepEqual([bioclip2.architecture, bioclip2.args, bioclip2.pool], ['vit_large_patch14_clip_224', {}, 'token']);
  assert.deepEqual([bioclip2.preset.resize, bioclip2.preset.crop, bioclip2.preset.mean[0]], [224, 224, 0.48145466]);
  assert.deepEqual(bioclip2.license, { id: 'mit' });
  assert.deepEqual((bioclip2.weights as HubRepository).files, OPEN_CLIP_FILES);

  const quick = await tower({
    quick_gelu: true,
    vision_cfg: { image_size: 336, layers: 12, width: 768, patch_size: 32 },
  });
  assert.deepEqual([quick.architecture, quick.preset.crop], ['vit_base_patch32_clip_quickgelu_224', 336]);

  const small = await tower({ vision_cfg: { layers: 6, width: 384, head_width: 32, patch_size: 8, mlp_ratio: 2 } });
  assert.equal(small.architecture, 'vit_base_patch16_clip_224');
  assert.deepEqual(small.args, { patch_size: 8, embed_dim: 384, depth: 6, num_heads: 12, mlp_ratio: 2 });

  const siglip = await tower(
    { vision_cfg: { image_size: 256, timm_model_name: 'vit_base_patch16_siglip_256', timm_pool: 'map' } },
    { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: 'random', resize_mode: 'squash' },
  );
  assert.deepEqual([siglip.architecture, siglip.pool], ['vit_base_patch16_siglip_256', 'map']);
  assert.deepEqual(siglip.preset, {
    resize: 256,
    crop: 256,
    cropMode: 'squash',
    interpolation: 'bicubic',
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  });
  const eva = await tower({
    vision_cfg: { timm_model_name: 'eva02_base_patch16_clip_224', timm_pool: 'token', timm_proj: null },
  });
  assert.deepEqual([eva.args, eva.pool], [{ global_pool: 'token' }, 'token']);
  const refused = (vision: object, message: RegExp) =>
    assert.rejects(tower({ vision_cfg: vision }), failure('invalid', message));
  await refused(
    { timm_model_name: 'fastvit_mci2' },
    /open_clip_config\.json of org\/name: the architecture "fastvit_mci2" is not supported/,
  );
  await refused({ pool_type: 'avg' }, /model_cfg\.vision_cfg\.pool_type must be tok, but it is "avg"/);
  await refused({ layers: [3, 4, 6, 3] }, /model_cfg\.vision_cfg\.layers must be a whole number .* \[3, 4, 6, 3\]/);
  await assert.rejects(tower({}), failure('invalid', /has no model_cfg\.vision_cfg/));
});

test('a configuration that cannot be used is one sentence with the file and the field', async () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'model.safetensors'), '');
  const path = join(folder, 'config.json');
  const { pretrained_cfg: settings } = CONVNEXT;
  const cases: [config: unknown, ...message: RegExp[]][] = [
    [{ ...CONVNEXT, architecture: 'inception_v4' }, /config\.json: the architecture "inception_v4" is not supported/],
    [{ ...CONVNEXT, architecture: 7 }, /config\.json: architecture must be a short string, but it is 7/],
    [{ architectures: ['ViTModel'] }, /has no field architecture, so it is not a model of timm/],
    [{ ...CONVNEXT, pretrained_cfg: 'x' }, /: pretrained_cfg must be an object, but it is "x"/],
    [{ ...CONVNEXT, model_args: [] }, /: model_args must be an object/],
    [
      { ...CONVNEXT, model_args: { depth: 1e9 } },
      /: model_args\.depth must be a setting of reasonable size, but it is 1000000000/,
    ],
    [{ ...CONVNEXT, model_args: { in_chans: 1 } }, /: model_args\.in_chans must be 3, but it is 1/],
    [{ ...CONVNEXT, model_args: { img_size: [224, 96] } }, /: model_args\.img_size must be one size .* \[224, 96\]/],
    [
      { ...CONVNEXT, model_args: { global_pool: 'catavgmax' } },
      /: model_args\.global_pool must be avg, max, token or map/,
    ],
    ...(
      [
        [{ interpolation: 'lanczos' }, /interpolation must be bilinear or bicubic, but it is "lanczos"/],
        [{ crop_mode: 'zoom' }, /crop_mode must be center or squash or border/],
        [{ crop_pct: 87.5 }, /crop_pct must be a number above 0 up to 1, but it is 87\.5/],
        [{ crop_pct: -1 }, /crop_pct must be a number above 0/],
        [{ input_size: [3, 224, 160] }, /input_size must be \[3, size, size\] .*\[3, 224, 160\]/],
        [{ input_size: [1, 224, 224] }, /input_size must be \[3, size, size\]/],
        [{ input_size: [3, 1e6, 1e6] }, /input_size must be .* from 1 to 4096/],
        [{ input_size: '224' }, /input_size must be/],
        [{ mean: [0.5, 0.5] }, /mean must be three numbers, but it is \[0\.5, 0\.5\]/],
        [{ mean: ['0.5', 0.5, 0.5] }, /mean must be three numbers/],
        [{ std: [0.5, 0, 0.5] }, /std must be three numbers above 0/],
        [{ classifier: { name: 'x' } }, /classifier must be the name of a layer/],
        [{ license: 7 }, /license must be a short string/],
      ] as const
    ).map(([change, message]): [unknown, RegExp, RegExp] => [
      { ...CONVNEXT, pretrained_cfg: { ...settings, ...change } },
      message,
      /config\.json: pretrained_cfg\./,
    ]),
    [[], /must hold a JSON object/],
    [null, /must hold a JSON object, but it is null/],
  ];
  for (const [config, ...messages] of cases) {
    writeFileSync(path, json(config));
    await assert.rejects(resolve(folder), failure('invalid', ...messages), JSON.stringify(config));
  }
  writeFileSync(path, '{"architecture": ');
  await assert.rejects(resolve(folder), failure('invalid', /config\.json is not valid JSON/));
  truncateSync(path, 17 << 20);
  await assert.rejects(resolve(folder), failure('invalid', /has 17825792 bytes, but at most 16777216 are expected/));
});

test('repositories that are not there, gated, or without a configuration are one sentence', async () => {
  await assert.rejects(resolve('hf-hub:org/gated'), failure('refused', /org\/gated is gated.*set HF_TOKEN/));
  await assert.rejects(resolve('hf-hub:org/missing'), failure('refused', /org\/missing does not exist/));
  await assert.rejects(resolve('hf-hub:org/name'), failure('invalid', /^org\/name has neither config\.json nor/));
  hub.files['config.json'] = json({ architectures: ['ViTModel'] });
  await assert.rejects(
    resolve('hf-hub:org/name'),
    failure('invalid', /^The config\.json of org\/name has no field architecture/),
  );
  for (const name of [
    'hf-hub:',
    'hf-hub:a/b/c',
    'hf-hub:../x',
    'hf-hub:a--b/c',
    'hf-hub:org/name@../x',
    'hf-hub:a/b@c@d',
  ]) {
    await assert.rejects(resolve(name), { name: 'RangeError', message: /must be hf-hub:organisation\/name or/ }, name);
  }
});

test('a tag that does not exist is answered with the nearest recommended name', async () => {
  hub.handle = (_request, response) => response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end();
  const near = /^timm\/convnext_tiny\.in12 does not exist on .*; did you mean convnext_tiny\.in12k\?$/;
  await assert.rejects(resolve('convnext_tiny.in12'), failure('refused', near));
  const far = /^timm\/vit_7b_patch16_dinov3\.sat493m does not exist on .* gated\.$/;
  await assert.rejects(resolve('vit_7b_patch16_dinov3.sat493m'), failure('refused', far));
  hub.handle = undefined;
});

test('offline, a model that was resolved before is resolved again', async () => {
  hub.files['config.json'] = json(CONVNEXT);
  const spec = await resolve('hf-hub:org/name');
  env.HF_HUB_OFFLINE = '1';
  hub.requests.length = 0;
  assert.deepEqual(await resolve('hf-hub:org/name'), spec);
  await assert.rejects(resolve('hf-hub:org/other'), failure('unreachable', /org\/other is not in .*HF_HUB_OFFLINE/));
  assert.deepEqual(hub.requests, []);
});
