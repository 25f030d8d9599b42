// The designs of timm's models/efficientnet.py that are no EfficientNets.
import { common, type MakeDesign } from './block-network.js';

/** Howard et al., arXiv 1704.04861; `features` is the last convolution that some sizes have. */
export const mobileNetV1 =
  (features: number): MakeDesign =>
  (args) => ({
    ...common(args, 32),
    stages: [
      ['dsa_r1_k3_s1_c64'],
      ['dsa_r2_k3_s2_c128'],
      ['dsa_r2_k3_s2_c256'],
      ['dsa_r6_k3_s2_c512'],
      ['dsa_r2_k3_s2_c1024'],
    ],
    features,
    activation: 'relu6',
  });

/** Sandler et al., arXiv 1801.04381. Deep sizes keep the first and last stage and the width of stem and head. */
export const mobileNetV2 =
  (deep: boolean): MakeDesign =>
  (args) => {
    const scaled = common(args, 32);
    return {
      ...scaled,
      stages: [
        ['ds_r1_k3_s1_c16'],
        ['ir_r2_k3_s2_e6_c24'],
        ['ir_r3_k3_s2_e6_c32'],
        ['ir_r4_k3_s2_e6_c64'],
        ['ir_r3_k3_s1_e6_c96'],
        ['ir_r3_k3_s2_e6_c160'],
        ['ir_r1_k3_s1_e6_c320'],
      ],
      fix_first_last: deep,
      stem: deep ? 32 : scaled.stem,
      features: deep ? 1280 : Math.max(1280, scaled.features),
      activation: 'relu6',
    };
  };

/** Tan et al., arXiv 1807.11626: B1, and A1 with squeeze-and-excitation. */
export const mnasNet: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: [
    ['ds_r1_k3_s1_c16_noskip'],
    ['ir_r3_k3_s2_e3_c24'],
    ['ir_r3_k5_s2_e3_c40'],
    ['ir_r3_k5_s2_e6_c80'],
    ['ir_r2_k3_s1_e6_c96'],
    ['ir_r4_k5_s2_e6_c192'],
    ['ir_r1_k3_s1_e6_c320_noskip'],
  ],
  features: 1280,
  activation: 'relu',
});

export const semnasNet: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: [
    ['ds_r1_k3_s1_e1_c16_noskip'],
    ['ir_r2_k3_s2_e6_c24'],
    ['ir_r3_k5_s2_e3_c40_se0.25'],
    ['ir_r4_k3_s2_e6_c80'],
    ['ir_r2_k3_s1_e6_c112_se0.25'],
    ['ir_r3_k5_s2_e6_c160_se0.25'],
    ['ir_r1_k3_s1_e6_c320'],
  ],
  features: 1280,
  activation: 'relu',
});

export const mnasNetSmall: MakeDesign = (args) => ({
  ...common(args, 8),
  stages: [
    ['ds_r1_k3_s1_c8'],
    ['ir_r1_k3_s2_e3_c16'],
    ['ir_r2_k3_s2_e6_c16'],
    ['ir_r4_k5_s2_e6_c32_se0.25'],
    ['ir_r3_k3_s1_e6_c32_se0.25'],
    ['ir_r3_k5_s2_e6_c88_se0.25'],
    ['ir_r1_k3_s1_e6_c144'],
  ],
  features: 1280,
  activation: 'relu',
});

/** Wu et al., arXiv 1812.03443. */
export const fbNetC: MakeDesign = (args) => ({
  ...common(args, 16),
  stages: [
    ['ir_r1_k3_s1_e1_c16'],
    ['ir_r1_k3_s2_e6_c24', 'ir_r2_k3_s1_e1_c24'],
    ['ir_r1_k5_s2_e6_c32', 'ir_r1_k5_s1_e3_c32', 'ir_r1_k5_s1_e6_c32', 'ir_r1_k3_s1_e6_c32'],
    ['ir_r1_k5_s2_e6_c64', 'ir_r1_k5_s1_e3_c64', 'ir_r2_k5_s1_e6_c64'],
    ['ir_r3_k5_s1_e6_c112', 'ir_r1_k5_s1_e3_c112'],
    ['ir_r4_k5_s2_e6_c184'],
    ['ir_r1_k3_s1_e6_c352'],
  ],
  features: 1984,
  activation: 'relu',
});

/** Stamoulis et al., arXiv 1904.02877. */
export const spNasNet: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: [
    ['ds_r1_k3_s1_c16_noskip'],
    ['ir_r3_k3_s2_e3_c24'],
    ['ir_r1_k5_s2_e6_c40', 'ir_r3_k3_s1_e3_c40'],
    ['ir_r1_k5_s2_e6_c80', 'ir_r3_k3_s1_e3_c80'],
    ['ir_r1_k5_s1_e6_c96', 'ir_r3_k5_s1_e3_c96'],
    ['ir_r4_k5_s2_e6_c192'],
    ['ir_r1_k3_s1_e6_c320_noskip'],
  ],
  features: 1280,
  activation: 'relu',
});

/** tensorflow/models, official/projects/edgetpu/vision. */
export const edgeTpu: MakeDesign = (args) => ({
  ...common(args, 32),
  stages: [
    ['cn_r1_k1_s1_c16'],
    ['er_r1_k3_s2_e8_c32', 'er_r3_k3_s1_e4_c32'],
    ['er_r1_k3_s2_e8_c48', 'er_r3_k3_s1_e4_c48'],
    ['ir_r1_k3_s2_e8_c96', 'ir_r3_k3_s1_e4_c96'],
    ['ir_r1_k3_s1_e8_c96_noskip', 'ir_r3_k3_s1_e4_c96'],
    ['ir_r1_k5_s2_e8_c160', 'ir_r3_k5_s1_e4_c160'],
    ['ir_r1_k3_s1_e8_c192'],
  ],
  features: 1280,
  activation: 'relu',
});

interface EdgeTpuV2 {
  /** Channels of the stages. */
  readonly channels: readonly number[];
  readonly stem: number;
  readonly stemKernel: number;
  readonly groupSize: number;
  readonly features: number;
}

export const edgeTpuV2 =
  ({ channels: c, stem, stemKernel, groupSize, features }: EdgeTpuV2): MakeDesign =>
  (args) => {
    const grouped = (channels: number | undefined) => `er_r1_k3_s1_e4_gs${groupSize}_c${channels}`;
    return {
      ...common(args, stem),
      stages: [
        [`cn_r1_k1_s1_c${c[0]}`],
        [`er_r1_k3_s2_e8_c${c[1]}`, grouped(c[1])],
        [`er_r1_k3_s2_e8_c${c[2]}`, grouped(c[2]), `er_r1_k3_s1_e4_c${c[2]}`, grouped(c[2])],
        [`er_r1_k3_s2_e8_c${c[3]}`, `ir_r3_k3_s1_e4_c${c[3]}`],
        [`ir_r1_k3_s1_e8_c${c[4]}`, `ir_r3_k3_s1_e4_c${c[4]}`],
        [`ir_r1_k3_s2_e8_c${c[5]}`, `ir_r3_k3_s1_e4_c${c[5]}`],
        [`ir_r1_k3_s1_e8_c${c[6]}`],
      ],
      stemKernel,
      features,
      activation: 'relu',
    };
  };
