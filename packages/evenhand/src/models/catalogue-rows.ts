// Written by tools/catalogue.py from timm.

/**
 * Recommended models of the hub, `timm/<name>`: name, parameters with the original classifier, multiply-accumulates in
 * 10^9 at the default size, default size, crop_pct, crop_mode, interpolation, means and standard deviations, licence, data.
 */
export const CATALOGUE_ROWS = `
vit_small_patch14_dinov2.lvd142m                     22056192  46.76 518 1.0   center bicubic  imagenet apache-2.0     LVD-142M, self-supervised
vit_base_patch14_dinov2.lvd142m                      86579712 151.71 518 1.0   center bicubic  imagenet apache-2.0     LVD-142M, self-supervised
vit_large_patch14_dinov2.lvd142m                    304367616 507.15 518 1.0   center bicubic  imagenet apache-2.0     LVD-142M, self-supervised
vit_small_patch14_reg4_dinov2.lvd142m                22057344  46.95 518 1.0   center bicubic  imagenet apache-2.0     LVD-142M, self-supervised
vit_base_patch14_reg4_dinov2.lvd142m                 86582016 152.25 518 1.0   center bicubic  imagenet apache-2.0     LVD-142M, self-supervised
vit_large_patch14_reg4_dinov2.lvd142m               304370688  508.9 518 1.0   center bicubic  imagenet apache-2.0     LVD-142M, self-supervised
vit_small_patch16_dinov3.lvd1689m                    21586944   6.26 256 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
vit_small_plus_patch16_dinov3.lvd1689m               28683264   8.11 256 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
vit_base_patch16_dinov3.lvd1689m                     85641216   23.6 256 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
vit_large_patch16_dinov3.lvd1689m                   303079424  82.43 256 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
convnext_atto.d2_in1k                                 3695520   0.55 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
convnext_femto.d1_in1k                                5217784   0.79 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
convnext_pico.d1_in1k                                 9045672   1.37 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
convnext_nano.in12k                                  22529821   2.46 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k
convnext_nano.in12k_ft_in1k                          15593560   2.46 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k, ImageNet-1k
convnext_tiny.in12k                                  36910477   4.47 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k
convnext_tiny.in12k_ft_in1k                          28589128   4.47 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k, ImageNet-1k
convnext_tiny.fb_in22k                               44615857   4.47 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-22k
convnext_tiny.dinov3_lvd1689m                        27820128   4.47 224 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
convnext_small.in12k                                 58545037   8.71 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k
convnext_small.fb_in22k                              66250417   8.71 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-22k
convnext_small.dinov3_lvd1689m                       49454688   8.71 224 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
convnext_base.fb_in22k                              109953489  15.38 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-22k
convnext_base.clip_laion2b_augreg_ft_in12k           99682989  20.09 256 1.0   center bicubic  clip     apache-2.0     LAION-2B, image-text, ImageNet-12k
convnext_base.dinov3_lvd1689m                        87566464  15.38 224 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
convnext_large.fb_in22k                             229799953   34.4 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-22k
convnext_large.dinov3_lvd1689m                      196230336   34.4 224 1.0   center bicubic  imagenet dinov3-license LVD-1689M, self-supervised
convnextv2_atto.fcmae_ft_in1k                         3708400   0.55 224 0.875 center bicubic  imagenet cc-by-nc-4.0   ImageNet-1k
convnextv2_nano.fcmae_ft_in22k_in1k                  15623800   2.46 224 0.875 center bicubic  imagenet cc-by-nc-4.0   ImageNet-22k, ImageNet-1k
convnextv2_tiny.fcmae_ft_in22k_in1k                  28635496   4.47 224 0.875 center bicubic  imagenet cc-by-nc-4.0   ImageNet-22k, ImageNet-1k
convnextv2_base.fcmae_ft_in22k_in1k                  88717800  15.38 224 0.875 center bicubic  imagenet cc-by-nc-4.0   ImageNet-22k, ImageNet-1k
vit_tiny_patch16_224.augreg_in21k                     9740115   1.26 224 0.9   center bicubic  half     apache-2.0     ImageNet-22k
vit_small_patch16_224.augreg_in21k                   30075219   4.61 224 0.9   center bicubic  half     apache-2.0     ImageNet-22k
vit_base_patch16_224.augreg_in21k                   102595923  17.58 224 0.9   center bicubic  half     apache-2.0     ImageNet-22k
vit_base_patch16_224.augreg2_in21k_ft_in1k           86567656  17.58 224 0.9   center bicubic  half     apache-2.0     ImageNet-22k, ImageNet-1k
vit_large_patch16_224.augreg_in21k                  325690707   61.6 224 0.9   center bicubic  half     apache-2.0     ImageNet-22k
deit3_small_patch16_224.fb_in22k_ft_in1k             22059496   4.61 224 1.0   center bicubic  imagenet apache-2.0     ImageNet-22k, ImageNet-1k
deit3_base_patch16_224.fb_in22k_ft_in1k              86585320  17.58 224 1.0   center bicubic  imagenet apache-2.0     ImageNet-22k, ImageNet-1k
vit_base_patch32_clip_224.laion2b_ft_in12k_in1k      88225000   4.41 224 0.9   center bicubic  clip     apache-2.0     LAION-2B, image-text, ImageNet-12k, ImageNet-1k
vit_base_patch16_clip_224.laion2b_ft_in12k           94889773  17.58 224 0.9   center bicubic  clip     apache-2.0     LAION-2B, image-text, ImageNet-12k
vit_base_patch16_clip_224.datacompxl                 86193152  17.58 224 1.0   center bicubic  clip     apache-2.0     DataComp-1B, image-text
vit_base_patch16_clip_quickgelu_224.openai           86193152  17.58 224 0.9   center bicubic  clip     apache-2.0     WIT-400M, image-text
vit_base_patch16_clip_quickgelu_224.metaclip_2pt5b   86193152  17.58 224 1.0   center bicubic  clip     cc-by-nc-4.0   MetaCLIP-2.5B, image-text
vit_large_patch14_clip_224.laion2b_ft_in12k         315296301  81.08 224 1.0   center bicubic  half     apache-2.0     LAION-2B, image-text, ImageNet-12k
vit_large_patch14_clip_quickgelu_224.openai         303966976  81.08 224 1.0   center bicubic  clip     apache-2.0     WIT-400M, image-text
vit_large_patch14_clip_quickgelu_224.dfn2b          303966976  81.08 224 1.0   center bicubic  clip     apple-ascl     DFN-2B, image-text
vit_base_patch32_siglip_256.v2_webli                 94552320   5.75 256 0.9   center bicubic  half     apache-2.0     WebLI, image-text
vit_base_patch16_siglip_224.v2_webli                 92884224  17.73 224 0.9   center bicubic  half     apache-2.0     WebLI, image-text
vit_base_patch16_siglip_384.v2_webli                 93176064  56.12 384 0.9   center bicubic  half     apache-2.0     WebLI, image-text
vit_large_patch16_siglip_256.v2_webli               315956224  81.34 256 0.9   center bicubic  half     apache-2.0     WebLI, image-text
vit_pe_core_tiny_patch16_384.fb                       6141056   4.74 384 1.0   center bicubic  half     apache-2.0     MetaCLIP and videos, image-text
vit_pe_core_small_patch16_384.fb                     23783168  15.69 384 1.0   center bicubic  half     apache-2.0     MetaCLIP and videos, image-text
vit_pe_core_base_patch16_224.fb                      93673984  17.82 224 1.0   center bicubic  half     apache-2.0     MetaCLIP and videos, image-text
vit_pe_core_large_patch14_336.fb                    317152256 192.33 336 1.0   center bicubic  half     apache-2.0     MetaCLIP and videos, image-text
eva02_tiny_patch14_336.mim_in22k_ft_in1k              5756584   4.68 336 1.0   center bicubic  clip     mit            ImageNet-22k, ImageNet-1k
eva02_small_patch14_336.mim_in22k_ft_in1k            22129000  15.48 336 1.0   center bicubic  clip     mit            ImageNet-22k, ImageNet-1k
eva02_base_patch14_448.mim_in22k_ft_in22k           103144273 107.11 448 1.0   squash bicubic  clip     mit            ImageNet-22k
eva02_large_patch14_448.mim_m38m_ft_in22k           326442257 362.33 448 1.0   squash bicubic  clip     mit            Merged-38M, ImageNet-22k
mobilenetv3_small_100.lamb_in1k                       2542856   0.06 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
mobilenetv3_large_100.miil_in21k                     18576133   0.23 224 0.875 center bilinear none     apache-2.0     ImageNet-22k
mobilenetv3_large_100.ra_in1k                         5483032   0.23 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
mobilenetv4_conv_small.e2400_r224_in1k                3774024   0.19 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
mobilenetv4_conv_medium.e250_r384_in12k              23577213   2.46 384 1.0   center bicubic  imagenet apache-2.0     ImageNet-12k
mobilenetv4_conv_medium.e500_r256_in1k                9715512    1.1 256 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
mobilenetv4_conv_large.e600_r384_in1k                32590864   6.43 384 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
mobilenetv4_hybrid_medium.e200_r256_in12k            24936349   1.29 256 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k
efficientnet_b0.ra_in1k                               5288548    0.4 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
tf_efficientnet_b0.ns_jft_in1k                        5288548    0.4 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k, JFT-300M without labels
tf_efficientnet_b3.ns_jft_in1k                       12233232   1.87 300 0.904 center bicubic  imagenet apache-2.0     ImageNet-1k, JFT-300M without labels
tf_efficientnet_b4.ns_jft_in1k                       19341616   4.49 380 0.922 center bicubic  imagenet apache-2.0     ImageNet-1k, JFT-300M without labels
tf_efficientnetv2_b0.in1k                             7139704   0.54 192 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
tf_efficientnetv2_b3.in21k                           46394097   1.93 240 0.904 center bicubic  half     apache-2.0     ImageNet-22k
tf_efficientnetv2_s.in21k                            48158371   5.35 300 1.0   center bicubic  half     apache-2.0     ImageNet-22k
tf_efficientnetv2_m.in21k                            80839239  15.85 384 1.0   squash bicubic  half     apache-2.0     ImageNet-22k
resnet18.a1_in1k                                     11689512   1.82 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
resnet34.a1_in1k                                     21797672   3.67 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
resnet50.a1_in1k                                     25557032   4.11 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
resnet50.fb_swsl_ig1b_ft_in1k                        25557032   4.11 224 0.875 center bilinear imagenet cc-by-nc-4.0   Instagram-1B with hashtags, ImageNet-1k
resnet50d.ra2_in1k                                   25576264   4.35 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
resnet101.a1_in1k                                    44549160   7.83 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
resnext50_32x4d.a1h_in1k                             25028904   4.26 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
seresnext50_32x4d.racm_in1k                          27559896   4.26 224 0.875 center bicubic  imagenet apache-2.0     ImageNet-1k
regnety_008.pycls_in1k                                6263168   0.81 224 0.875 center bicubic  imagenet mit            ImageNet-1k
regnety_016.tv2_in1k                                 11202430   1.63 224 0.965 center bicubic  imagenet bsd-3-clause   ImageNet-1k
regnety_032.ra_in1k                                  19436338    3.2 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-1k
regnety_120.sw_in12k                                 76072405  12.14 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k
regnety_160.sw_in12k                                116323665  15.96 224 0.95  center bicubic  imagenet apache-2.0     ImageNet-12k
regnety_160.swag_ft_in1k                             83590140  46.87 384 1.0   center bicubic  imagenet cc-by-nc-4.0   Instagram-3.6B with hashtags, ImageNet-1k
swin_tiny_patch4_window7_224.ms_in22k                44315083   4.51 224 0.9   center bicubic  imagenet mit            ImageNet-22k
swin_small_patch4_window7_224.ms_in22k               65632987   8.77 224 0.9   center bicubic  imagenet mit            ImageNet-22k
swin_base_patch4_window7_224.ms_in22k               109130249  15.47 224 0.9   center bicubic  imagenet mit            ImageNet-22k
swin_base_patch4_window12_384.ms_in22k              109265609  47.19 384 1.0   center bicubic  imagenet mit            ImageNet-22k
`;
