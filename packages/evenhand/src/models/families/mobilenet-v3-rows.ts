// The architectures of timm's models/mobilenetv3.py whose blocks are known here.
import { BLOCK_NETWORK, type BlockNetworkArguments, type MakeDesign, TENSORFLOW } from './block-network.js';
import * as v3 from './mobilenet-v3-designs.js';
import * as v4 from './mobilenet-v4-designs.js';

/** A design, and the arguments of one architecture of it. */
type Row = readonly [design: MakeDesign<v3.MobileNetV3Design>, args: BlockNetworkArguments];

function row(design: Row[0], channel_multiplier = 1, changes: Partial<BlockNetworkArguments> = {}): Row {
  return [design, { ...BLOCK_NETWORK, channel_multiplier, ...changes }];
}

export const MOBILENETS: Readonly<Record<string, Row>> = {
  mobilenetv3_large_075: row(v3.v3Large, 0.75),
  mobilenetv3_large_100: row(v3.v3Large),
  mobilenetv3_large_150d: row(v3.v3Large, 1.5, { depth_multiplier: 1.2 }),
  mobilenetv3_small_050: row(v3.v3Small, 0.5),
  mobilenetv3_small_075: row(v3.v3Small, 0.75),
  mobilenetv3_small_100: row(v3.v3Small),
  mobilenetv3_rw: row(v3.v3Rw, 1, { bn_eps: 1e-3 }),
  tf_mobilenetv3_large_075: row(v3.v3Large, 0.75, TENSORFLOW),
  tf_mobilenetv3_large_100: row(v3.v3Large, 1, TENSORFLOW),
  tf_mobilenetv3_large_minimal_100: row(v3.v3LargeMinimal, 1, TENSORFLOW),
  tf_mobilenetv3_small_075: row(v3.v3Small, 0.75, TENSORFLOW),
  tf_mobilenetv3_small_100: row(v3.v3Small, 1, TENSORFLOW),
  tf_mobilenetv3_small_minimal_100: row(v3.v3SmallMinimal, 1, TENSORFLOW),
  fbnetv3_b: row(v3.fbNetV3B),
  fbnetv3_d: row(v3.fbNetV3D),
  fbnetv3_g: row(v3.fbNetV3G),
  lcnet_035: row(v3.lcNet, 0.35),
  lcnet_050: row(v3.lcNet, 0.5),
  lcnet_075: row(v3.lcNet, 0.75),
  lcnet_100: row(v3.lcNet),
  lcnet_150: row(v3.lcNet, 1.5),
  mobilenetv4_conv_small_035: row(v4.convSmall, 0.35),
  mobilenetv4_conv_small_050: row(v4.convSmall, 0.5),
  mobilenetv4_conv_small: row(v4.convSmall),
  mobilenetv4_conv_medium: row(v4.convMedium),
  mobilenetv4_conv_large: row(v4.convLarge),
  mobilenetv4_conv_aa_medium: row(v4.convMedium, 1, { aa_layer: 'avg' }),
  mobilenetv4_conv_blur_medium: row(v4.convMedium, 1, { aa_layer: 'blurpc' }),
  mobilenetv4_conv_aa_large: row(v4.convLarge, 1, { aa_layer: 'avg' }),
  mobilenetv4_hybrid_medium_075: row(v4.hybridMedium, 0.75),
  mobilenetv4_hybrid_medium: row(v4.hybridMedium),
  mobilenetv4_hybrid_large_075: row(v4.hybridLarge, 0.75),
  mobilenetv4_hybrid_large: row(v4.hybridLarge),
};
