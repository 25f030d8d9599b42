// Networks of block strings: the arguments that they share, and how their stages are built.
import { nn, type Tensor } from '@evenhand/torch';
import { type Pool, requireOneOf } from '../family.js';
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
  /** `avg` or `blurpc` for average pooling or a blur in place of strides. */
  readonly aa_layer: 'avg' | 'blurpc' | null;
  readonly bn_eps: number;
  readonly bn_momentum: number;
  /** Dropout rate of the head. */
  readonly drop_rate: number;
  readonly drop_path_rate: number;
  readonly global_pool: Pool;
  /** 3: other numbers of colours are not supported. */
  readonly in_chans: number;
  /** 32: dilation in place of strides is not supported. */
  readonly output_stride: number;
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
  in_chans: 3,
  output_stride: 32,
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
  { act_layer, aa_layer, pad_type, bn_eps, bn_momentum, in_chans, output_stride }: BlockNetworkArguments,
  { activation, excitation = { gate: 'sigmoid', ofWide: false }, layerScale }: BlockDesign,
): BlockStyle {
  requireOneOf(architecture, 'in_chans', in_chans, [3]);
  requireOneOf(architecture, 'output_stride', output_stride, [32]);
  const name = act_layer === null ? null : requireOneOf(architecture, 'act_layer', act_layer, Object.keys(ACTIVATIONS));
  return {
    activation: name === null ? activation : ACTIVATIONS[name]!,
    norm: { eps: bn_eps, momentum: bn_momentum },
    padding: requireOneOf(architecture, 'pad_type', pad_type, ['', 'same']),
    antialias: requireOneOf(architecture, 'aa_layer', aa_layer, ['avg', 'blurpc', null]),
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

/** Runs the blocks of all stages one after the other. Frees `x`, and the output of each block once the next has run. */
export function runBlocks(stages: nn.Sequential, x: Tensor): Tensor {
  let map = x;
  for (const block of stages.layers.flatMap((stage) => (stage as nn.Sequential).layers)) {
    const next = block.forward(map);
    map.dispose();
    map = next;
  }
  return map;
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
