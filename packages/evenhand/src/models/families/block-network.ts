// Networks of block strings: the arguments that they share, and how their stages are built.
import { nn } from '@evenhand/torch';
import type { Pool } from '../family.js';
import { type BlockString, type DepthOptions, parseStages } from './block-strings.js';
import { type BlockPlace, ConvBlock, DepthwiseSeparable, EdgeResidual, InvertedResidual } from './mobile-blocks.js';
import type { Act, BlockStyle, ExcitationStyle } from './mobile-layers.js';
import { MobileAttention, UniversalInvertedResidual } from './mobilenet-v4-blocks.js';
import { makeDivisible } from './rows.js';

/** The arguments of an architecture, named as in timm. */
export interface BlockNetworkArguments {
  /** Factor of all channels. */
  readonly channel_multiplier: number;
  /** Factor of the number of blocks: one for all stages, or one per stage. */
  readonly depth_multiplier: number | readonly number[];
  /** timm's name of the activation; null for that of the design. */
  readonly act_layer: string | null;
  /** `same` for TensorFlow's padding. */
  readonly pad_type: '' | 'same';
  /** `avg` for average pooling in place of strides. */
  readonly aa_layer: 'avg' | null;
  readonly bn_eps: number;
  readonly bn_momentum: number;
  /** Dropout rate of the head. */
  readonly drop_rate: number;
  readonly drop_path_rate: number;
  readonly global_pool: Pool;
}

export const BLOCK_NETWORK: BlockNetworkArguments = {
  channel_multiplier: 1,
  depth_multiplier: 1,
  act_layer: null,
  pad_type: '',
  aa_layer: null,
  bn_eps: 1e-5,
  bn_momentum: 0.1,
  drop_rate: 0.2,
  drop_path_rate: 0,
  global_pool: 'avg',
};

/** The arguments of networks whose weights are from TensorFlow. */
export const TENSORFLOW = { pad_type: 'same', bn_eps: 1e-3 } as const;

/** A network of block strings. */
export interface BlockDesign extends DepthOptions {
  readonly stages: readonly (readonly string[])[];
  /** Channels of the first convolution, and the size of its kernel. */
  readonly stem: number;
  readonly stemKernel?: number;
  /** Channels of the last convolution; 0 for none. */
  readonly features: number;
  /** Channels of the paper to those of this size. */
  readonly round: (channels: number) => number;
  readonly activation: Act;
  readonly excitation?: ExcitationStyle;
  readonly layerScale?: number;
}

/** A function that multiplies channels, and rounds them to multiples of 8 but not below `limit` of their number. */
export function rounding(multiplier: number, limit?: number): (channels: number) => number {
  return (channels) => makeDivisible(channels * multiplier, 8, limit);
}

export type MakeDesign<D extends BlockDesign = BlockDesign> = (args: BlockNetworkArguments) => D;

/** The numbers of most designs; the others change them. */
export function common({ channel_multiplier, depth_multiplier }: BlockNetworkArguments, stem: number) {
  const round = rounding(channel_multiplier);
  return { round, depth_multiplier, stem: round(stem), features: round(1280), activation: 'silu' } as const;
}

const ACTIVATIONS: Readonly<Record<string, Act>> = {
  relu: 'relu',
  relu6: 'relu6',
  swish: 'silu',
  silu: 'silu',
  hard_swish: 'hardswish',
  gelu: 'gelu',
};

/** What the blocks of a network have in common. @throws RangeError for an argument that is not supported */
export function blockStyle(
  architecture: string,
  args: BlockNetworkArguments,
  { activation, excitation = { gate: 'sigmoid', ofWide: false }, layerScale }: BlockDesign,
): BlockStyle {
  const refuse = (name: string, value: unknown, known: string[]): never => {
    throw new RangeError(`${architecture} cannot have ${name} ${JSON.stringify(value)}; it knows ${known.join(', ')}.`);
  };
  const { act_layer, aa_layer, pad_type } = args;
  if (act_layer !== null && !Object.hasOwn(ACTIVATIONS, act_layer)) {
    refuse('act_layer', act_layer, Object.keys(ACTIVATIONS));
  }
  if (aa_layer !== null && aa_layer !== 'avg') refuse('aa_layer', aa_layer, ['avg', 'null']);
  if (pad_type !== '' && pad_type !== 'same') refuse('pad_type', pad_type, ['""', 'same']);
  return {
    activation: act_layer === null ? activation : ACTIVATIONS[act_layer]!,
    norm: { eps: args.bn_eps, momentum: args.bn_momentum },
    padding: pad_type,
    antialias: aa_layer === 'avg',
    excitation,
    layerScale: layerScale ?? null,
  };
}

/** The stages of a network, and the channels of its last block. */
export function buildStages(
  design: BlockDesign,
  style: BlockStyle,
  dropPath: number,
): { blocks: nn.Sequential; outputs: number } {
  const stages = parseStages(design.stages, design);
  const count = stages.flat().length;
  let inputs = design.stem;
  let index = 0;
  const build = (block: BlockString) => {
    const outputs = design.round(block.channels);
    const place = { block, inputs, outputs, style, dropPath: (dropPath * index++) / count };
    inputs = outputs;
    return buildBlock(place, design);
  };
  const blocks = new nn.Sequential(...stages.map((stage) => new nn.Sequential(...stage.map(build))));
  return { blocks, outputs: inputs };
}

function buildBlock(place: BlockPlace, { round }: BlockDesign): nn.Module {
  const { block, inputs } = place;
  switch (block.type) {
    case 'cn':
      return new ConvBlock(place);
    case 'ds':
    case 'dsa':
      return new DepthwiseSeparable(place);
    case 'ir':
      return new InvertedResidual(place);
    case 'er':
      return new EdgeResidual(place, block.countedInputs > 0 ? round(block.countedInputs) : inputs);
    case 'uir':
      return new UniversalInvertedResidual(place);
    case 'mqa':
      return new MobileAttention(place);
  }
}
