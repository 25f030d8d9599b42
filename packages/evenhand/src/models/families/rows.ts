/** One stage of inverted residual blocks (Sandler et al., arXiv 1801.04381, table 2; Tan & Le, arXiv 1905.11946, table 1). */
export interface StageRow {
  /** How many times wider the block is inside. */
  readonly expand: number;
  /** Side of the depthwise kernel in pixels. */
  readonly kernel: number;
  /** Of the stage's first block; the others have 1. */
  readonly stride: number;
  /** Channels that the stage puts out. */
  readonly channels: number;
  /** Number of blocks. */
  readonly blocks: number;
}

/** A stage of rows written as in the papers' tables: expansion, kernel, stride, channels out, number of blocks. */
export function row(expand: number, kernel: number, stride: number, channels: number, blocks: number): StageRow {
  return { expand, kernel, stride, channels, blocks };
}

/** What one block of a stage is built from. */
export interface BlockShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly expand: number;
  readonly kernel: number;
  readonly stride: number;
}

/** The blocks of each stage, the first of them fed by `inputs` channels. */
export function blockShapes(rows: readonly StageRow[], inputs: number): BlockShape[][] {
  let from = inputs;
  return rows.map(({ expand, kernel, stride, channels, blocks }) =>
    Array.from({ length: blocks }, (_, index) => {
      const shape = { inputs: from, outputs: channels, expand, kernel, stride: index === 0 ? stride : 1 };
      from = channels;
      return shape;
    }),
  );
}

/**
 * The multiple of `divisor` next to `channels`, at least `divisor` and at most a tenth below it.
 * Source: torchvision `models/_utils.py`, `_make_divisible`.
 */
export function makeDivisible(channels: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * channels ? rounded + divisor : rounded;
}

/** The rows of a wider and deeper network: compound scaling (Tan & Le, arXiv 1905.11946, section 3). */
export function scaleRows(rows: readonly StageRow[], width: number, depth: number): StageRow[] {
  return rows.map((stage) => ({
    ...stage,
    channels: makeDivisible(stage.channels * width),
    blocks: Math.ceil(stage.blocks * depth),
  }));
}
