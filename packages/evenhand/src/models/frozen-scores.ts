/** How well a linear classifier on frozen features does. */
export interface FrozenScore {
  /** Mean Macro F1 in percent of the ten biology tasks of BioBench. */
  readonly score: number;
  /** Side of the images in pixels. */
  readonly imageSize: number;
}

/** Name, score, image size. The classifiers of convolutional networks get the maximum over positions, which costs them some. */
const ROWS = `
vit_pe_core_large_patch14_336.fb             42.8 336
vit_large_patch16_dinov3.lvd1689m            41.5 256
vit_large_patch14_dinov2.lvd142m             39.4 224
vit_large_patch14_reg4_dinov2.lvd142m        39.4 224
vit_base_patch16_dinov3.lvd1689m             38.9 256
vit_large_patch16_siglip_256.v2_webli        38.0 256
vit_pe_core_base_patch16_224.fb              37.4 224
vit_base_patch16_siglip_384.v2_webli         36.9 384
vit_base_patch14_dinov2.lvd142m              36.8 224
vit_base_patch14_reg4_dinov2.lvd142m         36.8 224
vit_small_patch16_dinov3.lvd1689m            34.8 256
vit_small_patch14_dinov2.lvd142m             34.4 224
vit_small_patch14_reg4_dinov2.lvd142m        34.4 224
vit_large_patch14_clip_quickgelu_224.openai  34.2 224
vit_base_patch16_siglip_224.v2_webli         34.1 224
vit_base_patch16_224.augreg2_in21k_ft_in1k   34.0 224
vit_pe_core_small_patch16_384.fb             33.3 384
vit_base_patch32_siglip_256.v2_webli         30.4 256
vit_base_patch16_clip_quickgelu_224.openai   29.6 224
convnext_tiny.in12k                          27.7 224
convnext_tiny.in12k_ft_in1k                  23.7 288
mobilenetv3_large_100.ra_in1k                19.5 224
resnet50.a1_in1k                             17.7 288
resnet18.a1_in1k                             17.2 288
efficientnet_b0.ra_in1k                      16.6 224
mobilenet_v2                                 16.4 224
`;

/**
 * Models of the catalogue whose frozen features were compared, by name, the best first.
 *
 * Source: BioBench, github.com/samuelstevens/biobench, docs/data/results.json of March 2026. It has timm's weights of
 * MobileNetV2, and DINOv2 with registers; without them it has the same score here, as it differs little (MODEL_CARD.md of
 * DINOv2: 69.5 % against 67.6 % on iNaturalist 2018 for ViT-S).
 */
export const FROZEN_SCORES: ReadonlyMap<string, FrozenScore> = new Map(
  ROWS.trim()
    .split('\n')
    .map((row) => {
      const [name = '', score, imageSize] = row.split(/ +/);
      return [name, { score: Number(score), imageSize: Number(imageSize) }];
    }),
);
