// The architectures of timm's models/efficientnet.py whose blocks are known here.
import { BLOCK_NETWORK, type BlockNetworkArguments, type MakeDesign, TENSORFLOW } from './block-network.js';
import * as efficientNet from './efficientnet-designs.js';
import * as mobile from './mobile-designs.js';

/** A design, and the arguments of one architecture of it. */
type Row = readonly [design: MakeDesign, args: BlockNetworkArguments];

function row(design: MakeDesign, changes: Partial<BlockNetworkArguments> = {}): Row {
  return [design, { ...BLOCK_NETWORK, ...changes }];
}

/** Factors of width and depth. */
function scale(channel_multiplier: number, depth_multiplier: number | readonly number[] = 1) {
  return { channel_multiplier, depth_multiplier };
}

/** Rates of the head's dropout and of stochastic depth, as in the paper. */
function drop(drop_rate: number, drop_path_rate = 0.2) {
  return { drop_rate, drop_path_rate };
}

/** Each architecture also under the name of its weights from TensorFlow. */
function withTensorFlow(rows: Readonly<Record<string, Row>>): Record<string, Row> {
  const ported = Object.entries(rows).map(
    ([name, [design, args]]) => [`tf_${name}`, row(design, { ...args, ...TENSORFLOW })] as const,
  );
  return { ...rows, ...Object.fromEntries(ported) };
}

const { base, edge, lite, tinyNet, v2Base, v2S, v2Rw, v2M, v2L, v2Xl, testEfficientNet } = efficientNet;

export const TIMM_EFFICIENTNETS: Readonly<Record<string, Row>> = {
  ...withTensorFlow({
    efficientnet_b0: row(base, { ...scale(1.0, 1.0), ...drop(0.2) }),
    efficientnet_b1: row(base, { ...scale(1.0, 1.1), ...drop(0.2) }),
    efficientnet_b2: row(base, { ...scale(1.1, 1.2), ...drop(0.3) }),
    efficientnet_b3: row(base, { ...scale(1.2, 1.4), ...drop(0.3) }),
    efficientnet_b4: row(base, { ...scale(1.4, 1.8), ...drop(0.4) }),
    efficientnet_b5: row(base, { ...scale(1.6, 2.2), ...drop(0.4) }),
    efficientnet_b6: row(base, { ...scale(1.8, 2.6), ...drop(0.5) }),
    efficientnet_b7: row(base, { ...scale(2.0, 3.1), ...drop(0.5) }),
    efficientnet_b8: row(base, { ...scale(2.2, 3.6), ...drop(0.5) }),
    efficientnet_l2: row(base, { ...scale(4.3, 5.3), ...drop(0.5) }),
    efficientnet_es: row(edge),
    efficientnet_em: row(edge, scale(1.0, 1.1)),
    efficientnet_el: row(edge, scale(1.2, 1.4)),
    efficientnet_lite0: row(lite),
    efficientnet_lite1: row(lite, scale(1.0, 1.1)),
    efficientnet_lite2: row(lite, { ...scale(1.1, 1.2), drop_rate: 0.3 }),
    efficientnet_lite3: row(lite, { ...scale(1.2, 1.4), drop_rate: 0.3 }),
    efficientnet_lite4: row(lite, { ...scale(1.4, 1.8), drop_rate: 0.3 }),
    efficientnetv2_s: row(v2S, drop(0.2)),
    efficientnetv2_m: row(v2M, drop(0.3)),
    efficientnetv2_l: row(v2L, drop(0.4)),
    efficientnetv2_xl: row(v2Xl, drop(0.4)),
  }),
  efficientnet_blur_b0: row(base, { ...drop(0.2), aa_layer: 'blurpc' }),
  // the pruned ones have zeros in their weights, and the shapes of the whole networks
  efficientnet_es_pruned: row(edge),
  efficientnet_el_pruned: row(edge, scale(1.2, 1.4)),
  tf_efficientnetv2_b0: row(v2Base, { ...TENSORFLOW, ...drop(0.2) }),
  tf_efficientnetv2_b1: row(v2Base, { ...TENSORFLOW, ...scale(1.0, 1.1), ...drop(0.2) }),
  tf_efficientnetv2_b2: row(v2Base, { ...TENSORFLOW, ...scale(1.1, 1.2), ...drop(0.3) }),
  tf_efficientnetv2_b3: row(v2Base, { ...TENSORFLOW, ...scale(1.2, 1.4), ...drop(0.3) }),
  efficientnetv2_rw_t: row(v2S, { ...scale(0.8, 0.9), ...drop(0.2) }),
  efficientnetv2_rw_s: row(v2Rw, drop(0.2)),
  efficientnetv2_rw_m: row(v2Rw, { ...scale(1.2, [1.2, 1.2, 1.2, 1.2, 1.6, 1.6]), ...drop(0.3) }),
  test_efficientnet: row(testEfficientNet),
  tinynet_a: row(tinyNet, scale(1.0, 1.2)),
  tinynet_b: row(tinyNet, scale(0.75, 1.1)),
  tinynet_c: row(tinyNet, scale(0.54, 0.85)),
  tinynet_d: row(tinyNet, scale(0.54, 0.695)),
  tinynet_e: row(tinyNet, scale(0.51, 0.6)),
  mobilenetv1_100: row(mobile.mobileNetV1(0)),
  mobilenetv1_100h: row(mobile.mobileNetV1(1024)),
  mobilenetv1_125: row(mobile.mobileNetV1(0), scale(1.25)),
  mobilenetv2_035: row(mobile.mobileNetV2(false), scale(0.35)),
  mobilenetv2_050: row(mobile.mobileNetV2(false), scale(0.5)),
  mobilenetv2_075: row(mobile.mobileNetV2(false), scale(0.75)),
  mobilenetv2_100: row(mobile.mobileNetV2(false)),
  mobilenetv2_140: row(mobile.mobileNetV2(false), scale(1.4)),
  mobilenetv2_110d: row(mobile.mobileNetV2(true), scale(1.1, 1.2)),
  mobilenetv2_120d: row(mobile.mobileNetV2(true), scale(1.2, 1.4)),
  mnasnet_050: row(mobile.mnasNet, scale(0.5)),
  mnasnet_075: row(mobile.mnasNet, scale(0.75)),
  mnasnet_100: row(mobile.mnasNet),
  mnasnet_140: row(mobile.mnasNet, scale(1.4)),
  mnasnet_small: row(mobile.mnasNetSmall),
  semnasnet_050: row(mobile.semnasNet, scale(0.5)),
  semnasnet_075: row(mobile.semnasNet, scale(0.75)),
  semnasnet_100: row(mobile.semnasNet),
  semnasnet_140: row(mobile.semnasNet, scale(1.4)),
  // timm gives the pretrained network this epsilon
  fbnetc_100: row(mobile.fbNetC, { bn_eps: 1e-3 }),
  spnasnet_100: row(mobile.spNasNet),
  mobilenet_edgetpu_100: row(mobile.edgeTpu),
  mobilenet_edgetpu_v2_xs: row(
    mobile.edgeTpuV2({
      channels: [16, 32, 48, 96, 144, 160, 192],
      stem: 32,
      stemKernel: 3,
      groupSize: 64,
      features: 1280,
    }),
  ),
  mobilenet_edgetpu_v2_s: row(
    mobile.edgeTpuV2({
      channels: [24, 48, 64, 128, 160, 192, 256],
      stem: 64,
      stemKernel: 5,
      groupSize: 64,
      features: 1280,
    }),
  ),
  mobilenet_edgetpu_v2_m: row(
    mobile.edgeTpuV2({
      channels: [32, 64, 80, 160, 192, 240, 320],
      stem: 64,
      stemKernel: 5,
      groupSize: 64,
      features: 1344,
    }),
  ),
  mobilenet_edgetpu_v2_l: row(
    mobile.edgeTpuV2({
      channels: [32, 64, 96, 192, 240, 256, 384],
      stem: 64,
      stemKernel: 7,
      groupSize: 128,
      features: 1408,
    }),
  ),
};
