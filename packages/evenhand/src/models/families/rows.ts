/** One stage of inverted residual blocks (Sandler et al., arXiv 1801.04381, table 2; Tan & Le, arXiv 1905.11946, table 1). */
export interface StageRow {
  /** Expansion ratio of the block. */
  readonly expand: number;
  /** Size of the depthwise kernel in pixels. */
  readonly kernel: number;
  /** Stride of the stage's first block; the others have 1. */
  readonly stride: number;
  /** Number of output channels. */
  readonly channels: number;
  /** Number of blocks. */
  readonly blocks: number;
}

/** A stage, written like a row of the papers' tables: expansion, kernel, stride, output channels, number of blocks. */
export function row(expand: number, kernel: number, stride: number, channels: number, blocks: number): StageRow {
  return { expand, kernel, stride, channels, blocks };
}

/** The shape of one block. */
export interface BlockShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly expand: number;
  readonly kernel: number;
  readonly stride: number;
}

/** The blocks of each stage; the first block has `inputs` input channels. */
export function blockShapes(rows: readonly StageRow[], inputs: number): BlockShape[][] {
  let blockInputs = inputs;
  return rows.map(({ expand, kernel, stride, channels, blocks }) =>
    Array.from({ length: blocks }, (_, index) => {
      const shape = { inputs: blockInputs, outputs: channels, expand, kernel, stride: index === 0 ? stride : 1 };
      blockInputs = channels;
      return shape;
    }),
  );
}

/**
 * Rounds `channels` to the nearest multiple of `divisor`, but at least to `divisor` and not below `limit` of `channels`.
 * Source: torchvision `models/_utils.py`, `_make_divisible`; timm `layers/helpers.py`, `make_divisible`.
 */
export function makeDivisible(channels: number, divisor = 8, limit = 0.9): number {
  const rounded = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return rounded < limit * channels ? rounded + divisor : rounded;
}

/** Rounds as Python: 0.5 to 0, 1.5 to 2. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Scales the rows to a wider and deeper network: compound scaling (Tan & Le, arXiv 1905.11946, section 3). */
export function scaleRows(rows: readonly StageRow[], width: number, depth: number): StageRow[] {
  return rows.map((stage) => ({
    ...stage,
    channels: makeDivisible(stage.channels * width),
    blocks: Math.ceil(stage.blocks * depth),
  }));
}
