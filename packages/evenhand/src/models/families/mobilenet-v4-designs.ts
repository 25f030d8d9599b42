// The designs of MobileNetV4 (Qin et al., arXiv 2404.10518): timm models/mobilenetv3.py.
import { common, type MakeDesign } from './block-network.js';
import type { MobileNetV3Design } from './mobilenet-v3-designs.js';

type Make = MakeDesign<MobileNetV3Design>;

/** A narrow network keeps the width of its stem. */
function design(stem: number, stages: string[][], changes: Partial<MobileNetV3Design> = {}): Make {
  return (args) => {
    const scaled = common(args, stem);
    const width = args.channel_multiplier < 1 ? stem : scaled.stem;
    return { ...scaled, stages, stem: width, features: 1280, activation: 'relu', head: 'norm', ...changes };
  };
}

export const convSmall = design(32, [
  ['cn_r1_k3_s2_e1_c32', 'cn_r1_k1_s1_e1_c32'],
  ['cn_r1_k3_s2_e1_c96', 'cn_r1_k1_s1_e1_c64'],
  ['uir_r1_a5_k5_s2_e3_c96', 'uir_r4_a0_k3_s1_e2_c96', 'uir_r1_a3_k0_s1_e4_c96'],
  [
    'uir_r1_a3_k3_s2_e6_c128',
    'uir_r1_a5_k5_s1_e4_c128',
    'uir_r1_a0_k5_s1_e4_c128',
    'uir_r1_a0_k5_s1_e3_c128',
    'uir_r2_a0_k3_s1_e4_c128',
  ],
  ['cn_r1_k1_s1_c960'],
]);

export const convMedium = design(32, [
  ['er_r1_k3_s2_e4_c48'],
  ['uir_r1_a3_k5_s2_e4_c80', 'uir_r1_a3_k3_s1_e2_c80'],
  [
    'uir_r1_a3_k5_s2_e6_c160',
    'uir_r2_a3_k3_s1_e4_c160',
    'uir_r1_a3_k5_s1_e4_c160',
    'uir_r1_a3_k3_s1_e4_c160',
    'uir_r1_a3_k0_s1_e4_c160',
    'uir_r1_a0_k0_s1_e2_c160',
    'uir_r1_a3_k0_s1_e4_c160',
  ],
  [
    'uir_r1_a5_k5_s2_e6_c256',
    'uir_r1_a5_k5_s1_e4_c256',
    'uir_r2_a3_k5_s1_e4_c256',
    'uir_r1_a0_k0_s1_e4_c256',
    'uir_r1_a3_k0_s1_e4_c256',
    'uir_r1_a3_k5_s1_e2_c256',
    'uir_r1_a5_k5_s1_e4_c256',
    'uir_r2_a0_k0_s1_e4_c256',
    'uir_r1_a5_k0_s1_e2_c256',
  ],
  ['cn_r1_k1_s1_c960'],
]);

export const convLarge = design(24, [
  ['er_r1_k3_s2_e4_c48'],
  ['uir_r1_a3_k5_s2_e4_c96', 'uir_r1_a3_k3_s1_e4_c96'],
  [
    'uir_r1_a3_k5_s2_e4_c192',
    'uir_r3_a3_k3_s1_e4_c192',
    'uir_r1_a3_k5_s1_e4_c192',
    'uir_r5_a5_k3_s1_e4_c192',
    'uir_r1_a3_k0_s1_e4_c192',
  ],
  [
    'uir_r4_a5_k5_s2_e4_c512',
    'uir_r1_a5_k0_s1_e4_c512',
    'uir_r1_a5_k3_s1_e4_c512',
    'uir_r2_a5_k0_s1_e4_c512',
    'uir_r1_a5_k3_s1_e4_c512',
    'uir_r1_a5_k5_s1_e4_c512',
    'uir_r3_a5_k0_s1_e4_c512',
  ],
  ['cn_r1_k1_s1_c960'],
]);

export const hybridMedium = design(
  32,
  [
    ['er_r1_k3_s2_e4_c48'],
    ['uir_r1_a3_k5_s2_e4_c80', 'uir_r1_a3_k3_s1_e2_c80'],
    [
      'uir_r1_a3_k5_s2_e6_c160',
      'uir_r1_a0_k0_s1_e2_c160',
      'uir_r1_a3_k3_s1_e4_c160',
      'uir_r1_a3_k5_s1_e4_c160',
      'mqa_r1_k3_h4_s1_v2_d64_c160',
      'uir_r1_a3_k3_s1_e4_c160',
      'mqa_r1_k3_h4_s1_v2_d64_c160',
      'uir_r1_a3_k0_s1_e4_c160',
      'mqa_r1_k3_h4_s1_v2_d64_c160',
      'uir_r1_a3_k3_s1_e4_c160',
      'mqa_r1_k3_h4_s1_v2_d64_c160',
      'uir_r1_a3_k0_s1_e4_c160',
    ],
    [
      'uir_r1_a5_k5_s2_e6_c256',
      'uir_r1_a5_k5_s1_e4_c256',
      'uir_r2_a3_k5_s1_e4_c256',
      'uir_r1_a0_k0_s1_e2_c256',
      'uir_r1_a3_k5_s1_e2_c256',
      'uir_r1_a0_k0_s1_e2_c256',
      'uir_r1_a0_k0_s1_e4_c256',
      'mqa_r1_k3_h4_s1_d64_c256',
      'uir_r1_a3_k0_s1_e4_c256',
      'mqa_r1_k3_h4_s1_d64_c256',
      'uir_r1_a5_k5_s1_e4_c256',
      'mqa_r1_k3_h4_s1_d64_c256',
      'uir_r1_a5_k0_s1_e4_c256',
      'mqa_r1_k3_h4_s1_d64_c256',
      'uir_r1_a5_k0_s1_e4_c256',
    ],
    ['cn_r1_k1_s1_c960'],
  ],
  { layerScale: 1e-5 },
);

export const hybridLarge = design(
  24,
  [
    ['er_r1_k3_s2_e4_c48'],
    ['uir_r1_a3_k5_s2_e4_c96', 'uir_r1_a3_k3_s1_e4_c96'],
    [
      'uir_r1_a3_k5_s2_e4_c192',
      'uir_r3_a3_k3_s1_e4_c192',
      'uir_r1_a3_k5_s1_e4_c192',
      'uir_r2_a5_k3_s1_e4_c192',
      'mqa_r1_k3_h8_s1_v2_d48_c192',
      'uir_r1_a5_k3_s1_e4_c192',
      'mqa_r1_k3_h8_s1_v2_d48_c192',
      'uir_r1_a5_k3_s1_e4_c192',
      'mqa_r1_k3_h8_s1_v2_d48_c192',
      'uir_r1_a5_k3_s1_e4_c192',
      'mqa_r1_k3_h8_s1_v2_d48_c192',
      'uir_r1_a3_k0_s1_e4_c192',
    ],
    [
      'uir_r4_a5_k5_s2_e4_c512',
      'uir_r1_a5_k0_s1_e4_c512',
      'uir_r1_a5_k3_s1_e4_c512',
      'uir_r2_a5_k0_s1_e4_c512',
      'uir_r1_a5_k3_s1_e4_c512',
      'uir_r1_a5_k5_s1_e4_c512',
      'mqa_r1_k3_h8_s1_d64_c512',
      'uir_r1_a5_k0_s1_e4_c512',
      'mqa_r1_k3_h8_s1_d64_c512',
      'uir_r1_a5_k0_s1_e4_c512',
      'mqa_r1_k3_h8_s1_d64_c512',
      'uir_r1_a5_k0_s1_e4_c512',
      'mqa_r1_k3_h8_s1_d64_c512',
      'uir_r1_a5_k0_s1_e4_c512',
    ],
    ['cn_r1_k1_s1_c960'],
  ],
  { layerScale: 1e-5, activation: 'gelu' },
);
