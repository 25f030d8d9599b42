#!/usr/bin/python3
"""Writes packages/predict/golden: small images and the results of torchvision's Resize and CenterCrop, and of timm's
evaluation transforms with crop modes.

    TIMM=/path/to/pytorch-image-models /usr/bin/python3 tools/golden_decode.py

Run with a Python that has torchvision and Pillow (made with torchvision 0.14.1, Pillow 9.4.0, timm 1.0.29.dev0).
"""
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from torchvision import transforms as T

sys.path.insert(0, os.environ.get("TIMM", "../timm"))
from timm.data.transforms_factory import transforms_imagenet_eval

OUT = Path(__file__).parent.parent / "packages" / "predict" / "golden"
MODES = {"bilinear": T.InterpolationMode.BILINEAR, "bicubic": T.InterpolationMode.BICUBIC}


def image(width, height, seed):
    """A gradient with shapes and fine lines: smooth parts, edges and detail, as in a photo."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 100 * np.sin(x / width * a + y / height * b) for a, b in rng.uniform(1, 7, (3, 2))]
    image = Image.fromarray(np.stack(planes, -1).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        cx, cy, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(5, min(width, height) / 3)
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=colour)
        for k in range(12):
            angle = k * math.pi / 6
            draw.line((cx, cy, cx + 2 * r * math.cos(angle), cy + 2 * r * math.sin(angle)), fill=colour)
    return image


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    image(201, 150, 1).save(OUT / "landscape.jpg", quality=90)
    image(120, 181, 2).save(OUT / "portrait.jpg", quality=92, subsampling=0, progressive=True)
    image(160, 120, 3).convert("L").save(OUT / "grey.jpg", quality=90)
    image(95, 90, 4).save(OUT / "small.png", optimize=True)
    cases = []
    for name in ("landscape.jpg", "portrait.jpg", "grey.jpg", "small.png"):
        for interpolation, mode in MODES.items():
            # The second tests upsampling or strong downsampling, the third a crop that is larger than the image.
            for resize, crop in ((64, 56), (110, 101) if name == "small.png" else (37, 37), (40, 51)):
                source = Image.open(OUT / name).convert("RGB")
                result = T.Compose([T.Resize(resize, mode), T.CenterCrop(crop)])(source)
                expected = f"{name.split('.')[0]}-{interpolation}-{resize}-{crop}.png"
                result.save(OUT / expected, optimize=True)
                cases.append(dict(image=name, interpolation=interpolation, resize=resize, crop=crop, expected=expected))
    for name, crop, crop_pct in (("landscape.jpg", 33, 0.85), ("portrait.jpg", 40, 1.0), ("small.png", 108, 0.97)):
        for mode in ("squash", "border"):
            for interpolation, mean in (("bicubic", (0.5, 0.48, 0.0)), ("bilinear", (0.485, 0.456, 0.406))):
                if interpolation == "bilinear" and name != "small.png":
                    continue
                transform = transforms_imagenet_eval(crop, crop_pct, mode, None, interpolation, mean, normalize=False)
                result = Image.fromarray(transform(Image.open(OUT / name).convert("RGB")).permute(1, 2, 0).numpy())
                expected = f"{name.split('.')[0]}-{interpolation}-{crop}-{mode}.png"
                result.save(OUT / expected, optimize=True)
                case = dict(image=name, interpolation=interpolation, resize=math.floor(crop / crop_pct), crop=crop)
                cases.append(dict(**case, cropMode=mode, mean=mean, expected=expected))
    (OUT / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
