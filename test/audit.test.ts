// `evenhand audit` on drawn flowers of which some have wrong labels, and what comes after it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeHerbarium } from '@evenhand/herbarium';
import { nn, saveTensors } from '@evenhand/torch';
import { createModel } from 'evenhand';
import { refusal, sha256, succeed, temporaryFolder } from './support.js';

const { path: folder, remove } = temporaryFolder();
after(remove);
const FLAGS = '--model efficientnet_mini --image-size 96 --threads 1'.split(' ');
const herbarium = join(folder, 'herbarium');
let printed = '';
let before_ = '';

const rowsOf = (file: string): Record<string, string>[] => {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [header!.split(',')[i]!, value])));
};

const wrongFiles = (): Set<string> => {
  const truth = new Map(rowsOf(join(herbarium, 'true-labels.csv')).map((row) => [row.filename!, row.label!]));
  const wrong = rowsOf(join(herbarium, 'train.csv')).filter(({ filename, label }) => truth.get(filename!) !== label);
  return new Set(wrong.map(({ filename }) => filename!));
};

before(async () => {
  await writeHerbarium(herbarium, {
    species: 8,
    mostImages: 24,
    fewestImages: 8,
    valPerClass: 3,
    testPerClass: 1,
    noise: 0.25,
    brokenFiles: 1,
    size: 96,
  });
  before_ = sha256(join(herbarium, 'train.csv'));
  printed = await succeed(['audit', 'herbarium', ...FLAGS], folder);
});

describe('audit', () => {
  test('says how many labels are wrong, which classes have most of them, and what to do', () => {
    assert.match(printed, /^herbarium: \d+ training images, features of efficientnet_mini$/m);
    assert.match(printed, /Estimated rate of wrong labels +\d+\.\d % \[\d+\.\d %, \d+\.\d %\]/);
    assert.match(printed, /1 missing or unreadable image, not scored:\n.*\.jpg: /);
    assert.match(printed, /Classes with the highest rate of wrong labels\n +class +images +wrong/);
    assert.match(printed, /evenhand train herbarium --label-noise auto/);
    assert.ok(printed.split('\n').every((line) => line.length <= 100));
    assert.equal(sha256(join(herbarium, 'train.csv')), before_, 'the data are as they were');
  });

  test('finds them: labels.csv has the most probably wrong first', () => {
    const rows = rowsOf(join(folder, 'audits/herbarium/labels.csv'));
    const wrong = wrongFiles();
    assert.deepEqual(Object.keys(rows[0]!), ['file', 'part', 'given', 'wrong', 'suggested', 'suggested_probability']);
    assert.ok(rows.every((row, i) => i === 0 || Number(row.wrong) <= Number(rows[i - 1]!.wrong)));
    const train = rows.filter(({ part }) => part === 'train');
    assert.equal(train.length, rowsOf(join(herbarium, 'train.csv')).length - 1);
    assert.equal(rows.length - train.length, 24);
    const first = train.slice(0, wrong.size);
    const hits = first.filter(({ file }) => wrong.has(basename(file!))).length;
    assert.ok(hits / wrong.size > 0.7, `${hits} of ${wrong.size}`);
    assert.ok(first.every(({ given, suggested }) => given !== suggested));
    const { rate, byLabel } = JSON.parse(readFileSync(join(folder, 'audits/herbarium/audit.json'), 'utf8'));
    assert.ok(rate.low <= 0.25 && rate.high >= 0.2, JSON.stringify(rate));
    assert.equal(byLabel.length, 8);
  });

  test('writes a page to review likely label errors', () => {
    const page = readFileSync(join(folder, 'audits/herbarium/audit.html'), 'utf8');
    assert.match(page, /corrections\.csv/);
    assert.ok(page.length < 5_000_000);
  });

  test('computes no features twice, and finds the same', async () => {
    const file = join(folder, 'audits/herbarium/features.safetensors');
    const labels = sha256(join(folder, 'audits/herbarium/labels.csv'));
    const { mtimeMs } = statSync(file);
    await succeed(['audit', 'herbarium', ...FLAGS], folder);
    assert.equal(statSync(file).mtimeMs, mtimeMs);
    assert.equal(sha256(join(folder, 'audits/herbarium/labels.csv')), labels);
    writeFileSync(file, 'damaged');
    await succeed(['audit', 'herbarium', ...FLAGS], folder);
    assert.equal(sha256(join(folder, 'audits/herbarium/labels.csv')), labels);
  });

  test('takes the features that machines have computed by --shard', async () => {
    const out = join(folder, 'audits/herbarium');
    const wrongOf = () => rowsOf(join(out, 'labels.csv')).map(({ file, wrong }) => [file!, Number(wrong)] as const);
    const before = new Map(wrongOf());
    rmSync(join(out, 'features.safetensors'));
    for (const part of ['1/2', '0/2']) {
      const text = await succeed(['audit', 'herbarium', ...FLAGS, '--shard', part], folder);
      assert.match(text, /^Wrote the features of \d+ images, shard [01] of 2, to .*\. When all are there/m);
    }
    await succeed(['audit', 'herbarium', ...FLAGS], folder);
    assert.deepEqual(readdirSync(out).filter((name) => name.startsWith('features')), ['features.safetensors']); // biome-ignore format: one line
    for (const [file, wrong] of wrongOf()) assert.ok(Math.abs(wrong - before.get(file)!) < 2e-3, file);
  });

  test('is known to check, which says what it means for training', async () => {
    assert.match(
      await succeed(['check', 'herbarium'], folder),
      /audit estimates that .* are\s+wrong\.\n.*--label-noise auto/,
    );
    assert.match(
      await succeed(['check', herbarium], '/tmp'),
      /Not checked here\. To estimate them:\n {2}evenhand audit .*herbarium$/m,
    );
  });

  test('can be read by a program, and kept elsewhere', async () => {
    const text = await succeed(['audit', 'herbarium', ...FLAGS, '--out', 'there/audit', '--json', '-'], folder);
    const { rate, noisy, suspects } = JSON.parse(text);
    assert.ok(rate.value > 0.1 && noisy && suspects > 5);
    assert.ok(existsSync(join(folder, 'there/audit/labels.csv')));
  });

  test('takes corrections, as training does', async () => {
    const rows = rowsOf(join(folder, 'audits/herbarium/labels.csv')).filter(({ part }) => part === 'train');
    const [accepted, kept, dropped] = rows as [Record<string, string>, Record<string, string>, Record<string, string>];
    writeFileSync(
      join(folder, 'corrections.csv'),
      [
        'file,given,verdict,label',
        `${accepted.file},${accepted.given},accept,${accepted.suggested}`,
        `${kept.file},${kept.given},keep,${kept.given}`,
        `${dropped.file},${dropped.given},drop,`,
      ].join('\n'),
    );
    const corrections = ['--corrections', 'corrections.csv'];
    await succeed(['audit', 'herbarium', ...FLAGS, '--out', 'second', ...corrections], folder);
    const after_ = new Map(rowsOf(join(folder, 'second/labels.csv')).map((row) => [row.file!, row]));
    assert.deepEqual(
      [after_.get(accepted.file!)!.given, after_.get(accepted.file!)!.wrong],
      [accepted.suggested, '0.0000'],
    );
    assert.equal(after_.get(kept.file!)!.wrong, '0.0000');
    assert.equal(after_.has(dropped.file!), false);
    const training = '--epochs 0 --head-epochs 1 --head-passes 1 --label-noise auto --on-bad-image skip'.split(' ');
    const said = await succeed(['train', 'herbarium', '--run', 'run', ...FLAGS, ...training, ...corrections], folder);
    assert.match(said, /Corrections: 1 label changed, 1 confirmed, 1 image removed\./);
    assert.match(said, /training on noise-robust soft labels/);
    assert.ok(existsSync(join(folder, 'run/labels.jsonl')));
    assert.match(await succeed(['report', 'run'], folder), /^run\/report\.html: /);
    const page = readFileSync(join(folder, 'run/report.html'), 'utf8');
    assert.match(page, /training labels? of \d+ (is|are) more probably wrong than right \(labels\.jsonl\)/);
  });

  test('suggests the best backbone on this machine, unless one was chosen', async (t) => {
    const { HF_HUB_CACHE: cache } = process.env;
    process.env.HF_HUB_CACHE = join(folder, 'hub');
    t.after(() => {
      if (cache === undefined) delete process.env.HF_HUB_CACHE;
      else process.env.HF_HUB_CACHE = cache;
    });
    saveTensors(join(folder, 'mobilenet.safetensors'), nn.stateDict(createModel('mobilenet_v2', { numClasses: 2 })));
    const flags = '--weights mobilenet.safetensors --image-size 32 --threads 1 --out small'.split(' ');
    const withoutCache = await succeed(['audit', 'herbarium', ...flags], folder);
    for (const name of ['convnext_tiny.in12k', 'vit_small_patch14_dinov2.lvd142m', 'resnet18.a1_in1k']) {
      const repository = join(folder, 'hub', `models--timm--${name}`);
      const commit = '0'.repeat(40);
      mkdirSync(join(repository, 'refs'), { recursive: true });
      writeFileSync(join(repository, 'refs/main'), commit);
      mkdirSync(join(repository, 'snapshots', commit), { recursive: true });
      writeFileSync(join(repository, 'snapshots', commit, 'model.safetensors'), '');
    }
    const suggestion =
      'Judge the labels by better features, whose weights are on this machine:\n' +
      '  evenhand audit herbarium --model vit_small_patch14_dinov2.lvd142m --image-size 224\n';
    assert.equal(await succeed(['audit', 'herbarium', ...flags], folder), withoutCache + suggestion);
    assert.doesNotMatch(await succeed(['audit', 'herbarium', ...FLAGS], folder), /better features/);
  });

  test('of a mistake is one sentence', async () => {
    assert.match(await refusal(['audit'], folder), /DATA is missing/);
    assert.match(await refusal(['audit', 'nowhere'], folder), /nowhere: there is no such file or folder/);
    assert.equal(existsSync(join(folder, 'audits/nowhere')), false);
    assert.match(await refusal(['audit', 'herbarium', '--weights', 'none'], folder), /a pretrained backbone/);
    assert.match(
      await refusal(['audit', 'herbarium', '--model', 'resnet'], folder),
      /Unknown model "resnet"; did you mean resnet18\?/,
    );
    assert.match(
      await refusal(['audit', 'herbarium', ...FLAGS, '--pool', 'token'], folder),
      /pool of .*efficientnet_mini must be one of avg, max; got "token"/,
    );
    assert.match(await refusal(['audit', 'herbarium', ...FLAGS, '--corrections', 'no.csv'], folder), /no\.csv/);
    writeFileSync(join(folder, 'bad.csv'), 'file,given,verdict,label\nx.jpg,rose,keep,rose\n');
    assert.match(
      await refusal(['train', 'herbarium', ...FLAGS, '--corrections', 'bad.csv'], folder),
      /bad\.csv, line 2: the label "rose" is not one of the 8 labels/,
    );
  });
});
