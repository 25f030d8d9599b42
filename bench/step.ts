// npm run bench -- step: one training step (forward, backward, AdamW) of evenhand and PyTorch in turns.
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { devices, gpuInfo, torchVersion } from '@evenhand/torch';
import { type Contender, findPython, keptMemoryEnv, measure, pythonEnv, report } from './contenders.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'efficientnet_b0' },
    device: { type: 'string', default: 'cpu' },
    precision: { type: 'string' },
    batch: { type: 'string' },
    size: { type: 'string', default: '224' },
    rounds: { type: 'string', default: process.env.ROUNDS ?? '7' },
  },
});
const { model, size } = values;
const device = values.device === 'cuda' ? 'cuda:0' : values.device;
const onCpu = device === 'cpu';
const precision = values.precision ?? (onCpu ? 'float32' : 'bfloat16');
if (!devices().includes(device)) fail(`--device is ${device}, but there is only ${devices().join(', ')}`);
if (!['float32', 'bfloat16'].includes(precision)) fail(`--precision must be float32 or bfloat16, got ${precision}`);
const batch = Number(values.batch ?? (onCpu ? 16 : 128));
const stepsPerTurn = onCpu ? 2 : 20;
const threads = cpus().length;
const settings = [model, device, precision, ...[batch, size, stepsPerTurn, threads].map(String)];
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const contenders: Contender[] = [
  { name: 'evenhand, channels-last', command: process.execPath, args: [here('step-ours.js'), ...settings] },
];
const python = findPython(['torch', 'torchvision']);
if (python) {
  const peer = (name: string, style: string, env = {}): Contender => ({
    name,
    command: python,
    args: [here('../step-pytorch.py'), style, ...settings],
    env: { ...pythonEnv, ...env },
  });
  contenders.push(peer('PyTorch as usually written', 'usual'));
  if (onCpu) {
    contenders.push(
      peer('PyTorch channels_last', 'tuned'),
      peer('PyTorch channels_last, freed memory kept', 'tuned', keptMemoryEnv),
    );
  } else contenders.push(peer(`PyTorch channels_last, ${precision}, fused AdamW`, 'tuned'));
} else {
  console.log(
    'No Python with torch and torchvision was found (Debian: apt-get install python3-torch python3-torchvision): measuring evenhand only.',
  );
}
const machine = onCpu ? `${threads} threads, ${cpus()[0]?.model}` : `${gpuInfo(device)?.name}, ${threads} cores`;
console.log(`${model}, ${size} px, batch ${batch}, ${precision}, libtorch ${torchVersion()}, ${machine}`);
console.log(report(await measure(contenders, Number(values.rounds))));

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
