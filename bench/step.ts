// npm run bench -- step: one training step (forward, backward, AdamW) of evenhand and PyTorch in turns, on the same libtorch.
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { torchVersion } from '@evenhand/torch';
import { type Contender, findPython, measure, pythonEnv, report } from './contenders.js';

const batch = 16;
const size = 224;
const stepsPerTurn = 2;
const rounds = Number(process.env.ROUNDS ?? 7);
const threads = cpus().length;
const settings = [batch, size, stepsPerTurn, threads].map(String);
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const contenders: Contender[] = [
  { name: 'evenhand, channels-last', command: process.execPath, args: [here('step-ours.js'), ...settings] },
];
const python = findPython(['torch', 'torchvision']);
if (python) {
  for (const [name, layout] of [
    ['PyTorch as usually written', 'contiguous'],
    ['PyTorch channels_last', 'channels_last'],
  ] as const) {
    contenders.push({ name, command: python, args: [here('../step-pytorch.py'), layout, ...settings], env: pythonEnv });
  }
} else {
  console.log(
    'No Python with torch and torchvision was found (Debian: apt-get install python3-torch python3-torchvision): measuring evenhand only.',
  );
}
console.log(
  `EfficientNet-B0, ${size} px, batch ${batch}, float32, ${threads} threads, libtorch ${torchVersion()}, ${cpus()[0]?.model}`,
);
console.log(report(await measure(contenders, rounds)));
