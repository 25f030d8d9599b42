// npm run bench -- step: one training step (forward, backward, AdamW) of evenhand and PyTorch in turns, on the CPU or a GPU.
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { devices, gpuInfo, torchVersion } from '@evenhand/torch';
import { modelInfo } from 'evenhand';
import { findPython, type Group, measure, report } from './contenders.js';
import { chooseDevice, exitWithUsage, oneOf, positive, UsageError } from './options.js';
import { COMPILE_MODES, type CompileMode, type StepSettings, stepContenders } from './step-contenders.js';

const USAGE = `Usage: npm run bench -- step [options]
  --model NAME,...           models of torchvision that evenhand has; default: efficientnet_b0
  --device cpu|cuda          default: cpu
  --precision float32|bfloat16   bfloat16: autocast; default: float32, on CUDA bfloat16
  --batch N                  images of a batch; default: 16, on CUDA 128
  --size N                   height and width in pixels; default: 224; 0: that of the weights of each model
  --rounds N                 measured turns of each contender; default: 7
  --steps N                  steps of a turn; default: 2, on CUDA 20
  --compile MODE,...         modes of torch.compile: ${COMPILE_MODES.join(', ')} (CUDA graphs), or off;
                             default: both, on the CPU the first
PYTHON=COMMAND names a Python with PyTorch and torchvision.`;

try {
  await main();
} catch (error) {
  exitWithUsage(error, USAGE);
}

async function main(): Promise<void> {
  const { models, size, rounds, compile, ...shared } = options();
  const { device, batch, precision, threads } = shared;
  const python = findPython(['torch', 'torchvision']);
  if (python === null) {
    console.log(
      'No Python with torch and torchvision was found (Debian: apt-get install python3-torch python3-torchvision): measuring evenhand only.',
    );
  }
  const machine = device === 'cpu' ? cpus()[0]?.model : gpuInfo(device)?.name;
  console.log(
    `Training steps, batch ${batch}, ${precision}, libtorch ${torchVersion()}, ${machine}, ${threads} cores, medians of ${rounds} turns`,
  );
  const groups: Group[] = [];
  for (const model of models) {
    const settings: StepSettings = { ...shared, model, size: size || modelInfo(model).preset.crop };
    const results = await measure(stepContenders(settings, python, compile), rounds);
    groups.push({ title: `${model}, ${settings.size} px`, results });
  }
  console.log(report(groups));
}

function options() {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'efficientnet_b0' },
      device: { type: 'string', default: 'cpu' },
      precision: { type: 'string' },
      batch: { type: 'string' },
      size: { type: 'string', default: '224' },
      rounds: { type: 'string', default: process.env.ROUNDS ?? '7' },
      steps: { type: 'string' },
      compile: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  const device = chooseDevice(values.device, devices());
  const cpu = device === 'cpu';
  const compile = values.compile ?? (cpu ? 'default' : COMPILE_MODES.join(','));
  const modes = compile.split(',').map((mode) => oneOf('compile', mode, [...COMPILE_MODES, 'off']));
  if (cpu && modes.includes('reduce-overhead')) {
    throw new UsageError('--compile reduce-overhead captures CUDA graphs: it needs --device cuda.');
  }
  return {
    models: values.model.split(','),
    device,
    precision: oneOf('precision', values.precision ?? (cpu ? 'float32' : 'bfloat16'), ['float32', 'bfloat16']),
    batch: positive('batch', values.batch ?? (cpu ? '16' : '128')),
    size: values.size === '0' ? 0 : positive('size', values.size),
    rounds: positive('rounds', values.rounds),
    steps: positive('steps', values.steps ?? (cpu ? '2' : '20')),
    threads: availableParallelism(),
    compile: modes.filter((mode): mode is CompileMode => mode !== 'off'),
  };
}
