"""The table of recommended models: packages/evenhand/src/models/catalogue-rows.ts.

Numbers are those of timm: default_cfgs, parameters of the model itself with its pretrained classifier, and the
multiply-accumulates of results/benchmark-infer-*.csv at the default size. Run it with a checkout of timm:

    TIMM=/path/to/pytorch-image-models /usr/bin/python3 tools/catalogue.py
"""

import csv
import glob
import os
import sys
from pathlib import Path

TIMM = os.environ['TIMM']
sys.path.insert(0, TIMM)

import torch  # noqa: E402

# Random weights take minutes, and only their number counts.
for fill in ('uniform_', 'normal_', 'erfinv_'):
    setattr(torch.Tensor, fill, lambda self, *args, **kwargs: self)

import timm  # noqa: E402

OUT = Path(__file__).parent.parent / 'packages/evenhand/src/models/catalogue-rows.ts'

IN1K = 'ImageNet-1k'
IN12K = 'ImageNet-12k'
IN22K = 'ImageNet-22k'
DINOV2 = 'LVD-142M, self-supervised'
DINOV3 = 'LVD-1689M, self-supervised'
LAION = 'LAION-2B, image-text'

# Of several rows of one architecture, the first is what the architecture's name alone means.
MODELS = [
    ('vit_small_patch14_dinov2.lvd142m', DINOV2),
    ('vit_base_patch14_dinov2.lvd142m', DINOV2),
    ('vit_large_patch14_dinov2.lvd142m', DINOV2),
    ('vit_small_patch14_reg4_dinov2.lvd142m', DINOV2),
    ('vit_base_patch14_reg4_dinov2.lvd142m', DINOV2),
    ('vit_large_patch14_reg4_dinov2.lvd142m', DINOV2),
    ('vit_small_patch16_dinov3.lvd1689m', DINOV3),
    ('vit_small_plus_patch16_dinov3.lvd1689m', DINOV3),
    ('vit_base_patch16_dinov3.lvd1689m', DINOV3),
    ('vit_large_patch16_dinov3.lvd1689m', DINOV3),
    ('convnext_atto.d2_in1k', IN1K),
    ('convnext_femto.d1_in1k', IN1K),
    ('convnext_pico.d1_in1k', IN1K),
    ('convnext_nano.in12k', IN12K),
    ('convnext_nano.in12k_ft_in1k', f'{IN12K}, {IN1K}'),
    ('convnext_tiny.in12k', IN12K),
    ('convnext_tiny.in12k_ft_in1k', f'{IN12K}, {IN1K}'),
    ('convnext_tiny.fb_in22k', IN22K),
    ('convnext_tiny.dinov3_lvd1689m', DINOV3),
    ('convnext_small.in12k', IN12K),
    ('convnext_small.fb_in22k', IN22K),
    ('convnext_small.dinov3_lvd1689m', DINOV3),
    ('convnext_base.fb_in22k', IN22K),
    ('convnext_base.clip_laion2b_augreg_ft_in12k', f'{LAION}, {IN12K}'),
    ('convnext_base.dinov3_lvd1689m', DINOV3),
    ('convnext_large.fb_in22k', IN22K),
    ('convnext_large.dinov3_lvd1689m', DINOV3),
    ('convnextv2_atto.fcmae_ft_in1k', IN1K),
    ('convnextv2_nano.fcmae_ft_in22k_in1k', f'{IN22K}, {IN1K}'),
    ('convnextv2_tiny.fcmae_ft_in22k_in1k', f'{IN22K}, {IN1K}'),
    ('convnextv2_base.fcmae_ft_in22k_in1k', f'{IN22K}, {IN1K}'),
    ('vit_tiny_patch16_224.augreg_in21k', IN22K),
    ('vit_small_patch16_224.augreg_in21k', IN22K),
    ('vit_base_patch16_224.augreg_in21k', IN22K),
    ('vit_base_patch16_224.augreg2_in21k_ft_in1k', f'{IN22K}, {IN1K}'),
    ('vit_large_patch16_224.augreg_in21k', IN22K),
    ('deit3_small_patch16_224.fb_in22k_ft_in1k', f'{IN22K}, {IN1K}'),
    ('deit3_base_patch16_224.fb_in22k_ft_in1k', f'{IN22K}, {IN1K}'),
    ('vit_base_patch32_clip_224.laion2b_ft_in12k_in1k', f'{LAION}, {IN12K}, {IN1K}'),
    ('vit_base_patch16_clip_224.laion2b_ft_in12k', f'{LAION}, {IN12K}'),
    ('vit_base_patch16_clip_224.datacompxl', 'DataComp-1B, image-text'),
    ('vit_base_patch16_clip_quickgelu_224.openai', 'WIT-400M, image-text'),
    ('vit_base_patch16_clip_quickgelu_224.metaclip_2pt5b', 'MetaCLIP-2.5B, image-text'),
    ('vit_large_patch14_clip_224.laion2b_ft_in12k', f'{LAION}, {IN12K}'),
    ('vit_large_patch14_clip_quickgelu_224.openai', 'WIT-400M, image-text'),
    ('vit_large_patch14_clip_quickgelu_224.dfn2b', 'DFN-2B, image-text'),
    ('vit_base_patch32_siglip_256.v2_webli', 'WebLI, image-text'),
    ('vit_base_patch16_siglip_224.v2_webli', 'WebLI, image-text'),
    ('vit_base_patch16_siglip_384.v2_webli', 'WebLI, image-text'),
    ('vit_large_patch16_siglip_256.v2_webli', 'WebLI, image-text'),
    ('vit_pe_core_tiny_patch16_384.fb', 'MetaCLIP and videos, image-text'),
    ('vit_pe_core_small_patch16_384.fb', 'MetaCLIP and videos, image-text'),
    ('vit_pe_core_base_patch16_224.fb', 'MetaCLIP and videos, image-text'),
    ('vit_pe_core_large_patch14_336.fb', 'MetaCLIP and videos, image-text'),
    ('eva02_tiny_patch14_336.mim_in22k_ft_in1k', f'{IN22K}, {IN1K}'),
    ('eva02_small_patch14_336.mim_in22k_ft_in1k', f'{IN22K}, {IN1K}'),
    ('eva02_base_patch14_448.mim_in22k_ft_in22k', IN22K),
    ('eva02_large_patch14_448.mim_m38m_ft_in22k', f'Merged-38M, {IN22K}'),
    ('mobilenetv3_small_100.lamb_in1k', IN1K),
    ('mobilenetv3_large_100.miil_in21k', IN22K),
    ('mobilenetv3_large_100.ra_in1k', IN1K),
    ('mobilenetv4_conv_small.e2400_r224_in1k', IN1K),
    ('mobilenetv4_conv_medium.e250_r384_in12k', IN12K),
    ('mobilenetv4_conv_medium.e500_r256_in1k', IN1K),
    ('mobilenetv4_conv_large.e600_r384_in1k', IN1K),
    ('mobilenetv4_hybrid_medium.e200_r256_in12k', IN12K),
    ('efficientnet_b0.ra_in1k', IN1K),
    ('tf_efficientnet_b0.ns_jft_in1k', f'{IN1K}, JFT-300M without labels'),
    ('tf_efficientnet_b3.ns_jft_in1k', f'{IN1K}, JFT-300M without labels'),
    ('tf_efficientnet_b4.ns_jft_in1k', f'{IN1K}, JFT-300M without labels'),
    ('tf_efficientnetv2_b0.in1k', IN1K),
    ('tf_efficientnetv2_b3.in21k', IN22K),
    ('tf_efficientnetv2_s.in21k', IN22K),
    ('tf_efficientnetv2_m.in21k', IN22K),
    ('resnet18.a1_in1k', IN1K),
    ('resnet34.a1_in1k', IN1K),
    ('resnet50.a1_in1k', IN1K),
    ('resnet50.fb_swsl_ig1b_ft_in1k', f'Instagram-1B with hashtags, {IN1K}'),
    ('resnet50d.ra2_in1k', IN1K),
    ('resnet101.a1_in1k', IN1K),
    ('resnext50_32x4d.a1h_in1k', IN1K),
    ('seresnext50_32x4d.racm_in1k', IN1K),
    ('regnety_008.pycls_in1k', IN1K),
    ('regnety_016.tv2_in1k', IN1K),
    ('regnety_032.ra_in1k', IN1K),
    ('regnety_120.sw_in12k', IN12K),
    ('regnety_160.sw_in12k', IN12K),
    ('regnety_160.swag_ft_in1k', f'Instagram-3.6B with hashtags, {IN1K}'),
    ('swin_tiny_patch4_window7_224.ms_in22k', IN22K),
    ('swin_small_patch4_window7_224.ms_in22k', IN22K),
    ('swin_base_patch4_window7_224.ms_in22k', IN22K),
    ('swin_base_patch4_window12_384.ms_in22k', IN22K),
]

STATISTICS = {
    ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)): 'imagenet',
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)): 'half',
    ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)): 'none',
    ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)): 'clip',
}


def benchmarks():
    """{(architecture, size): gmacs}, of all benchmarks; they agree."""
    gmacs = {}
    for path in sorted(glob.glob(f'{TIMM}/results/benchmark-infer-*.csv')):
        with open(path) as file:
            for row in csv.DictReader(file):
                if row.get('infer_gmacs'):
                    gmacs[row['model'], int(row['infer_img_size'])] = row['infer_gmacs']
    return gmacs


def main():
    gmacs = benchmarks()
    lines = []
    for name, pretraining in MODELS:
        model = timm.create_model(name)
        cfg = model.pretrained_cfg
        architecture = name.split('.')[0]
        channels, height, width = cfg['input_size']
        assert channels == 3 and height == width, name
        hub = cfg['hf_hub_id']
        expected = f"timm/{name.replace('_clip_quickgelu_', '_clip_')}"
        assert hub == expected, f'{name}: {hub}'
        stats = STATISTICS[tuple(cfg['mean']), tuple(cfg['std'])]
        parameters = sum(p.numel() for p in model.parameters())
        # QuickGELU has the same multiply-accumulates.
        keys = [(architecture, height), (architecture.replace('_quickgelu', ''), height)]
        count = next((gmacs[key] for key in keys if key in gmacs), '-')
        lines.append(
            f"{name:<51} {parameters:>9} {count:>6} {height} {cfg['crop_pct']:<5} {cfg['crop_mode']:<6} "
            f"{cfg['interpolation']:<8} {stats:<8} {cfg.get('license') or '-':<14} {pretraining}"
        )
        print(lines[-1], flush=True)
    table = '\n'.join(lines)
    OUT.write_text(
        '// Written by tools/catalogue.py from timm.\n\n'
        '/**\n * Recommended models of the hub, `timm/<name>`: name, parameters with the original classifier, multiply-accumulates in\n'
        ' * 10^9 at the default size, default size, crop_pct, crop_mode, interpolation, means and standard deviations, licence, data.\n'
        ' */\n'
        f'export const CATALOGUE_ROWS = `\n{table}\n`;\n'
    )


main()
