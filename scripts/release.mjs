// node scripts/release.mjs: packs the packages, installs them in an empty folder, and tries them there as a user would. It
// publishes only with --publish. --help lists the options.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packAll } from './pack.mjs';
import { bundle, findBrowser, predictInBrowser } from './release/browser.mjs';
import { run } from './release/command.mjs';
import {
  checkFiles,
  checkTypes,
  commandLine,
  draw,
  install,
  runProgram,
  trainAndPredict,
} from './release/installed.mjs';
import { findings, publishedPackages, ROOT } from './release/packages.mjs';
import { publish } from './release/publish.mjs';

const HELP = `Usage: node scripts/release.mjs [OPTIONS]

Packs the packages, installs them in an empty folder, tries them there, and lists what is missing before they can be
published. Publishes nothing without --publish.

Options:
  --out DIR         where the archives are written [build/release]
  --keep            keep the folder of the trial
  --publish         publish to npm if nothing is missing
  --dry-run         with --publish: everything but the upload, whatever is missing
  --no-provenance   with --publish: without npm's proof of origin, which only CI can give
  --tag TAG         with --publish: npm's distribution tag [latest]
  --help            show this help
`;

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'build/release') },
    keep: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
    'dry-run': { type: 'boolean', default: false },
    'no-provenance': { type: 'boolean', default: false },
    tag: { type: 'string', default: 'latest' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const packages = publishedPackages();
const missing = findings(packages, { provenance: options.publish && !options['no-provenance'] });
if (options.publish && !options['dry-run'] && missing.length > 0) {
  console.error(`Nothing was published:\n${list(missing)}`);
  process.exit(1);
}

mkdirSync(options.out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'evenhand-release-'));
const app = join(folder, 'app');
const web = join(folder, 'web');
let failed = true;
try {
  await step('Build', () => run(join(ROOT, 'node_modules/.bin/tsc'), ['-b'], { cwd: ROOT }));
  const archives = await step('Pack', () =>
    packAll({ out: options.out, ...(options.publish ? { platforms: 'all' } : {}) }),
  );
  const unbuilt = missingPlatforms(options.out, archives);
  missing.push(...unbuilt);
  if (options.publish && !options['dry-run'] && unbuilt.length > 0) throw new Error(list(unbuilt));
  const usable = new Map([...archives].filter(([name]) => isForThisPlatform(name)));
  await step('Install in an empty folder', () => install(app, [...usable.values()]));
  const megabytes = await step('Files', () => checkFiles(app, [...usable.keys()]));
  console.log(`  node_modules: ${megabytes.toFixed(0)} MB`);
  const evenhand = commandLine(app);
  await step('Draw and check images', async () => {
    await draw(app);
    await evenhand('check', 'data');
  });
  await step('evenhand setup', () => evenhand('setup', '--yes'));
  await step('evenhand doctor', () => evenhand('doctor'));
  await step('evenhand audit', () => evenhand('audit', 'data', '--model', 'efficientnet_mini', '--image-size', '64'));
  await step('evenhand train, report, predict', () => trainAndPredict(app, evenhand));
  await step('tsc --strict', () => checkTypes(app));
  const labels = await step('A program in TypeScript', () => runProgram(app));
  await tryBrowser(usable, labels);
  failed = false;
  if (options.publish) await publish(archives, options);
} catch (error) {
  console.error(`\n${error.message}\n\nThe trial failed; its folder is ${folder}`);
  process.exitCode = 1;
} finally {
  if (!failed && !options.keep) rmSync(folder, { recursive: true, force: true });
}
if (!failed && missing.length > 0) console.log(`\nBefore publishing:\n${list(missing)}`);

async function tryBrowser(archives, labels) {
  const bundles = await step('Bundles for browsers', async () => {
    const needed = [...archives].filter(([name]) => /predict|onnxruntime/.test(name)).map(([, archive]) => archive);
    await install(web, [...needed, 'onnxruntime-web', 'vite', 'esbuild']);
    return bundle(web);
  });
  if ((await findBrowser()) === undefined) {
    console.log('  not run, because there is no Chromium: set CHROMIUM to its path');
    return;
  }
  for (const [name, given] of Object.entries(bundles)) {
    await step(`Prediction in Chromium, bundled by ${name}`, async () => {
      const images = labels.map((_, i) => `data/test/images/00000${i + 1}.jpg`);
      const predicted = await predictInBrowser(join(web, name), app, images, given);
      if (String(predicted) !== String(labels)) throw new Error(`the browser predicts ${predicted}, Node ${labels}`);
    });
  }
}

function isForThisPlatform(name) {
  const [, platform] = /-((?:linux|darwin|win32)-\w+)$/.exec(name) ?? [];
  return platform === undefined || platform === `${process.platform}-${process.arch}`;
}

/** The prebuilt addons that @evenhand/torch names and that are not among the archives, one sentence each. */
function missingPlatforms(out, archives) {
  const { optionalDependencies = {} } = JSON.parse(readFileSync(join(out, 'staged/torch/package.json'), 'utf8'));
  return Object.keys(optionalDependencies)
    .filter((name) => !archives.has(name))
    .map(
      (name) => `${name} has not been built: run scripts/prebuild.mjs on that platform and bring build/prebuilt here.`,
    );
}

async function step(title, work) {
  const started = performance.now();
  try {
    const result = await work();
    console.log(`ok      ${title} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
    return result;
  } catch (error) {
    console.log(`failed  ${title}`);
    throw error;
  }
}

function list(sentences) {
  return sentences.map((sentence) => `- ${sentence}`).join('\n');
}
