import { noGrad } from './modes.js';
import { native } from './native.js';
import * as ops from './ops.js';
import { keep, scope } from './scope.js';
import type { Tensor } from './tensor.js';

/** Whether the addon has CUDA graphs: it was built with CUDA's headers, against libtorch 2.1 or later. */
export function hasCudaGraphs(): boolean {
  return native().hasGraphs();
}

interface Captured {
  /** Of the addon; null on a device without graphs. */
  readonly graph: object | null;
  /** Each run overwrites it. */
  readonly output: Tensor;
}

/**
 * Work that a GPU repeats as CUDA graphs: all its kernels, recorded once, are started by one call, so that JavaScript does
 * not queue them again each time. PyTorch's `torch.cuda.CUDAGraph`.
 *
 * What the work does in JavaScript happens only once. What changes from run to run must therefore be in tensors that exist
 * before: the work reads them, and the caller writes to them before each run. Random operations follow `manualSeed` as they
 * do outside of a graph. On other devices, work is run again each time, so that the results are the same.
 */
export class CudaGraphs {
  readonly #stream: object | null;
  readonly #captured = new Map<string, Captured>();

  constructor(device: string) {
    this.#stream = native().newStream(device);
  }

  /** Runs `work` as it is. Libraries need a few such runs before a capture, in which they allocate what they keep. */
  warmUp<T>(work: () => T): T {
    return this.#stream ? native().onStream(this.#stream, work) : work();
  }

  /**
   * Runs `work`, which is captured at the first call with this key. Graphs with several keys share their memory.
   *
   * @returns the result of `work`, valid until the next run of any key; the caller does not dispose of it
   * @throws TorchError if `work` reads a value from the GPU or copies one to it, which a graph cannot repeat
   */
  run(key: string, work: () => Tensor): Tensor {
    const captured = this.#captured.get(key);
    if (!captured) {
      const first = this.#stream ? this.#capture(this.#stream, work) : { graph: null, output: keep(scope(work)) };
      this.#captured.set(key, first);
      // Capturing computes nothing.
      if (first.graph) native().replayGraph(first.graph);
      return first.output;
    }
    if (captured.graph) native().replayGraph(captured.graph);
    else {
      scope(() => {
        const output = work();
        noGrad(() => ops.copy_(captured.output, output));
      });
    }
    return captured.output;
  }

  /** Frees the memory of all graphs. */
  dispose(): void {
    for (const { graph, output } of this.#captured.values()) {
      output.dispose();
      if (graph) native().resetGraph(graph);
    }
    this.#captured.clear();
  }

  #capture(stream: object, work: () => Tensor): Captured {
    let output: Tensor | undefined;
    const shared = this.#captured.values().next().value?.graph ?? null;
    const graph = native().captureGraph(stream, shared, () => {
      output = keep(scope(work));
    });
    return { graph, output: output! };
  }
}
