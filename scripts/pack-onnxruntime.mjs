import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '../node_modules/onnxruntime-node');
const BINARIES = join(SOURCE, 'bin/napi-v6');

/** A second copy of the library in Microsoft's package; the binding loads `libonnxruntime.1.dylib`. */
const COPY = /^libonnxruntime\.\d+\.\d+\.\d+\.dylib$/;

/** The licence of ONNX Runtime; its npm packages name it without its text. */
const LICENSE = `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;

/**
 * Makes `@evenhand/onnxruntime` and its packages per platform from the installed onnxruntime-node, whose files they have
 * unchanged but for the line that loads the binding. onnxruntime-node has 280 MB and an install step that downloads.
 *
 * @param platforms a list such as `['linux-x64']`, or `all`
 * @param repository the field of `package.json`: npm's provenance compares it with where the package is made
 * @returns the folders, those of the platforms first
 */
export function packOnnxRuntime(staged, platforms, repository) {
  const { version, dependencies } = JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8'));
  const all = readdirSync(BINARIES).flatMap((os) => readdirSync(join(BINARIES, os)).map((cpu) => `${os}-${cpu}`));
  const about = { version, license: 'MIT', repository, engines: { node: '>=20.9' } };
  const chosen = platforms === 'all' ? all : platforms;
  const parts = chosen.map((platform) => {
    if (!all.includes(platform)) throw new Error(`onnxruntime-node has no files for ${platform}, only for ${all}`);
    const [os, cpu] = platform.split('-');
    const folder = join(staged, `onnxruntime-${platform}`);
    const binaries = join(BINARIES, os, cpu);
    for (const file of readdirSync(binaries).filter((name) => !COPY.test(name)))
      cpSync(join(binaries, file), join(folder, file));
    const name = `@evenhand/onnxruntime-${platform}`;
    const description = `ONNX Runtime ${version} for Node.js on ${platform}, unchanged from onnxruntime-node.`;
    // Microsoft builds for glibc.
    const libc = os === 'linux' ? { libc: ['glibc'] } : {};
    return write(folder, {
      name,
      description,
      ...about,
      main: 'onnxruntime_binding.node',
      os: [os],
      cpu: [cpu],
      ...libc,
    });
  });

  const folder = join(staged, 'onnxruntime');
  mkdirSync(folder, { recursive: true });
  const keep = (path) => !path.endsWith('.map');
  cpSync(join(SOURCE, 'dist'), join(folder, 'dist'), { recursive: true, filter: keep });
  for (const file of readdirSync(join(folder, 'dist')).filter((name) => name.endsWith('.js'))) {
    const path = join(folder, 'dist', file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n'));
  }
  loadFromPlatformPackage(join(folder, 'dist/binding.js'));
  write(folder, {
    name: '@evenhand/onnxruntime',
    description: `ONNX Runtime ${version} for Node.js on the CPU: onnxruntime-node without install script, one package per platform.`,
    ...about,
    main: 'dist/index.js',
    types: 'dist/index.d.ts',
    dependencies: { 'onnxruntime-common': dependencies['onnxruntime-common'] },
    optionalDependencies: Object.fromEntries(all.map((platform) => [`@evenhand/onnxruntime-${platform}`, version])),
  });
  return [...parts, folder];
}

function loadFromPlatformPackage(file) {
  const text = readFileSync(file, 'utf8');
  const original = /require\(`\.\.\/bin\/napi-v6\/[^`]*`\)/;
  if (!original.test(text)) throw new Error(`${file} loads its binding in another way than expected`);
  const ours = "require('@evenhand/onnxruntime-' + process.platform + '-' + process.arch)";
  writeFileSync(file, text.replace(original, ours));
}

function write(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(folder, 'LICENSE'), LICENSE);
  const readme = `# ${manifest.name}\n\n${manifest.description}\n\nMade for \`@evenhand/predict\`. Source: https://github.com/microsoft/onnxruntime\n`;
  writeFileSync(join(folder, 'README.md'), readme);
  return folder;
}
