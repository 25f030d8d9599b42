// timm's notation for networks of mobile blocks: `ir_r2_k3_s2_e6_c24_se0.25` is a row of two inverted residual blocks.
// Source: timm models/_efficientnet_builder.py.
import type { Act } from './mobile-layers.js';
import { roundHalfToEven } from './rows.js';

const TYPES = ['cn', 'ds', 'dsa', 'er', 'ir', 'uir', 'mqa'] as const;

/** One block of a block string. */
export interface BlockString {
  /**
   * `cn`: convolution; `ds`: depthwise separable; `dsa`: the same with an activation at its end; `er`: fused inverted
   * residual; `ir`: inverted residual; `uir`: universal inverted bottleneck; `mqa`: multi-query attention.
   */
  readonly type: (typeof TYPES)[number];
  /** `c`: output channels, before they are multiplied and rounded. */
  readonly channels: number;
  /** `s` */
  readonly stride: number;
  /** `k`: size of the (depthwise) kernel; 0 for none in `uir`. */
  readonly kernel: number;
  /** `a` and `p`: sizes of the depthwise kernels before and after the pointwise convolutions of `uir`; 0 for none. */
  readonly start: number;
  readonly end: number;
  /** `e`: expansion ratio. */
  readonly expand: number;
  /** `se`: squeeze-and-excitation ratio; 0 for none. */
  readonly se: number;
  /** `skip` and `noskip`; null for the default of the type. */
  readonly skip: boolean | null;
  /** `n`: activation; null for the network's. */
  readonly activation: Act | null;
  /** `gs`: channels of a group of the convolution; null for the default of the type. */
  readonly groupSize: number | null;
  /** `fc`: input channels that the expansion of `er` counts with; 0 for its own. */
  readonly countedInputs: number;
  /** `h`, `d`, `v`: heads, features of a head, stride of keys and values of `mqa`. */
  readonly heads: number;
  readonly headDim: number;
  readonly keyStride: number;
}

const ACTIVATIONS: Readonly<Record<string, Act>> = { nre: 'relu', nr6: 'relu6', nhs: 'hardswish', nsw: 'silu' };

/** The block of a block string, and how often it is repeated. */
function parse(text: string): [block: BlockString, repeats: number] {
  const [type, ...options] = text.split('_') as [BlockString['type'], ...string[]];
  const numbers = new Map<string, number>();
  for (const option of options) {
    const match = /^([a-z]+)([\d.]+)$/.exec(option);
    if (match) numbers.set(match[1]!, Number(match[2]));
  }
  const number = (key: string, otherwise = 0) => numbers.get(key) ?? otherwise;
  const activation = options.find((option) => option in ACTIVATIONS);
  const block = {
    type,
    channels: number('c'),
    stride: number('s'),
    kernel: number('k'),
    start: number('a'),
    end: number('p'),
    expand: number('e', 1),
    se: number('se'),
    skip: options.includes('skip') ? true : options.includes('noskip') ? false : null,
    activation: activation === undefined ? null : ACTIVATIONS[activation]!,
    groupSize: numbers.get('gs') ?? null,
    countedInputs: number('fc'),
    heads: number('h'),
    headDim: number('d'),
    keyStride: number('v', 1),
  };
  return [block, number('r')];
}

export interface DepthOptions {
  /** Factor of the number of blocks: one for all stages, or one per stage. */
  readonly depth_multiplier?: number | readonly number[];
  /** How the number of blocks of a stage is made a whole number. Default: `ceil`. */
  readonly depth_trunc?: 'ceil' | 'round';
  /** Whether the first and the last stage keep their number of blocks. */
  readonly fix_first_last?: boolean;
}

/** The blocks of each stage. Only the first block of a stage has a stride above 1. */
export function parseStages(
  stages: readonly (readonly string[])[],
  { depth_multiplier = 1, depth_trunc = 'ceil', fix_first_last = false }: DepthOptions = {},
): BlockString[][] {
  return stages.map((texts, index) => {
    const rows = texts.map(parse);
    const fixed = fix_first_last && (index === 0 || index === stages.length - 1);
    const factor = typeof depth_multiplier === 'number' ? depth_multiplier : depth_multiplier[index]!;
    const repeats = scaleRepeats(
      rows.map(([, count]) => count),
      fixed ? 1 : factor,
      depth_trunc,
    );
    const blocks = rows.flatMap(([block], row) => Array.from({ length: repeats[row]! }, () => block));
    return blocks.map((block, position) => (position === 0 ? block : { ...block, stride: 1 }));
  });
}

/** Scales the repeats of the rows of a stage. The total is rounded, and distributed from the last row to the first. */
function scaleRepeats(repeats: readonly number[], factor: number, truncation: 'ceil' | 'round'): number[] {
  let left = repeats.reduce((a, b) => a + b, 0);
  let scaledLeft = truncation === 'round' ? Math.max(1, roundHalfToEven(left * factor)) : Math.ceil(left * factor);
  const scaled: number[] = [];
  for (const count of [...repeats].reverse()) {
    const own = Math.max(1, roundHalfToEven((count / left) * scaledLeft));
    scaled.unshift(own);
    left -= count;
    scaledLeft -= own;
  }
  return scaled;
}
