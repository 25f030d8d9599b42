// The contenders of `npm run bench -- step`, which `npm run bench -- epoch` measures too.
import { fileURLToPath } from 'node:url';
import { type Contender, keptMemoryEnv, pythonEnv } from './contenders.js';

/** What a contender's process gets as JSON. */
export interface StepSettings {
  readonly model: string;
  readonly device: string;
  readonly precision: 'float32' | 'bfloat16';
  readonly batch: number;
  /** Height and width in pixels. */
  readonly size: number;
  /** Steps of a turn. */
  readonly steps: number;
  readonly threads: number;
}

export const COMPILE_MODES = ['default', 'reduce-overhead'] as const;
export type CompileMode = (typeof COMPILE_MODES)[number];

/** @param python a Python with PyTorch; null if there is none */
export function stepContenders(
  settings: StepSettings,
  python: string | null,
  compile: readonly CompileMode[],
): Contender[] {
  const ours: Contender = {
    name: 'evenhand, channels-last',
    command: process.execPath,
    args: [here('step-ours.js'), JSON.stringify(settings)],
  };
  if (python === null) return [ours];
  const peer = (name: string, how: string, mode: string | null = null, env = {}): Contender => ({
    name,
    command: python,
    args: [here('../step-pytorch.py'), how, JSON.stringify({ ...settings, compile: mode })],
    env: { ...pythonEnv, ...env },
  });
  const cpu = settings.device === 'cpu';
  const kept = cpu ? keptMemoryEnv : {};
  const tuned = cpu
    ? [peer('PyTorch, channels_last, memory kept', 'tuned', null, kept), peer('PyTorch, channels_last', 'tuned')]
    : [peer(`PyTorch, channels_last, ${settings.precision}, fused AdamW`, 'tuned')];
  return [
    ours,
    ...tuned,
    ...compile.map((mode) => peer(`the same and torch.compile, ${mode}`, 'tuned', mode, kept)),
    peer('PyTorch as usually written', 'usual'),
  ];
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
