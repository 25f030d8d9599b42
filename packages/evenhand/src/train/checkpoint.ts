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
} from '@evenhand/torch';
import type { ImageModel } from '../models/index.js';
import type { RunFolder } from '../run/index.js';
import type { Position, Session } from './session.js';

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
export function saveCheckpoint({ folder, model, position }: Session, { optimizer, ema }: Extras = {}): void {
  scope(() => {
    const tensors = new Map([
      ...prefixed('model', nn.stateDict(model)),
      ...(optimizer ? prefixed('optimizer', optimizer.stateDict()) : []),
      ...(ema ? prefixed('ema', ema) : []),
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
