import { existsSync } from 'node:fs';
import {
  loadStateDict,
  nn,
  openWeights,
  type optim,
  readTensors,
  saveTensors,
  scope,
  type Tensor,
  tensor,
} from '@evenhand/torch';
import type { ImageModel } from '../../models/index.js';
import type { RunFolder } from '../../run/index.js';
import type { Labels, Position, Session } from './session.js';

/** What a phase adds to the model's tensors: the optimiser's memory, averages of the weights. */
export interface Extras {
  readonly optimizer?: optim.Optimizer;
  /** By the model's keys. */
  readonly ema?: ReadonlyMap<string, Tensor>;
}

const prefixed = (prefix: string, tensors: ReadonlyMap<string, Tensor>) =>
  [...tensors].map(([key, tensor]) => [`${prefix}.${key}`, tensor] as const);

/** The tensors under a prefix, without it. */
export function under(prefix: string, tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const start = `${prefix}.`;
  return new Map(
    [...tensors].filter(([key]) => key.startsWith(start)).map(([key, each]) => [key.slice(start.length), each]),
  );
}

/** Writes `last/state.safetensors`: tensors and position in one file, so that they cannot disagree. */
export function saveCheckpoint(session: Session, { optimizer, ema }: Extras = {}): void {
  const { folder, model, position, config } = session;
  scope(() => {
    const tensors = new Map([
      ...prefixed('model', nn.stateDict(model)),
      ...(optimizer ? prefixed('optimizer', optimizer.stateDict()) : []),
      ...(ema ? prefixed('ema', ema) : []),
      ...(config.labelNoise === 'auto' ? prefixed('labels', labelTensors(session)) : []),
    ]);
    saveTensors(folder.last, tensors, { position: JSON.stringify(position) });
  });
}

/** Where the run stopped and what its phase had; null where it had not saved anything yet. */
export function loadCheckpoint(
  folder: RunFolder,
  model: ImageModel,
): { position: Position; restored: Map<string, Tensor> } | null {
  if (!existsSync(folder.last)) return null;
  const file = openWeights(folder.last);
  try {
    const position = JSON.parse(file.metadata.get('position')!) as Position;
    return scope(() => {
      const all = readTensors(file);
      loadStateDict(model, under('model', all));
      return { position, restored: new Map([...all].filter(([key]) => !key.startsWith('model.'))) };
    });
  } finally {
    file.close();
  }
}

/** The labels that a checkpoint holds; undefined where it holds none. */
export function restoredLabels(restored: ReadonlyMap<string, Tensor>): Labels | undefined {
  const saved = under('labels', restored);
  if (!saved.has('judged')) return undefined;
  const of = (name: string) => (saved.get(name)?.toArray() as Float32Array | undefined) ?? null;
  return { train: of('train'), val: of('val') };
}

/** Labels as a checkpoint's tensors. The caller frees them. */
function labelTensors({ labels, data }: Session): Map<string, Tensor> {
  const k = data.classes.length;
  const of = (name: 'train' | 'val') => {
    const values = labels[name];
    return values === null ? [] : [[name, tensor(values, [values.length / k, k])] as const];
  };
  return new Map([['judged', tensor([1])], ...of('train'), ...of('val')]);
}
