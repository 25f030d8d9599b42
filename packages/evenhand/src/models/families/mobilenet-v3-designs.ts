// The designs of timm's models/mobilenetv3.py but for MobileNetV4.
import { type BlockDesign, common, type MakeDesign, rounding } from './block-network.js';
import { makeDivisible } from './rows.js';

export interface MobileNetV3Design extends BlockDesign {
  /** The last convolution: plain, with a bias, or with a norm. */
  readonly head: 'plain' | 'bias' | 'norm';
}

type Make = MakeDesign<MobileNetV3Design>;

/** Howard et al., arXiv 1905.02244. A network narrower than 0.75 keeps the width of its stem. */
function v3(stages: string[][], features: number, changes: Partial<MobileNetV3Design> = {}): Make {
  return (args) => {
    const scaled = common(args, 16);
    return {
      ...scaled,
      stages,
      stem: args.channel_multiplier < 0.75 ? 16 : scaled.stem,
      features,
      activation: 'hardswish',
      excitation: {
        gate: 'hardsigmoid',
        activation: 'relu',
        round: (channels) => makeDivisible(channels),
        ofWide: true,
      },
      head: 'bias',
      ...changes,
    };
  };
}

const LARGE = [
  ['ds_r1_k3_s1_e1_c16_nre'],
  ['ir_r1_k3_s2_e4_c24_nre', 'ir_r1_k3_s1_e3_c24_nre'],
  ['ir_r3_k5_s2_e3_c40_se0.25_nre'],
  ['ir_r1_k3_s2_e6_c80', 'ir_r1_k3_s1_e2.5_c80', 'ir_r2_k3_s1_e2.3_c80'],
  ['ir_r2_k3_s1_e6_c112_se0.25'],
  ['ir_r3_k5_s2_e6_c160_se0.25'],
  ['cn_r1_k1_s1_c960'],
];

export const v3Large = v3(LARGE, 1280);

/** timm's version from before the paper's code was released. */
export const v3Rw = v3([['ds_r1_k3_s1_e1_c16_nre_noskip'], ...LARGE.slice(1)], 1280, {
  excitation: { gate: 'hardsigmoid', ofWide: true },
  head: 'plain',
});

/** Minimal: 3x3 kernels and ReLU, no squeeze-and-excitation. */
export const v3LargeMinimal = v3(
  [
    ['ds_r1_k3_s1_e1_c16'],
    ['ir_r1_k3_s2_e4_c24', 'ir_r1_k3_s1_e3_c24'],
    ['ir_r3_k3_s2_e3_c40'],
    ['ir_r1_k3_s2_e6_c80', 'ir_r1_k3_s1_e2.5_c80', 'ir_r2_k3_s1_e2.3_c80'],
    ['ir_r2_k3_s1_e6_c112'],
    ['ir_r3_k3_s2_e6_c160'],
    ['cn_r1_k1_s1_c960'],
  ],
  1280,
  { activation: 'relu' },
);

export const v3Small = v3(
  [
    ['ds_r1_k3_s2_e1_c16_se0.25_nre'],
    ['ir_r1_k3_s2_e4.5_c24_nre', 'ir_r1_k3_s1_e3.67_c24_nre'],
    ['ir_r1_k5_s2_e4_c40_se0.25', 'ir_r2_k5_s1_e6_c40_se0.25'],
    ['ir_r2_k5_s1_e3_c48_se0.25'],
    ['ir_r3_k5_s2_e6_c96_se0.25'],
    ['cn_r1_k1_s1_c576'],
  ],
  1024,
);

export const v3SmallMinimal = v3(
  [
    ['ds_r1_k3_s2_e1_c16'],
    ['ir_r1_k3_s2_e4.5_c24', 'ir_r1_k3_s1_e3.67_c24'],
    ['ir_r1_k3_s2_e4_c40', 'ir_r2_k3_s1_e6_c40'],
    ['ir_r2_k3_s1_e3_c48'],
    ['ir_r3_k3_s2_e6_c96'],
    ['cn_r1_k1_s1_c576'],
  ],
  1024,
  { activation: 'relu' },
);

/** PP-LCNet: Cui et al., arXiv 2109.15099. */
export const lcNet: Make = (args) => ({
  ...common(args, 16),
  stages: [
    ['dsa_r1_k3_s1_c32'],
    ['dsa_r2_k3_s2_c64'],
    ['dsa_r2_k3_s2_c128'],
    ['dsa_r1_k3_s2_c256', 'dsa_r1_k5_s1_c256'],
    ['dsa_r4_k5_s1_c256'],
    ['dsa_r2_k5_s2_c512_se0.25'],
  ],
  features: 1280,
  activation: 'hardswish',
  excitation: { gate: 'hardsigmoid', activation: 'relu', ofWide: true },
  head: 'bias',
});

/** FBNetV3: Dai et al., arXiv 2006.02049. */
function fbNetV3(stem: number, stages: string[][]): Make {
  return (args) => {
    const round = rounding(args.channel_multiplier, 0.95);
    return {
      stages,
      depth_multiplier: args.depth_multiplier,
      round,
      stem: round(stem),
      features: 1984,
      activation: 'hardswish',
      excitation: { gate: 'hardsigmoid', round, ofWide: false },
      head: 'plain',
    };
  };
}

export const fbNetV3B = fbNetV3(16, [
  ['ds_r2_k3_s1_e1_c16'],
  ['ir_r1_k5_s2_e4_c24', 'ir_r3_k5_s1_e2_c24'],
  ['ir_r1_k5_s2_e5_c40_se0.25', 'ir_r4_k5_s1_e3_c40_se0.25'],
  ['ir_r1_k5_s2_e5_c72', 'ir_r4_k3_s1_e3_c72'],
  ['ir_r1_k3_s1_e5_c120_se0.25', 'ir_r5_k5_s1_e3_c120_se0.25'],
  ['ir_r1_k3_s2_e6_c184_se0.25', 'ir_r5_k5_s1_e4_c184_se0.25', 'ir_r1_k5_s1_e6_c224_se0.25'],
  ['cn_r1_k1_s1_c1344'],
]);

export const fbNetV3D = fbNetV3(24, [
  ['ds_r2_k3_s1_e1_c16'],
  ['ir_r1_k3_s2_e5_c24', 'ir_r5_k3_s1_e2_c24'],
  ['ir_r1_k5_s2_e4_c40_se0.25', 'ir_r4_k3_s1_e3_c40_se0.25'],
  ['ir_r1_k3_s2_e5_c72', 'ir_r4_k3_s1_e3_c72'],
  ['ir_r1_k3_s1_e5_c128_se0.25', 'ir_r6_k5_s1_e3_c128_se0.25'],
  ['ir_r1_k3_s2_e6_c208_se0.25', 'ir_r5_k5_s1_e5_c208_se0.25', 'ir_r1_k5_s1_e6_c240_se0.25'],
  ['cn_r1_k1_s1_c1440'],
]);

export const fbNetV3G = fbNetV3(32, [
  ['ds_r3_k3_s1_e1_c24'],
  ['ir_r1_k5_s2_e4_c40', 'ir_r4_k5_s1_e2_c40'],
  ['ir_r1_k5_s2_e4_c56_se0.25', 'ir_r4_k5_s1_e3_c56_se0.25'],
  ['ir_r1_k5_s2_e5_c104', 'ir_r4_k3_s1_e3_c104'],
  ['ir_r1_k3_s1_e5_c160_se0.25', 'ir_r8_k5_s1_e3_c160_se0.25'],
  ['ir_r1_k3_s2_e6_c264_se0.25', 'ir_r6_k5_s1_e5_c264_se0.25', 'ir_r2_k5_s1_e6_c288_se0.25'],
  ['cn_r1_k1_s1_c1728'],
]);
