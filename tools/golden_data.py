#!/usr/bin/python3
"""Writes packages/evenhand/golden/data: the distributions and pixels of torchvision's augmentations, and crops by Pillow.

Run with a Python that has torchvision and Pillow (made with torchvision 0.14.1, Pillow 9.4.0).
"""
import base64
import json
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import RandAugment, TrivialAugmentWide, _apply_op

OUT = Path(__file__).parent.parent / "packages" / "evenhand" / "golden" / "data"
DRAWS = 20000
SIZE = 24


def cdf(values):
    """The empirical distribution function at up to 25 points spread over the values."""
    values = np.asarray(values, dtype=np.float64)
    points = np.unique(np.quantile(values, np.linspace(0.02, 0.98, 25), method="nearest"))
    return dict(points=points.tolist(), below=[float((values <= p).mean()) for p in points])


def crops(width, height, scale, ratio):
    image = Image.new("RGB", (width, height))
    draws = np.array([T.RandomResizedCrop.get_params(image, scale, ratio) for _ in range(DRAWS)])
    top, left, h, w = draws.T
    named = dict(top=top, left=left, height=h, width=w, area=h * w, aspect=w / h)
    return dict(size=[width, height], scale=scale, ratio=ratio, cdf={k: cdf(v) for k, v in named.items()})


def jitter():
    t = T.ColorJitter(0.2, 0.3, 0.4, 0.1)
    draws = [t.get_params(t.brightness, t.contrast, t.saturation, t.hue) for _ in range(DRAWS)]
    names = ("brightness", "contrast", "saturation", "hue")
    factors = {name: cdf([d[i + 1] for d in draws]) for i, name in enumerate(names)}
    place = {name: cdf([d[0].tolist().index(i) for d in draws]) for i, name in enumerate(names)}
    return dict(factors=factors, place=place)


def erasing():
    image = torch.zeros(3, 224, 224)
    draws = np.array([T.RandomErasing.get_params(image, (0.02, 0.33), (0.3, 3.3), [0.0])[:4] for _ in range(DRAWS)])
    top, left, h, w = draws.T
    named = dict(top=top, left=left, height=h, width=w, area=h * w, aspect=h / w)
    return {k: cdf(v) for k, v in named.items()}


def policies():
    """Tables with the magnitude of each operation at each level, and whether its sign is random."""
    rand = RandAugment()._augmentation_space(31, (224, 224))
    trivial = TrivialAugmentWide()._augmentation_space(31)
    rows = lambda space: {k: dict(levels=m.reshape(-1).tolist(), signed=s) for k, (m, s) in space.items()}
    return dict(randAugment=rows(rand), trivialAugment=rows(trivial))


def b64(image):
    return base64.b64encode(np.asarray(image).tobytes()).decode()


def pixels():
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    base = np.stack([x * 10, y * 9, (x + y) * 5], -1) + rng.integers(-20, 20, (SIZE, SIZE, 3))
    base[4:9, 5:12] = rng.integers(0, 256, (5, 7, 3))
    base[15:20, 3:9] = [[[200, 30, 60]]]
    base[12:14] = 128
    image = Image.fromarray(np.clip(base, 20, 240).astype(np.uint8))
    jitters = dict(
        brightness=(F.adjust_brightness, (0.8, 1.2137, 0.0, 2.5)),
        contrast=(F.adjust_contrast, (0.7, 1.31, 0.0, 3.0)),
        saturation=(F.adjust_saturation, (0.55, 1.4, 0.0, 3.0)),
        hue=(F.adjust_hue, (0.1, -0.07, 0.5, -0.5, 0.0, 0.003)),
    )
    cases = [dict(op=op, value=v, out=b64(f(image, v))) for op, (f, vs) in jitters.items() for v in vs]
    for angle in (15.0, -7.3, 0.4, 90.0, 180.0, -135.0):
        cases.append(dict(op="rotation", value=angle, out=b64(T.functional.rotate(image, angle))))
    cases.append(dict(op="horizontalFlip", value=1, out=b64(F.hflip(image))))
    cases.append(dict(op="verticalFlip", value=1, out=b64(F.vflip(image))))
    ops = dict(Identity=(0,), ShearX=(0.3, -0.21), ShearY=(0.3, -0.99), TranslateX=(5.9, -3.2), TranslateY=(5.9, -30.0),
               Rotate=(30.0, -4.5), Brightness=(0.9, -0.45), Color=(0.9, -0.45), Contrast=(0.9, -0.45),
               Sharpness=(0.9, -0.45), Posterize=(8, 5, 2), Solarize=(255.0, 178.5, 0.0), AutoContrast=(0,), Equalize=(0,))
    nearest = T.InterpolationMode.NEAREST
    policy = [dict(op=op, value=v, out=b64(_apply_op(image, op, v, nearest, None))) for op, vs in ops.items() for v in vs]
    return dict(size=SIZE, image=b64(image), cases=cases, policy=policy)


def resized(image, left, top, width, height, size, filter):
    """The box resized by Pillow, after everything that it does not touch is cut off."""
    right, bottom = left + width, top + height
    x, y = math.floor(left), math.floor(top)
    part = image.crop((x, y, math.ceil(right), math.ceil(bottom)))
    return part.resize((size, size), filter, box=(left - x, top - y, right - x, bottom - y))


def resized_crops():
    """Boxes of a 40 x 31 image: whole and fractional ones, enlarged and reduced."""
    rng = np.random.default_rng(6)
    y, x = np.mgrid[0:31, 0:40]
    base = np.stack([x * 6, y * 8, (x * y) // 5], -1) + rng.integers(-30, 30, (31, 40, 3))
    base[6:14, 20:30] = rng.integers(0, 2, (8, 10, 3)) * 255
    image = Image.fromarray(np.clip(base, 0, 255).astype(np.uint8))
    whole = [(0, 0, 40, 31), (3, 2, 30, 25), (11, 9, 7, 6), (39, 30, 1, 1), (20, 6, 12, 12), (4, 0, 33, 8)]
    fractional = [(0.25, 0.75, 39.5, 30.125), (12.3, 7.7, 19.62, 16.41), (21.9, 8.05, 4.3, 3.1), (38.6, 0.4, 0.9, 30.6), (5.5, 5.5, 12, 12)]
    cases = []
    for filter, mode in (("bilinear", T.InterpolationMode.BILINEAR), ("bicubic", T.InterpolationMode.BICUBIC)):
        pil = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}[filter]
        for left, top, width, height in whole:
            out = F.resized_crop(image, top, left, height, width, [12, 12], mode)
            cases.append(dict(box=[left, top, width, height], filter=filter, out=b64(out)))
        for box in fractional:
            cases.append(dict(box=box, filter=filter, out=b64(resized(image, *box, 12, pil))))
    return dict(width=40, height=31, size=12, image=b64(image), cases=cases)


def main():
    torch.manual_seed(0)
    OUT.mkdir(parents=True, exist_ok=True)
    distributions = dict(
        draws=DRAWS,
        crops=[crops(667, 500, (0.08, 1.0), (3 / 4, 4 / 3)), crops(500, 667, (0.35, 1.0), (3 / 4, 4 / 3)),
               crops(900, 100, (0.08, 1.0), (3 / 4, 4 / 3)), crops(100, 900, (0.9, 1.0), (3 / 4, 4 / 3))],
        jitter=jitter(), erasing=erasing(), policies=policies())
    (OUT / "augment-distributions.json").write_text(json.dumps(distributions) + "\n")
    (OUT / "augment-crops.json").write_text(json.dumps(resized_crops()) + "\n")
    (OUT / "augment-pixels.json").write_text(json.dumps(pixels()) + "\n")


main()
