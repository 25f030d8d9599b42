// Trainings as small as can be, and what they leave.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { devices, liveTensors, nn, saveTensors } from '@evenhand/torch';
import { createModel } from '../../models/index.js';
import { RunFolder } from '../../run/index.js';
import { resume, type TrainedRun, train } from '../../workflows/index.js';
import type { Config } from '../config/fields.js';
import type { ConfigLayer } from '../config/resolve.js';
import type { Progress, TrainEvent } from '../events.js';
import { drawImages, smallConfig, temporaryFolder } from './images.test.helper.js';

/** A folder with images to train on, where runs go by their names. */
export class TestRuns {
  /** 24 images of three classes to train on and 12 to validate on. */
  readonly photos: string;

  private constructor(
    readonly root: string,
    readonly remove: () => void,
  ) {
    this.photos = join(root, 'photos');
  }

  static async open(): Promise<TestRuns> {
    const { path, remove } = temporaryFolder();
    const runs = new TestRuns(path, remove);
    await drawImages(join(runs.photos, 'train'), 8);
    await drawImages(join(runs.photos, 'val'), 4, 1);
    return runs;
  }

  /** Random weights of a mobilenet_v2, in the place of pretrained ones. */
  get start(): string {
    const path = join(this.root, 'start.safetensors');
    if (existsSync(path)) return path;
    const model = createModel('mobilenet_v2', { numClasses: 10, seed: 5 });
    saveTensors(path, nn.stateDict(model));
    nn.disposeModule(model);
    return path;
  }

  config(values: ConfigLayer['values'] = {}): Config {
    // A GPU gives equal bits only if it is asked to.
    const deterministic = devices().some((device) => device.startsWith('cuda'));
    return smallConfig(this.photos, { backboneRate: 1e-3, headRate: 1e-2, warmupEpochs: 0, deterministic, ...values });
  }

  path(name: string): string {
    return join(this.root, name);
  }

  best(name: string): string {
    return join(this.root, name, 'best.safetensors');
  }

  state(name: string): string {
    return join(this.root, name, 'last/state.safetensors');
  }

  /** The epochs of a run without what no two runs have in common. */
  epochs(name: string) {
    const untimed = { seconds: 0, imagesPerSecond: 0, peakMemoryMB: 0 };
    return RunFolder.open(this.path(name))
      .readEpochs()
      .map(({ peakGpuMemoryMB: _, ...epoch }) => ({ ...epoch, ...untimed }));
  }

  /** Trains, or goes on where the run is there, until a moment that `stopAt` knows. */
  async go(
    name: string,
    values: ConfigLayer['values'] = {},
    stopAt: (progress: Progress) => boolean = () => false,
    watch: (event: TrainEvent) => void = () => {},
  ): Promise<TrainedRun & { events: TrainEvent[] }> {
    const events: TrainEvent[] = [];
    const abort = new AbortController();
    const options = {
      run: this.path(name),
      signal: abort.signal,
      onEvent: (event: TrainEvent) => {
        events.push(event);
        watch(event);
        if (event.type === 'progress' && stopAt(event)) abort.abort();
      },
    };
    const begun = existsSync(join(this.path(name), 'config.json'));
    const result = await withoutLeak(() =>
      begun ? resume(options) : train({ ...options, config: this.config(values) }),
    );
    return { ...result, events };
  }
}

/** Runs `action` and sees to it that no tensor outlives it, however it ends. */
export async function withoutLeak<T>(action: () => Promise<T>): Promise<T> {
  const before = liveTensors();
  try {
    return await action();
  } finally {
    const more = liveTensors() - before;
    assert.ok(more <= 0, `${more} tensors were left behind`);
  }
}

/** Of the tensors alone: how long the epochs took is beside them. */
export function tensorHash(file: string): string {
  const bytes = readFileSync(file);
  return createHash('sha256')
    .update(bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))))
    .digest('hex');
}
