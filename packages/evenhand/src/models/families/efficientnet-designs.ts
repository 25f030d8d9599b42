// The designs of timm's models/efficientnet.py that are EfficientNets.
import { common, type MakeDesign, rounding } from './block-network.js';

const EFFICIENTNET = [
  ['ds_r1_k3_s1_e1_c16_se0.25'],
  ['ir_r2_k3_s2_e6_c24_se0.25'],
  ['ir_r2_k5_s2_e6_c40_se0.25'],
  ['ir_r3_k3_s2_e6_c80_se0.25'],
  ['ir_r3_k5_s1_e6_c112_se0.25'],
  ['ir_r4_k5_s2_e6_c192_se0.25'],
  ['ir_r1_k3_s1_e6_c320_se0.25'],
];

/** Tan & Le, arXiv 1905.11946. */
export const base: MakeDesign = (args) => ({ ...common(args, 32), stages: EFFICIENTNET });

/** tensorflow/tpu, models/official/efficientnet/lite. */
export const lite: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: EFFICIENTNET.map((rows) => rows.map((text) => text.replace('_se0.25', ''))),
  fix_first_last: true,
  stem: 32,
  features: 1280,
  activation: 'relu6',
});

/** Han et al., arXiv 2010.14819. */
export const tinyNet: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: EFFICIENTNET,
  depth_trunc: 'round',
  stem: 32,
  features: Math.max(1280, rounding(args.channel_multiplier)(1280)),
});

/** tensorflow/tpu, models/official/efficientnet/edgetpu. */
export const edge: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: [
    ['er_r1_k3_s1_e4_c24_fc24_noskip'],
    ['er_r2_k3_s2_e8_c32'],
    ['er_r4_k3_s2_e8_c48'],
    ['ir_r5_k5_s2_e8_c96'],
    ['ir_r4_k5_s1_e8_c144'],
    ['ir_r2_k5_s2_e8_c192'],
  ],
  activation: 'relu',
});

/** EfficientNetV2 B0 to B3: Tan & Le, arXiv 2104.00298. */
export const v2Base: MakeDesign = (args) => {
  const round = rounding(args.channel_multiplier, 0);
  return {
    ...common(args, 32),
    stages: [
      ['cn_r1_k3_s1_e1_c16_skip'],
      ['er_r2_k3_s2_e4_c32'],
      ['er_r2_k3_s2_e4_c48'],
      ['ir_r3_k3_s2_e4_c96_se0.25'],
      ['ir_r5_k3_s1_e6_c112_se0.25'],
      ['ir_r8_k3_s2_e6_c192_se0.25'],
    ],
    round,
    stem: round(32),
    features: round(1280),
  };
};

const V2_S = [
  ['cn_r2_k3_s1_e1_c24_skip'],
  ['er_r4_k3_s2_e4_c48'],
  ['er_r4_k3_s2_e4_c64'],
  ['ir_r6_k3_s2_e4_c128_se0.25'],
  ['ir_r9_k3_s1_e6_c160_se0.25'],
  ['ir_r15_k3_s2_e6_c256_se0.25'],
];

export const v2S: MakeDesign = (args) => ({ ...common(args, 24), stages: V2_S });

/** timm's version from before the paper's code was released. */
export const v2Rw: MakeDesign = (args) => ({
  ...common(args, 24),
  stages: [['er_r2_k3_s1_e1_c24'], ...V2_S.slice(1, -1), ['ir_r15_k3_s2_e6_c272_se0.25']],
  features: rounding(args.channel_multiplier)(1792),
});

export const v2M: MakeDesign = (args) => ({
  ...common(args, 24),
  stages: [
    ['cn_r3_k3_s1_e1_c24_skip'],
    ['er_r5_k3_s2_e4_c48'],
    ['er_r5_k3_s2_e4_c80'],
    ['ir_r7_k3_s2_e4_c160_se0.25'],
    ['ir_r14_k3_s1_e6_c176_se0.25'],
    ['ir_r18_k3_s2_e6_c304_se0.25'],
    ['ir_r5_k3_s1_e6_c512_se0.25'],
  ],
  features: 1280,
});

export const v2L: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: [
    ['cn_r4_k3_s1_e1_c32_skip'],
    ['er_r7_k3_s2_e4_c64'],
    ['er_r7_k3_s2_e4_c96'],
    ['ir_r10_k3_s2_e4_c192_se0.25'],
    ['ir_r19_k3_s1_e6_c224_se0.25'],
    ['ir_r25_k3_s2_e6_c384_se0.25'],
    ['ir_r7_k3_s1_e6_c640_se0.25'],
  ],
  features: 1280,
});

export const v2Xl: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: [
    ['cn_r4_k3_s1_e1_c32_skip'],
    ['er_r8_k3_s2_e4_c64'],
    ['er_r8_k3_s2_e4_c96'],
    ['ir_r16_k3_s2_e4_c192_se0.25'],
    ['ir_r24_k3_s1_e6_c256_se0.25'],
    ['ir_r32_k3_s2_e6_c512_se0.25'],
    ['ir_r8_k3_s1_e6_c640_se0.25'],
  ],
  features: 1280,
});

/** timm's smallest network, for tests. */
export const testEfficientNet: MakeDesign = (args) => {
  const round = rounding(args.channel_multiplier, 0);
  return {
    ...common(args, 24),
    stages: [
      ['cn_r1_k3_s1_e1_c16_skip'],
      ['er_r1_k3_s2_e4_c24'],
      ['er_r1_k3_s2_e4_c32'],
      ['ir_r1_k3_s2_e4_c48_se0.25'],
      ['ir_r1_k3_s2_e4_c64_se0.25'],
    ],
    round,
    stem: round(24),
    features: round(256),
  };
};
