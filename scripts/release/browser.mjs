// @evenhand/predict in a page, bundled by esbuild and by Vite where it is installed from its archive.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { run } from './command.mjs';
import { ROOT } from './packages.mjs';

/** The browser of the tests, which is compiled by the time that it is needed. */
const browserOfTests = () => import('../../test/dist/browser.js');

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** The path of Chromium or Chrome, if there is one. */
export const findBrowser = async () => (await browserOfTests()).findBrowser();

/** Bundles the page in `web`, where @evenhand/predict, onnxruntime-web, vite and esbuild are installed; returns the folders. */
export async function bundle(web) {
  writeFileSync(
    join(web, 'index.html'),
    '<!doctype html><title>evenhand</title><script type="module" src="./page.js"></script>',
  );
  cpSync(join(ROOT, 'scripts/release/fixtures/page.js'), join(web, 'page.js'));
  const program = (name) => join(web, 'node_modules/.bin', name);
  await run(program('vite'), ['build', '--base', './', '--outDir', 'vite'], { cwd: web });
  await run(program('esbuild'), ['page.js', '--bundle', '--format=esm', '--minify', '--outfile=esbuild/page.js'], {
    cwd: web,
  });
  cpSync(join(web, 'index.html'), join(web, 'esbuild/index.html'));
  // esbuild leaves the files of WebAssembly to the page, as docs/predict.md says.
  cpSync(join(web, 'node_modules/onnxruntime-web/dist'), join(web, 'esbuild/wasm'), {
    recursive: true,
    filter: (file) => extname(file) === '' || /ort-wasm-[^/]*\.(wasm|mjs)$/.test(file),
  });
  return { vite: {}, esbuild: { wasmPaths: './wasm/' } };
}

/** Predicts images of `app`, relative paths, by the bundle in a browser, with the run's model; resolves to the labels. */
export async function predictInBrowser(folder, app, images, options) {
  mkdirSync(join(folder, 'data'), { recursive: true });
  cpSync(join(app, 'run/model.onnx'), join(folder, 'data/model.onnx'));
  for (const [i, image] of images.entries()) cpSync(join(app, image), join(folder, `data/${i}.jpg`));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    response.statusCode = existsSync(file) ? 200 : 404;
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    response.end(existsSync(file) ? readFileSync(file) : '');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await (await browserOfTests()).launch();
  try {
    const page = await browser.newPage();
    const address = `http://127.0.0.1:${server.address().port}/`;
    await page.goto(address);
    await page.waitForFunction(() => globalThis.predictLabels !== undefined);
    const files = images.map((_, i) => `data/${i}.jpg`);
    return await page.evaluate(
      ([names, given]) => globalThis.predictLabels('data/model.onnx', names, given),
      [files, absolute(options, address)],
    );
  } finally {
    await browser.close();
    server.close();
  }
}

const absolute = ({ wasmPaths, ...options }, address) =>
  wasmPaths === undefined ? options : { ...options, wasmPaths: new URL(wasmPaths, address).href };
